import pytest

from imgcompare.model import Measurement, ReaderFinding, ReaderInput, Response, Role
from imgcompare.response.choi import Choi, ModifiedChoi, ProgressionReference
from tests.response.courses import categories, course, figures

# criteria.md §3, "Vectors": sums of diameters, mean attenuations, Choi, modified Choi
TABLE = [
    ((100, 95), (80, 68), "PR", "SD"),
    ((100, 95), (80, 68.1), "SD", "SD"),
    ((100, 90), (80, 79), "PR", "SD"),
    ((100, 90), (80, 68), "PR", "PR"),
    ((100, 112), (80, 64), "PR", "SD"),
    ((100, 112), (80, 76), "PD", "PD"),
    ((100, 110), (80, 80), "PD", "PD"),
    ((100, 109.9), (80, 80), "SD", "SD"),
    ((100, 90.1), (80, 80), "SD", "SD"),
    ((100, 0), (80, None), "CR", "CR"),
]


def two_lesions(sums, attenuations, **more):
    """Two lesions of equal size and attenuation."""
    halves = [s / 2 for s in sums]
    hu = figures({1: attenuations, 2: attenuations}, "mean_intensity")
    return course({1: halves, 2: halves}, extra=hu, **more)


@pytest.mark.parametrize(("sums", "attenuations", "choi", "modified"), TABLE)
def test_size_and_attenuation_at_the_boundaries(sums, attenuations, choi, modified):
    readings = two_lesions(sums, attenuations)
    assert categories(Choi(), readings) == [choi]
    assert categories(ModifiedChoi(), readings) == [modified]


@pytest.mark.parametrize(("third", "expected"), [(67, "PR"), (67.01, "SD")])
def test_a_mean_that_is_no_decimal_is_compared_exactly(third, expected):
    """241/3 HU less 15 % is 204.85/3 HU, neither of which is a decimal."""
    hu = figures({1: [80, 68.85], 2: [80, 69], 3: [81, third]}, "mean_intensity")
    readings = course({1: [50, 50], 2: [50, 50], 3: [50, 50]}, extra=hu)
    assert categories(Choi(), readings) == [expected]


def test_a_growing_nodule_is_progression_whatever_the_figures():
    """criteria.md §3, vector: 100,80 + growing nodule → PD."""
    reader = ReaderInput(findings={1: [ReaderFinding.INTRATUMOURAL_NODULE]})
    readings = two_lesions((100, 80), (80, 60), reader=reader)
    assert categories(Choi(), readings) == ["PD"]
    assert categories(ModifiedChoi(), readings) == ["PD"]
    assert categories(Choi(), two_lesions((100, 80), (80, 60))) == ["PR"]


def test_new_lesions_and_other_progression_count():
    new = ReaderInput(targets=[1, 2], new_lesions={1: [1]})
    other = ReaderInput(non_target={1: Response.PD})
    for reader in (new, other):
        readings = two_lesions((100, 90), (80, 60), reader=reader)
        assert categories(Choi(), readings) == ["PD"]


@pytest.mark.parametrize(
    ("sums", "choi", "modified"),
    [((100, 90), "PR", "NE"), ((100, 100), "NE", "SD"), ((100, 110), "NE", "NE")],
)
def test_without_attenuation_only_what_does_not_hang_on_it_is_said(sums, choi, modified):
    readings = two_lesions(sums, (80, None))
    for criterion, expected in ((Choi(), choi), (ModifiedChoi(), modified)):
        last = criterion.assess(readings)[-1]
        assert last.category == expected
        assert bool(last.missing) == (expected == "NE")
        assert all("mean intensity in HU" in m for m in last.missing)


def test_an_attenuation_of_zero_or_less_at_baseline_is_not_evaluable():
    """criteria.md §3: baseline HU ≤0 → NE."""
    for base in (0, -5):
        last = Choi().assess(two_lesions((100, 100), (base, -20)))[-1]
        assert last.category == "NE"
        assert "above 0 HU" in last.missing[0]


def test_mr_signal_is_no_attenuation():
    signal = [
        Measurement(1, t, "whole", "mean_intensity", v, "MR signal") for t, v in enumerate((80, 60))
    ]
    assert categories(Choi(), course({1: [50, 50]}, extra=signal)) == ["NE"]


def test_growth_is_compared_with_baseline_or_as_a_setting_with_the_nadir():
    readings = two_lesions((100, 80, 95), (80, 80, 80))
    assert categories(Choi(), readings) == ["PR", "SD"]
    by_nadir = Choi(progression_reference=ProgressionReference.NADIR)
    assert categories(by_nadir, readings) == ["PR", "PD"]
    assert by_nadir.assess(readings)[-1].reference.startswith("nadir")


def test_the_mean_may_weigh_lesions_by_their_area():
    areas = figures({1: [900, 900], 2: [100, 100]}, "bidimensional_product")
    hu = figures({1: [80, 60], 2: [80, 80]}, "mean_intensity")
    readings = course({1: [50, 50], 2: [50, 50]}, extra=(*areas, *hu))
    assert categories(Choi(), readings) == ["SD"]  # 80 → 70, -12.5 %
    assert categories(Choi(area_weighted=True), readings) == ["PR"]  # 80 → 62, -22.5 %


def test_another_phase_is_said():
    readings = course(
        {1: [50, 50]},
        extra=figures({1: [80, 60]}, "mean_intensity"),
        roles=(frozenset({Role.CT_ARTERIAL}),) * 2,
    )
    assert "PHASE_NOT_PORTAL" in Choi().assess(readings)[-1].flags


def test_what_decided_is_the_figure_that_is_shown():
    """A response by attenuation alone shows HU and its limit, one by size the diameters."""
    by_density = Choi().assess(two_lesions((100, 106), (80, 40)))[-1]
    assert (by_density.quantity, by_density.unit) == ("mean attenuation", "HU")
    assert (by_density.value, by_density.absolute, by_density.percent) == (40, -40, -50)
    decided = next(r for r in by_density.reasons if r.rule_id == by_density.rule_id)
    assert (decided.value, decided.threshold) == (40, 68)
    assert "+6.0 %" in decided.text
    for sums in ((100, 90), (100, 120)):
        by_size = Choi().assess(two_lesions(sums, (80, 80)))[-1]
        assert (by_size.unit, by_size.value) == ("mm", sums[1])
