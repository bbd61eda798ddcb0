import pytest

from imgcompare.model import ReaderFinding, ReaderInput
from imgcompare.response.mrano import MRano
from imgcompare.response.rano_measures import Metric
from imgcompare.response.rano_rules import ConfirmBy
from tests.response.courses import categories, course_of, event, figures

# criteria.md §4, "Vectors": enhancing volume; prePD is confirmed by the same growth again
VOLUMES = [
    ([20, 7.0], ["PR"]),
    ([20, 7.1], ["SD"]),
    ([20, 10, 14.0], ["SD", "prePD"]),
    ([20, 10, 13.9], ["SD", "SD"]),
    ([10, 14.5, 20.4], ["prePD", "PD"]),  # +40.7 % over the scan of prePD
    ([10, 14.5, 20.2], ["prePD", "SD"]),  # +39.3 %
    ([10, 14.5, 20.2, 20.3], ["prePD", "SD", "prePD"]),  # that scan is the comparator now
    ([10, 14.5, 20.4, 3], ["prePD", "PD", "PD"]),
    ([10, 14.5, 3], ["prePD", "PR"]),
    ([10, 14.5, None, 20.4], ["prePD", "NE", "PD"]),
]

# criteria.md §4: the same by products, -50 % and +25 %
PRODUCTS = [
    ([1200, 600], ["PR"]),
    ([1000, 1250, 1562.5], ["prePD", "PD"]),
    ([1000, 1250, 1562.4], ["prePD", "SD"]),
    ([1000, 1249], ["SD"]),
]


def volumes(*rows, **more):
    values = dict(enumerate(rows, start=1))
    return course_of(figures(values, "volume", "enhancing"), **more)


def products(*rows, **more):
    values = dict(enumerate(rows, start=1))
    return course_of(figures(values, "bidimensional_product", "enhancing"), **more)


@pytest.mark.parametrize(("values", "expected"), VOLUMES)
def test_volumes_and_their_confirmation(values, expected):
    assert categories(MRano(), volumes(values)) == expected


@pytest.mark.parametrize(("values", "expected"), PRODUCTS)
def test_products_and_their_confirmation(values, expected):
    assert categories(MRano(), products(values)) == expected


def test_a_missing_target_neither_confirms_nor_rules_out():
    """14.5 mL were preliminary; the part that was evaluated is no more than that."""
    readings = volumes([5, 7.5, 7.5, 10.5], [5, 7, None, 10])
    found = MRano().assess(readings)
    assert [a.category for a in found[1:]] == ["prePD", "NE", "PD"]
    assert found[2].missing == ("enhancing volume of lesion 2 at 2024-04-03",)


def test_the_reason_that_decided_is_named():
    for values, rule in (
        ([10, 3], "mrano/target-pr"),
        ([10, 14.5], "mrano/target-pd"),
        ([10, 14.5, 20.4], "mrano/confirmed"),
        ([10, 14.5, 15], "mrano/target-sd"),
    ):
        assert MRano().assess(volumes(values, [0.0] * len(values)))[-1].rule_id == rule


def test_the_original_reference_is_a_setting():
    """criteria.md §4, vector: +39.3 % is confirmed in the mode of the original reference."""
    original = MRano(confirm_reference=ConfirmBy.ORIGINAL)
    assert categories(original, volumes([10, 14.5, 20.2])) == ["prePD", "PD"]
    assert categories(original, volumes([10, 14.5, 14.0])) == ["prePD", "PD"]
    assert categories(original, volumes([10, 14.5, 13.9])) == ["prePD", "SD"]


@pytest.mark.parametrize(("days", "expected"), [(28, "PD"), (27, "prePD")])
def test_a_scan_may_confirm_from_28_days_on(days, expected):
    readings = volumes([10, 14.5, 20.4], days=(0, 42, 42 + days))
    assert categories(MRano(), readings)[-1] == expected


def test_progression_is_dated_back_to_its_first_sign():
    readings = volumes([10, 14.5, 20.4])
    found = MRano().assess(readings)
    assert [a.confirmed for a in found] == [None, True, True]
    summary = MRano().summarise(readings, found)
    assert (summary.progression_index, summary.progression_confirmed) == (1, True)
    assert summary.best == "PD"


def test_progression_that_was_not_confirmed_counts_as_stable():
    readings = volumes([10, 14.5, 15])
    found = MRano().assess(readings)
    assert found[1].confirmed is False
    summary = MRano().summarise(readings, found)
    assert (summary.best, summary.progression_index) == ("SD", None)


def test_progression_that_waits_for_confirmation_is_said():
    readings = volumes([10, 14.5])
    summary = MRano().summarise(readings, MRano().assess(readings))
    assert (summary.best, summary.progression_index) == ("prePD", 1)
    assert summary.progression_confirmed is False


def test_an_additional_new_lesion_or_growth_of_the_first_confirms():
    first = ReaderInput(targets=[1], new_lesions={1: [2]})
    both = ReaderInput(targets=[1], new_lesions={1: [2], 2: [3]})
    rows = [10, 10, 10], [None, 1, 1], [None, None, 1]
    assert categories(MRano(), volumes(*rows[:2], reader=first)) == ["prePD", "SD"]
    assert categories(MRano(), volumes(*rows, reader=both)) == ["prePD", "PD"]
    grown = [10, 10, 10], [None, 5, 11]  # 15 → 21, +40 %
    assert categories(MRano(), volumes(*grown, reader=first)) == ["prePD", "PD"]


def test_clinical_decline_and_histology_need_no_confirmation():
    worse = (event("clinical_status", 40, "worse"),)
    assert categories(MRano(), volumes([10, 10], clinical=worse)) == ["PD"]
    tissue = ReaderInput(findings={1: [ReaderFinding.TUMOUR_IN_HISTOLOGY]})
    assert categories(MRano(), volumes([10, 14.5], reader=tissue)) == ["PD"]


def test_both_metrics_are_reported_and_the_protocol_picks():
    rows = (
        *figures({1: [1000, 1300]}, "bidimensional_product", "enhancing"),
        *figures({1: [10, 13]}, "volume", "enhancing"),
    )
    readings = course_of(rows)
    for metric, expected in ((Metric.PRODUCT, "prePD"), (Metric.VOLUME, "SD")):
        last = MRano(primary_metric=metric).assess(readings)[-1]
        assert last.category == expected
        assert "METRICS_DISAGREE" in last.flags
    assert "METRICS_DISAGREE" not in MRano().assess(products([1000, 1300]))[-1].flags


@pytest.mark.parametrize(("day", "flagged"), [(21, False), (35, False), (20, True), (36, True)])
def test_the_scan_after_radiotherapy_is_the_baseline(day, flagged):
    """criteria.md §4: post-RT MRI (21–35 d); the post-RT baseline changes every percentage."""
    readings = volumes(
        [20, 10, 13.9], days=(0, 42 + day, 140), clinical=(event("radiotherapy_end", 42),)
    )
    before, baseline, last = MRano().assess(readings)
    assert (before.category, before.flags) == ("NE", ("BEFORE_BASELINE",))
    assert (baseline.category, baseline.timepoint_index) == ("baseline", 1)
    assert ("BASELINE_NOT_3_TO_5_WEEKS_AFTER_RADIOTHERAPY" in baseline.flags) == flagged
    assert (last.category, last.percent) == ("SD", pytest.approx(39))
    assert categories(MRano(post_radiotherapy_baseline=False), readings) == ["SD", "SD"]
    assert MRano().summarise(readings, (before, baseline, last)).best == "SD"


def test_lesions_new_before_the_scan_after_radiotherapy_belong_to_its_baseline():
    readings = volumes(
        [20, 10, 10], [None, 5, 5], days=(0, 70, 140), clinical=(event("radiotherapy_end", 42),),
        reader=ReaderInput(new_lesions={1: [2]}),
    )  # fmt: skip
    found = MRano().assess(readings)
    assert (found[1].value, found[2].category) == (15, "SD")


def test_radiotherapy_before_the_course_moves_nothing():
    readings = volumes([20, 20], clinical=(event("radiotherapy_end", -30),))
    assert categories(MRano(), readings) == ["SD"]


def test_non_measurable_disease_that_vanishes_is_a_complete_response():
    readings = products([81, 0])
    assert categories(MRano(), readings) == ["CR"]
