"""Opens a mask file of any kind: DICOM SEG, RTSTRUCT, or a label map."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from imgcompare.errors import (
    ImgCompareError,
    InputError,
    NothingFoundError,
    UnreadableFileError,
)
from imgcompare.loading import dicom_seg, rtstruct
from imgcompare.loading.datasets import read_dataset
from imgcompare.loading.drawn import MaskFile, split_choice
from imgcompare.loading.files import is_volume_file
from imgcompare.loading.identity import Scrubber
from imgcompare.loading.instances import Patient
from imgcompare.loading.label_files import open_labels
from imgcompare.loading.member_files import member_file

if TYPE_CHECKING:
    import pydicom


def open_mask(
    path: str | os.PathLike[str], *, hide: Callable[[str], str] = str
) -> tuple[MaskFile, str]:
    """Open a mask file of any kind; give it and what is chosen from it.

    Parameters
    ----------
    path : path
        DICOM SEG or RTSTRUCT, NIfTI, NRRD or MetaImage; with ``#number`` or ``#name`` if a part
        of it is meant. ``visit.zip/seg.dcm`` is a file in an archive.
    hide : callable
        Takes what identifies the patient out of a text (`Course.hide`); file names and names of
        structures are written by people.

    Raises
    ------
    NothingFoundError, UnreadableFileError, InputError, SeriesError
        If there is no such file, it is damaged, or it holds no outlines.
    """
    file, choice = locate(path, hide=hide)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's show values of damaged headers
            return _open(file, hide), choice
    except ImgCompareError as error:
        raise type(error)(hide(str(error))) from None


def locate(path: str | os.PathLike[str], *, hide: Callable[[str], str] = str) -> tuple[Path, str]:
    """Give the file that a path names, unpacked if it lies in an archive, and what is chosen."""
    file, choice = split_choice(path)
    try:
        return Path(member_file(str(file), is_volume_file)), choice
    except UnreadableFileError as error:
        raise UnreadableFileError(hide(str(error))) from None


def _open(file: Path, hide: Callable[[str], str]) -> MaskFile:
    """Open a file by its ending, else by its SOP class."""
    if is_volume_file(file):
        return open_labels(file, name=hide(file.name))
    if not file.is_file():
        raise NothingFoundError(f"There is no file {file.name!r}; check the path.")
    dataset = _read_dicom(file)
    own = Scrubber([_patient(dataset)])

    def scrub(text: str) -> str:
        return hide(own(text))

    try:
        sop_class = str(dataset.get("SOPClassUID", ""))
        if sop_class in dicom_seg.SOP_CLASSES:
            return dicom_seg.open_segments(file, dataset, scrub)
        if sop_class == rtstruct.SOP_CLASS:
            return rtstruct.open_structures(file, dataset, scrub)
    except ImgCompareError as error:
        raise type(error)(own(str(error))) from None
    except Exception as error:  # damaged values and nesting raise many kinds
        raise UnreadableFileError(
            f"File {scrub(file.name)} has a damaged header ({type(error).__name__}); export it "
            "again."
        ) from None
    raise InputError(
        f"File {scrub(file.name)} holds no outlines: give a DICOM SEG or RTSTRUCT, NIfTI or NRRD "
        "file."
    )


def _read_dicom(file: Path) -> pydicom.Dataset:
    try:
        dataset = read_dataset(file)
    except UnreadableFileError as error:
        raise UnreadableFileError(f"File {file.name} {error}; copy it again.") from None
    if "SOPClassUID" not in dataset:
        raise UnreadableFileError(
            f"File {file.name} is neither DICOM nor NIfTI, NRRD or MetaImage by its name."
        )
    return dataset


def _patient(dataset: pydicom.Dataset) -> Patient:
    """Gather what must not be shown of the file's patient; damaged values are no secret."""
    words = []
    for keyword in ("PatientID", "PatientName", "PatientBirthDate", "AccessionNumber"):
        try:
            words.append(str(dataset.get(keyword) or ""))
        except Exception:  # damaged text must not stop reading
            words.append("")
    return Patient(words[0], words[1], words[2], secrets=(words[3],) if words[3] else ())
