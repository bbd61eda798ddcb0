"""Acquisition facts that comparability needs, from classic and enhanced headers."""

from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from imgcompare.loading import load_course
from imgcompare.model import Acquisition, Role
from tests.loading.dicom_builder import SeriesSpec, write_series
from tests.loading.enhanced_builder import item, write_enhanced


def acquisition(folder: Path, role: Role, **tags: Any) -> Acquisition:
    syntax = tags.pop("syntax", ExplicitVRLittleEndian)
    modality = "CT" if role is Role.CT else "MR"
    description = "CHEST" if role is Role.CT else "AX T1"
    write_series(folder, SeriesSpec(description, modality=modality, tags=tags, syntax=syntax))
    return load_course(folder).timepoints[0].series[role].acquisition


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]
)
def test_dose_and_reconstruction_of_ct(tmp_path: Path, syntax: str) -> None:
    found = acquisition(
        tmp_path, Role.CT, syntax=syntax, CTDIvol=7.25, ReconstructionAlgorithm="ITERATIVE",
        IterativeReconstructionMethod="DETERMINISTIC", ContrastBolusVolume=90,
    )  # fmt: skip
    assert found.ctdi_vol_mgy == 7.25
    assert found.reconstruction_algorithm == "ITERATIVE DETERMINISTIC"
    assert found.contrast_volume_ml == 90


def test_fat_suppression_and_dose_of_contrast(tmp_path: Path) -> None:
    found = acquisition(
        tmp_path, Role.T1, SpectrallySelectedSuppression="FAT", ContrastBolusVolume=20,
        ContrastBolusTotalDose=7.5,
    )  # fmt: skip
    assert (found.fat_suppression, found.contrast_volume_ml) == ("FAT", 7.5)
    assert found.ctdi_vol_mgy is None


def test_nothing_is_made_up(tmp_path: Path) -> None:
    found = acquisition(tmp_path, Role.CT)
    assert (found.ctdi_vol_mgy, found.fat_suppression, found.contrast_volume_ml) == (None,) * 3


def test_enhanced_mr_says_it_in_a_group(tmp_path: Path) -> None:
    write_enhanced(tmp_path / "file", order=[0, 1, 2, 3])
    dataset = pydicom.dcmread(tmp_path / "file")
    group = item(SpectrallySelectedSuppression="FAT_AND_WATER")
    dataset.SharedFunctionalGroupsSequence[0].MRModifierSequence = [group]
    dataset.save_as(tmp_path / "file")
    series = load_course(tmp_path).timepoints[0].series[Role.T1]
    assert series.acquisition.fat_suppression == "FAT_AND_WATER"
