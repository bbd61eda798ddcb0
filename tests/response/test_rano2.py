from decimal import Decimal

import pytest

from imgcompare.model import Category, ReaderFinding, ReaderInput, Response
from imgcompare.response.rano2 import Rano2, Tumour
from imgcompare.response.rano_rules import ConfirmBy, combine_parts
from tests.response.courses import categories, course_of, event, figures

RT_END = (event("radiotherapy_end", -1),)
PR, MR, SD, PD, CR, NE = (Category(c) for c in ("PR", "MR", "SD", "PD", "CR", "NE"))


def products(*rows, compartment="enhancing", extra=(), **more):
    values = dict(enumerate(rows, start=1))
    own = figures(values, "bidimensional_product", compartment)
    return course_of((*own, *extra), **more)


def volumes(*rows, compartment="enhancing", **more):
    return course_of(figures(dict(enumerate(rows, start=1)), "volume", compartment), **more)


# criteria.md §4, "Vectors": products and volumes of enhancing tumour, no window
TABLE = [
    ([1200, 600], ["PR"]),
    ([1200, 601], ["SD"]),
    ([1200, 600, 750], ["PR", "PD"]),
    ([1200, 600, 749], ["PR", "SD"]),
    ([1200, 400, 499], ["PR", "PR"]),
    ([1200, 400, 500], ["PR", "PD"]),
]
VOLUMES = [
    ([20, 7.0], ["PR"]),
    ([20, 7.1], ["SD"]),
    ([20, 10, 14.0], ["SD", "PD"]),
    ([20, 10, 13.9], ["SD", "SD"]),
]


@pytest.mark.parametrize(("values", "expected"), TABLE)
def test_products_at_the_boundaries(values, expected):
    assert categories(Rano2(), products(values)) == expected


@pytest.mark.parametrize(("values", "expected"), VOLUMES)
def test_volumes_at_the_boundaries(values, expected):
    assert categories(Rano2(), volumes(values)) == expected


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        ([1300, 1250], ["prePD", "PD"]),  # still +25 % against the original reference
        ([1300, 1249], ["prePD", "SD"]),
        ([1300, 500], ["prePD", "PR"]),
        ([1300, 1250, 400], ["prePD", "PD", "PD"]),
    ],
)
def test_within_12_weeks_of_radiotherapy_progression_is_confirmed(later, expected):
    assert categories(Rano2(), products([1000, *later], clinical=RT_END)) == expected


def test_confirmation_against_the_preliminary_scan_is_a_setting():
    """criteria.md §4: confirm_ref prePD or original."""
    further = Rano2(confirm_reference=ConfirmBy.PRELIMINARY)
    readings = products([1000, 1300, 1300, 1625], clinical=RT_END)
    assert categories(further, readings) == ["prePD", "SD", "PD"]
    assert categories(Rano2(), readings) == ["prePD", "PD", "PD"]


def test_later_than_12_weeks_confirmation_is_a_setting():
    readings = products([1000, 1300, 1300], days=(0, 84, 126), clinical=RT_END)  # day 85
    assert categories(Rano2(), readings) == ["PD", "PD"]
    assert categories(Rano2(confirm_always=True), readings) == ["prePD", "PD"]
    outside = ReaderInput(findings={1: [ReaderFinding.OUTSIDE_RADIATION_FIELD]})
    early = products([1000, 1300], clinical=RT_END, reader=outside)
    assert categories(Rano2(), early) == ["PD"]


def test_at_most_three_targets():
    """criteria.md §4: max 3 in RANO 2.0 (verify): a setting."""
    readings = products(*([n * 100] * 2 for n in range(1, 6)))
    assert Rano2().assess(readings)[0].value == 1200
    assert Rano2(most_targets=5).assess(readings)[0].value == 1500


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ([400, 750], "PD"),  # it grew; 1000+400 → 1000+750 is +25 %
        ([400, 749], "SD"),  # +24.9 % with it
        ([400, 450], "SD"),  # it did not grow by 25 %
    ],
)
def test_a_grown_non_target_is_added_to_the_targets(other, expected):
    """criteria.md §4: overall PD only if target + progressing lesion sum is +25%."""
    readings = products([1000, 1000], other, reader=ReaderInput(targets=[1]))
    assert categories(Rano2(), readings) == [expected]


def test_a_non_measurable_lesion_progresses_when_it_becomes_measurable():
    for size, expected in (([81, 302], "PD"), ([81, 301], "SD"), ([81, 99], "SD")):
        readings = products([800, 800], size, reader=ReaderInput(targets=[1]))
        assert categories(Rano2(), readings) == [expected]


def test_a_readers_progression_of_non_targets_counts_where_they_are_not_measured():
    reader = ReaderInput(targets=[1], non_target={1: Response.PD})
    assert categories(Rano2(), products([1000, 1000], reader=reader)) == ["PD"]
    measured = Rano2().assess(products([1000, 1000], [400, 400], reader=reader))[-1]
    assert measured.category == "SD"
    assert "NON_TARGET_PD_NEEDS_THE_SUM" in measured.flags


def test_an_increase_on_t2_flair_counts_under_antiangiogenic_agents():
    """criteria.md §4: dropped for IDH-wt CE except antiangiogenic."""
    reader = ReaderInput(findings={1: [ReaderFinding.T2_FLAIR_INCREASE]})
    readings = products([1000, 1000], reader=reader)
    assert categories(Rano2(), readings) == ["SD"]
    assert categories(Rano2(antiangiogenic=True), readings) == ["PD"]


@pytest.mark.parametrize(
    ("size", "expected", "flag"),
    [
        (100, "PD", None),
        (99, "SD", "NEW_LESION_NOT_MEASURABLE"),
        (None, "PD", "NEW_LESION_SIZE_UNKNOWN"),
    ],
)
def test_new_lesions_must_be_measurable(size, expected, flag):
    reader = ReaderInput(targets=[1], new_lesions={1: [2]})
    rows = figures({1: [1000, 1000], 2: [None, size]}, "bidimensional_product", "enhancing")
    lesion = figures({2: [None, 12]}, "longest_diameter")
    last = Rano2().assess(course_of((*rows, *lesion), reader=reader))[-1]
    assert last.category == expected
    assert flag is None or flag in last.flags


# criteria.md §4: minor response of non-enhancing tumours, area and volume
MINOR = [
    ([1000, 750], "MR"),
    ([1000, 751], "SD"),
    ([1000, 501], "MR"),
    ([1000, 500], "PR"),
    ([1000, 1250], "PD"),
]
MINOR_VOLUMES = [([10, 6], "MR"), ([10, 6.1], "SD"), ([10, 3.6], "MR"), ([10, 3.5], "PR")]


@pytest.mark.parametrize(("values", "expected"), MINOR)
def test_non_enhancing_tumours_have_a_minor_response(values, expected):
    criterion = Rano2(tumour=Tumour.NON_ENHANCING)
    assert categories(criterion, products(values, compartment="t2_flair")) == [expected]


@pytest.mark.parametrize(("values", "expected"), MINOR_VOLUMES)
def test_minor_response_by_volume(values, expected):
    criterion = Rano2(tumour=Tumour.NON_ENHANCING)
    assert categories(criterion, volumes(values, compartment="t2_flair")) == [expected]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((PD, CR), PD), ((NE, PD), PD), ((CR, PR), PR), ((CR, CR), CR), ((CR, SD), SD),
        ((PR, SD), PR), ((MR, SD), MR), ((SD, SD), SD), ((PR, MR), MR), ((PR, NE), NE),
    ],
)  # fmt: skip
def test_mixed_tumours_are_combined(parts, expected):
    """criteria.md §4: PD+any=PD; CR+X=X; MR/PR+SD=MR/PR; SD+SD=SD; PR+MR as MR."""
    assert combine_parts(parts) is expected
    assert combine_parts(parts[::-1]) is expected


def test_either_part_of_a_mixed_tumour_may_confirm():
    criterion = Rano2(tumour=Tumour.MIXED, confirm_reference=ConfirmBy.PRELIMINARY)
    for later, expected in ((4687.5, "PD"), (4687, "SD")):
        flair = figures({1: [3000, 3750, later]}, "bidimensional_product", "t2_flair")
        readings = products([1000, 1000, 1000], extra=flair, clinical=RT_END)
        assert categories(criterion, readings) == ["prePD", expected]


def test_a_mixed_tumour_is_measured_in_both_parts():
    criterion = Rano2(tumour=Tumour.MIXED)
    flair = figures({1: [3000, 2000]}, "bidimensional_product", "t2_flair")
    assert categories(criterion, products([1000, 0], extra=flair)) == ["MR"]
    grown = figures({1: [3000, 3750]}, "bidimensional_product", "t2_flair")
    last = criterion.assess(products([1000, 400], extra=grown))[-1]
    assert (last.category, last.quantity) == ("PD", "sum of products of T2/FLAIR abnormality")
    missing = criterion.assess(products([1000, 1000]))[-1]
    assert missing.category == "NE"
    assert "t2_flair bidimensional product of lesion 1" in missing.missing[0]


def test_the_volume_of_a_minor_response_is_a_setting():
    """criteria.md §4: to be verified; a sphere of -25 % in area has lost 35.0 %."""
    criterion = Rano2(tumour=Tumour.NON_ENHANCING, minor_volume_percent=Decimal(35))
    assert categories(criterion, volumes([10, 6.5], compartment="t2_flair")) == ["MR"]
    assert categories(criterion, volumes([10, 6.6], compartment="t2_flair")) == ["SD"]
