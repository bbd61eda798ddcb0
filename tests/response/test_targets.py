from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from imgcompare.model import Lesion
from imgcompare.response.recist import baseline_size
from imgcompare.response.targets import (
    MAX_TARGETS,
    MAX_TARGETS_PER_ORGAN,
    BaselineLesion,
    organ_of,
    propose_targets,
)

ORGANS = ("liver", "left lung", "right lung", "adrenal", "brain", "")


def lesion(number, mm, *, site="", nodal=False, slice_mm=None, may_be_target=True):
    size = baseline_size(Decimal(mm), nodal=nodal, slice_mm=slice_mm)
    organ = organ_of(Lesion(number, "1", site, nodal=nodal))
    return BaselineLesion(number, Decimal(mm), size, organ, may_be_target)


def test_sides_of_a_paired_organ_are_one_and_all_nodes_are_one():
    assert lesion(1, 20, site="Left Lung").organ == lesion(2, 20, site="lung").organ
    assert lesion(1, 20, site="neck", nodal=True).organ == lesion(2, 20, nodal=True).organ
    assert lesion(1, 20, site="neck").organ != lesion(2, 20, site="neck", nodal=True).organ


def test_a_smaller_lesion_of_another_organ_goes_before_a_second_one():
    lesions = [lesion(n, 60 - n, site=f"organ {n // 2}") for n in range(12)]
    assert propose_targets(lesions) == (0, 2, 4, 6, 8)


def test_lesions_that_may_not_be_targets_are_left_out():
    assert propose_targets([lesion(1, 50, may_be_target=False), lesion(2, 9)]) == ()
    thick = Decimal("7.5")
    assert propose_targets([lesion(1, 14, slice_mm=thick), lesion(2, 15, slice_mm=thick)]) == (2,)


LESIONS = st.lists(
    st.tuples(st.integers(0, 900), st.booleans(), st.sampled_from(ORGANS)), max_size=14
)


@settings(deadline=None)
@given(LESIONS, st.randoms())
def test_the_caps_hold_and_order_does_not_matter(values, random):
    lesions = [
        lesion(n, Decimal(mm) / 10, nodal=nodal, site=site)
        for n, (mm, nodal, site) in enumerate(values)
    ]
    chosen = propose_targets(lesions)
    organs = [lesions[n].organ for n in chosen]
    assert len(set(chosen)) == len(chosen) <= MAX_TARGETS
    assert all(organs.count(o) <= MAX_TARGETS_PER_ORGAN for o in organs)
    assert all(lesions[n].value >= (15 if values[n][1] else 10) for n in chosen)
    random.shuffle(lesions)
    assert propose_targets(lesions) == chosen
