"""Seeds in lesions that gain no contrast: outlined on FLAIR or T2, or refused in plain words."""

from functools import lru_cache

import pytest

from imgcompare.errors import SegmentationError
from imgcompare.model import Role, Tissue
from imgcompare.segmentation import (
    Prepared,
    follow_lesion,
    lesion_from_seed,
    outline_seed,
    prepare,
    segment_compartments,
)
from tests.segmentation.analytic import MR_ROLES, Plan, draw, overlap

CENTRE = (24.0, -8.0, 10.0)
ELSEWHERE = (-30.0, -8.0, 25.0)


@lru_cache(maxsize=3)
def lesion_of(tissue: Tissue, roles: tuple[Role, ...] = MR_ROLES):  # type: ignore[no-untyped-def]
    """Draw a lesion of one tissue; oedema stands for tumour that is bright on FLAIR."""
    drawn = draw(Plan(rim=tissue, filling=tissue, oedema=0.0), roles)
    return prepare(drawn.aligned), drawn.fractions[tissue] >= 0.5


def share(prepared: Prepared, region, tissue: Tissue) -> float:  # type: ignore[no-untyped-def]
    found = segment_compartments(prepared, region, source="seed")
    return float(found.fraction(tissue).sum() / found.fraction().sum())


def test_bright_tumour_is_outlined_on_flair():
    prepared, true = lesion_of(Tissue.OEDEMA)
    found = outline_seed(prepared, CENTRE)
    assert found.basis is Role.FLAIR
    assert overlap(found.region.array > 0, true) > 0.95
    assert share(prepared, found.region, Tissue.NON_ENHANCING) > 0.95


@pytest.mark.parametrize("roles", [(Role.FLAIR,), (Role.FLAIR, Role.T1, Role.T2)])
def test_without_a_scan_after_contrast_flair_is_not_read_as_one(roles: tuple[Role, ...]):
    prepared, true = lesion_of(Tissue.OEDEMA, roles)
    assert prepared.aligned.reference_role is Role.FLAIR
    found = outline_seed(prepared, CENTRE)
    assert found.basis is Role.FLAIR
    assert overlap(found.region.array > 0, true) > 0.9


def test_a_cyst_is_outlined_on_t2():
    prepared, true = lesion_of(Tissue.CYSTIC)
    found = outline_seed(prepared, CENTRE)
    assert found.basis is Role.T2
    assert overlap(found.region.array > 0, true) > 0.9
    assert share(prepared, found.region, Tissue.CYSTIC) > 0.95


def test_it_is_followed_on_flair_only_if_it_was_outlined_there():
    prepared, true = lesion_of(Tissue.OEDEMA)
    assert overlap(follow_lesion(prepared, true, unenhanced=True).array > 0, true) > 0.95
    assert not follow_lesion(prepared, true).array.any()


def test_a_lesion_that_gains_contrast_is_outlined_as_before():
    found = outline_seed(prepare(draw(Plan()).aligned), CENTRE)
    assert found.basis is None
    assert found.region.array.any()


@pytest.mark.parametrize(("radius_mm", "said"), [(None, "Nothing at the seed"), (9.0, "9 mm")])
def test_normal_brain_is_refused(radius_mm, said):
    prepared, _ = lesion_of(Tissue.OEDEMA)
    with pytest.raises(SegmentationError, match=said):
        lesion_from_seed(prepared, ELSEWHERE, radius_mm=radius_mm)


def test_without_flair_and_t2_it_is_refused():
    prepared, _ = lesion_of(Tissue.OEDEMA, (Role.T1, Role.T1C))
    with pytest.raises(SegmentationError, match="draw it and give --mask"):
        lesion_from_seed(prepared, CENTRE)
