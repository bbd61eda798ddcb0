import dataclasses
from pathlib import Path

import nibabel
import numpy as np

from imgcompare.geometry import from_nifti_affine
from imgcompare.model import TISSUE_CODES, Comparison, LabelMap, LesionSegmentation, Tissue
from imgcompare.reporting.labels import lesion_map, tissue_map


def test_label_files_lie_on_the_native_grid(comparison: Comparison, written: Path) -> None:
    for result, date in zip(comparison.results, ("2024-01-10", "2024-03-06"), strict=True):
        for kind, expected in (("tissues", tissue_map(result)), ("lesions", lesion_map(result))):
            image = nibabel.load(
                written / "labels" / f"timepoint-{result.index}_{date}_{kind}.nii.gz"
            )
            assert np.array_equal(np.asanyarray(image.dataobj).T, expected)
            grid = from_nifti_affine(image.affine, image.shape)
            assert np.allclose(grid.affine, result.aligned.geometry.affine, atol=1e-4)


def test_crops_are_put_back_where_they_belong(comparison: Comparison) -> None:
    result = comparison.results[1]
    lesion = result.lesions[1]
    full = tissue_map(result)
    start = lesion.geometry.offset_in(result.aligned.geometry)
    inside = tuple(slice(s, s + n) for s, n in zip(start, lesion.geometry.shape, strict=True))
    assert np.array_equal(full[inside], lesion.labels.array)
    assert (full != 0).sum() == (lesion.labels.array != 0).sum()


def test_lesion_ids_leave_oedema_out(comparison: Comparison) -> None:
    result = comparison.results[0]
    oedema = tissue_map(result) == TISSUE_CODES[Tissue.OEDEMA]
    assert oedema.any()
    assert not lesion_map(result)[oedema].any()


def test_where_lesions_overlap_the_lower_id_wins_and_oedema_never(comparison: Comparison) -> None:
    result = comparison.results[0]
    lesion = result.lesions[1]
    cyst = np.where(lesion.labels.array != 0, TISSUE_CODES[Tissue.CYSTIC], 0).astype(np.uint8)
    other = LesionSegmentation(LabelMap(cyst, lesion.geometry), {})
    both = dataclasses.replace(result, lesions={2: other, 1: lesion})
    tissues, ids = tissue_map(both), lesion_map(both)
    alone = tissue_map(result)
    core = (alone != 0) & (alone != TISSUE_CODES[Tissue.OEDEMA])
    assert np.array_equal(tissues[core], alone[core])
    assert (tissues[alone == TISSUE_CODES[Tissue.OEDEMA]] == TISSUE_CODES[Tissue.CYSTIC]).all()
    assert set(np.unique(ids)) == {0, 1, 2}


def test_codes_are_written_beside_the_maps(written: Path) -> None:
    lines = (written / "labels" / "codes.csv").read_text().splitlines()
    assert lines[:3] == ["value,tissue", "0,outside", "1,enhancing"]
