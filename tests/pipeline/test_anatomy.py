import pytest

from imgcompare.model import Acquisition, Role, Series, Timepoint
from imgcompare.pipeline.anatomy import site_of_images
from imgcompare.pipeline.journal import Journal
from tests.builders import make_geometry, make_volume


def visit(body_part: str | None, description: str = "") -> Timepoint:
    geometry = make_geometry()
    series = Series(
        "1.2.3", "MR", Role.T1C, "", description, geometry, Acquisition(body_part=body_part), (),
        make_volume,
    )  # fmt: skip
    return Timepoint(0, None, (), {Role.T1C: series})


@pytest.mark.parametrize(
    ("visits", "given", "site"),
    [
        ([visit("HEAD"), visit("BRAIN")], "", "brain"),
        ([visit("ABDOMEN"), visit(None)], "", "abdomen"),
        ([visit("ABDOMEN")], "liver", "liver"),
        ([visit(None, "AX T1 LIVER +C")], "", "liver"),
        ([visit(None, "t1 frontal body coil high temporal resolution")], "", ""),
        ([visit("HEAD"), visit("CHEST")], "", ""),
        ([visit(None)], "", ""),
    ],
)
def test_headers_or_a_person_say_where_lesions_lie(visits, given, site):
    journal = Journal()
    assert site_of_images(visits, given, journal) == site
    if not given:
        (decision,) = journal.decisions
        assert decision.choice == f"site: {site or 'unknown'}"
        assert ("--site" in decision.reason) is not bool(site)


def test_what_identifies_the_patient_is_hidden():
    journal = Journal(hide=lambda text: text.replace("mustermann", "***"))
    site_of_images([visit(None, "Mustermann liver")], "", journal)
    assert journal.decisions[0].reason.startswith("'*** liver' in the descriptions")
