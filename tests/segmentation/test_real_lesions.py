"""Real scans with known answers; skipped where they are not present."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import SimpleITK as sitk

from imgcompare.geometry import Geometry, from_sitk
from imgcompare.model import (
    AlignedTimepoint,
    LabelMap,
    Role,
    Timepoint,
    Tissue,
    Transform,
    Volume,
)
from imgcompare.segmentation.compartments import segment_compartments
from imgcompare.segmentation.preparation import prepare
from tests.segmentation.analytic import overlap, placed

DQE = {Role.T1: "t1n", Role.T1C: "t1c", Role.T2: "t2w", Role.FLAIR: "t2f"}


def read(path: Path) -> tuple[npt.NDArray[np.generic], Geometry]:
    image = sitk.ReadImage(str(path))
    return sitk.GetArrayFromImage(image), from_sitk(image)


def timepoint(images: dict[Role, tuple[npt.NDArray[np.generic], Geometry]]) -> AlignedTimepoint:
    volumes = {r: Volume(a, g) for r, (a, g) in images.items()}
    return AlignedTimepoint(Timepoint(0, None, (), {}), Role.T1C, volumes, {}, Transform.identity())


@pytest.mark.parametrize("segmentation", ["seg-BraTS23_1", "seg-bratstoolkit_isen"])
def test_dqe_enhancing_and_necrotic_inside_the_given_core(shared_data, segmentation):
    aligned = timepoint({r: read(shared_data / f"dqe/{n}.nii.gz") for r, n in DQE.items()})
    given, grid = read(shared_data / f"dqe/{segmentation}.nii.gz")
    enhancing = np.isin(given, (3, 4))
    core = enhancing | (given == 1)
    found = segment_compartments(
        prepare(aligned), LabelMap(core.astype(np.uint8), grid), source="mask"
    )
    ours = placed(found.mask(Tissue.ENHANCING), found.geometry, grid)
    assert overlap(ours, enhancing) >= 0.92
    assert overlap(core & ~ours, given == 1) >= 0.91
    oedema = placed(found.mask(Tissue.OEDEMA), found.geometry, grid)
    assert overlap(oedema, given == 2) >= 0.75


@pytest.mark.parametrize("subject", ["01", "05", "10"])
def test_post_contrast_only(shared_data, subject):
    folder = shared_data / "brain_tumor_progression" / subject
    prepared = prepare(timepoint({Role.T1C: read(folder / "Pre_Scan_T1.nii.gz")}))
    mask, grid = read(folder / "Pre_Mask.nii.gz")
    found = segment_compartments(
        prepared, LabelMap((mask > 0).astype(np.uint8), grid), source="mask"
    )
    # The masks outline what enhances.
    assert found.fraction(Tissue.ENHANCING).sum() > 0.5 * (mask > 0).sum()
    assert "enhancement from T1C alone; subtraction not possible" in found.flags
