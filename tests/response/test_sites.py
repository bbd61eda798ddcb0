import pytest

from imgcompare.response.sites import BRAIN, LIVER, is_elsewhere, is_known


def test_a_site_that_names_no_organ_is_not_elsewhere():
    assert not is_elsewhere("segment 6", LIVER)
    assert not is_elsewhere("", BRAIN)
    assert not is_known("segment 6")


@pytest.mark.parametrize(
    ("site", "organ", "elsewhere"),
    [
        ("liver", LIVER, False),
        ("liver", BRAIN, True),
        ("abdomen", LIVER, False),  # it may be
        ("abdomen", BRAIN, True),
        ("head", BRAIN, False),
        ("head", LIVER, True),
        ("chest", LIVER, True),
        ("kidney", LIVER, True),
    ],
)
def test_a_region_may_hold_the_organ(site, organ, elsewhere):
    assert is_elsewhere(site, organ) is elsewhere
