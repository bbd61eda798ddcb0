import pytest

from imgcompare.model import Lesion, LesionState, ReaderFinding, ReaderInput, Response
from imgcompare.response.rano import RanoHgg2010
from tests.response.courses import categories, course, course_of, event, figures

F = ReaderFinding
RT_END = (event("radiotherapy_end", 0),)

# criteria.md §4, "Vectors": enhancing SPD at baseline and later
TABLE = [
    ([1200, 600], ["PR"]),
    ([1200, 601], ["SD"]),
    ([1200, 600, 750], ["PR", "PD"]),
    ([1200, 600, 749], ["PR", "SD"]),
    ([1200, 400, 499], ["PR", "PR"]),
    ([1200, 400, 500], ["PR", "PD"]),
    ([1200, 1500], ["PD"]),
    ([1200, 1499], ["SD"]),
    ([1200, 0], ["CR"]),
]


def spd(*rows, **more):
    values = dict(enumerate(rows, start=1))
    return course_of(figures(values, "bidimensional_product", "enhancing"), **more)


@pytest.mark.parametrize(("values", "expected"), TABLE)
def test_products_at_the_boundaries(values, expected):
    assert categories(RanoHgg2010(), spd(values)) == expected


@pytest.mark.parametrize(
    ("day", "findings", "expected"),
    [
        (56, {}, "SD"),  # week 8, +30 % in field: not PD, recheck
        (56, {1: [F.OUTSIDE_RADIATION_FIELD]}, "PD"),
        (56, {1: [F.TUMOUR_IN_HISTOLOGY]}, "PD"),
        (84, {}, "SD"),  # day 84 is within the window
        (85, {}, "PD"),
    ],
)
def test_within_12_weeks_of_radiotherapy(day, findings, expected):
    """criteria.md §4, vector: RANO 2010 week 8, and the exact bound of 84 days."""
    reader = ReaderInput(findings=findings)
    readings = spd([1000, 1300], days=(0, day), clinical=RT_END, reader=reader)
    last = RanoHgg2010().assess(readings)[-1]
    assert last.category == expected
    assert ("RECHECK" in last.flags) == (expected == "SD")


def test_without_an_events_table_the_window_is_unknown():
    last = RanoHgg2010().assess(spd([1000, 1300], days=(0, 56)))[-1]
    assert last.category == "PD"
    assert {"WINDOW_UNKNOWN", "RADIOGRAPHIC_ONLY"} <= set(last.flags)


def test_new_lesions_t2_flair_and_clinical_decline_are_progression():
    stable = [1000, 1000]
    new = ReaderInput(new_lesions={1: [2]})
    assert categories(RanoHgg2010(), spd(stable, [None, 50], reader=new)) == ["PD"]
    flair = ReaderInput(findings={1: [F.T2_FLAIR_INCREASE]})
    assert categories(RanoHgg2010(), spd(stable, reader=flair)) == ["PD"]
    worse = (event("clinical_status", 40, "worse"),)
    assert categories(RanoHgg2010(), spd(stable, clinical=worse)) == ["PD"]
    other = ReaderInput(non_target={1: Response.PD})
    assert categories(RanoHgg2010(), spd(stable, reader=other)) == ["PD"]


def test_clinical_decline_alone_in_the_window_is_rechecked():
    worse = (*RT_END, event("clinical_status", 40, "worse"))
    for later in (1000, 400, 0):  # a response needs a stable clinical status
        last = RanoHgg2010().assess(spd([1000, later], clinical=worse))[-1]
        assert last.category == "SD"
        assert "RECHECK" in last.flags


@pytest.mark.parametrize(("clinical", "remark"), [((), ". If confirmed: PD"), (RT_END, "it")])
def test_a_new_lesion_is_proposed_with_what_it_would_mean(clinical, remark):
    readings = spd([1000, 1000], [None, 200], clinical=clinical)
    last = RanoHgg2010().assess(readings)[-1]
    assert last.category == "SD"
    proposal = next(r for r in last.reasons if r.rule_id.endswith("new-lesion-proposed"))
    assert proposal.text.endswith(remark)


@pytest.mark.parametrize(
    ("dose", "values", "expected"),
    [
        ("0", [1000, 0], "CR"),
        ("none", [1000, 0], "CR"),
        ("2", [1000, 0], "PR"),  # complete response needs no steroids
        ("4", [1000, 400], "PR"),
        ("5", [1000, 400], "NE"),
        ("5", [1000, 1000], "NE"),  # not stable until the dose returns
        ("5", [1000, 1250], "PD"),
        ("increased", [1000, 1000], "NE"),
        ("decreased", [1000, 1000], "SD"),
    ],
)
def test_steroids(dose, values, expected):
    """criteria.md §4: CR needs none; PR and SD stable or less; a rise alone is not PD."""
    doses = (event("steroid_dose", 0, "4"), event("steroid_dose", 40, dose))
    last = RanoHgg2010().assess(spd(values, clinical=doses))[-1]
    assert last.category == expected
    assert "RADIOGRAPHIC_ONLY" not in last.flags
    assert ("STEROIDS_INCREASED" in last.flags) == (expected == "NE")
    if expected == "NE":
        assert last.missing == ("a steroid dose no higher than at baseline",)


def test_only_non_measurable_disease_is_at_best_stable():
    for later, expected in ((0, "SD"), (50, "SD"), (None, "NE")):
        assert categories(RanoHgg2010(), spd([81, later], count=2)) == [expected]


@pytest.mark.parametrize(
    ("long", "across", "slice_mm", "is_target"),
    [(10, 10, 5, True), (20, 9.9, 5, False), (14, 14, 7.5, False), (15, 15, 7.5, True)],
)
def test_both_diameters_of_a_measurable_lesion(long, across, slice_mm, is_target):
    rows = (
        *figures({1: [long, 40]}, "longest_diameter", "enhancing"),
        *figures({1: [across, 40]}, "perpendicular_diameter", "enhancing"),
    )
    found = categories(RanoHgg2010(), course_of(rows, slice_mm=slice_mm))
    assert found == ["PD" if is_target else "SD"]


@pytest.mark.parametrize(
    ("site", "flagged"), [("liver", True), ("left frontal", False), ("", False)]
)
def test_lesions_outside_the_brain_are_said(site, flagged):
    rows = figures({1: [1000, 500]}, "bidimensional_product", "enhancing")
    found = RanoHgg2010().assess(course_of(rows, lesions=[Lesion(1, "1", site)]))
    assert found[1].category == "PR"
    assert all(("OUTSIDE_ITS_ORGAN" in a.flags) == flagged for a in found)


def test_at_most_five_targets_by_size_whatever_their_site():
    first = RanoHgg2010().assess(spd(*([100 * n, 100 * n] for n in range(1, 8))))[0]
    assert first.value == 100 * (7 + 6 + 5 + 4 + 3)


def test_remaining_non_target_disease_is_no_complete_response():
    assert categories(RanoHgg2010(), spd([1000, 0], [81, 50])) == ["PR"]
    assert categories(RanoHgg2010(), spd([1000, 0], [81, 0])) == ["CR"]


def test_responses_are_preliminary_until_seen_again_after_28_days():
    """criteria.md §4, vectors: PR* is preliminary until 28 days."""
    for days, expected in ((28, True), (27, False)):
        found = RanoHgg2010().assess(spd([1200, 600, 600], days=(0, 42, 42 + days)))
        assert [a.confirmed for a in found] == [None, expected, expected]
    undated = spd([1200, 600, 600])
    undated = type(undated)(undated.lesions, undated.measurements, (None,) * 3)
    assert RanoHgg2010().assess(undated)[1].confirmed is None


def test_the_best_response_counts_what_was_confirmed():
    for days, expected in ((28, "PR"), (27, "SD")):
        readings = spd([1200, 600, 600, 900], days=(0, 42, 42 + days, 140))
        found = RanoHgg2010().summarise(readings, RanoHgg2010().assess(readings))
        assert (found.best, found.progression_index) == (expected, 3)


def test_a_target_that_was_not_evaluated_is_named():
    reader = ReaderInput(states={(1, 1): LesionState.NE})
    last = RanoHgg2010().assess(spd([1000, None], count=2, reader=reader))[-1]
    assert last.category == "NE"
    assert last.missing == ("enhancing bidimensional product of lesion 1 at 2024-02-21",)


def test_without_enhancing_products_it_is_not_evaluable():
    last = RanoHgg2010().assess(course({1: [50, 50]}))[-1]
    assert last.category == "NE"
    assert last.missing
