"""Labels as DICOM SEG on the scan that their layer remembers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.config import disable_value_validation

from imgcompare.errors import OutputError
from imgcompare.geometry import require_same_grid
from imgcompare.model import LabelMap, Series
from imgcompare.reporting.dicom_source import file_bytes, owner_of, require_highdicom, unusable
from napari_imgcompare.layers import KEY

NOBODY = "anonymous"
"""Patient of a layer whose course is not known."""

DRAWN_NUMBER = 9010
"""Series number of what was saved from a layer."""

REMEDY = "Save as NIfTI (.nii.gz) instead."


def write_segmentation(labels: LabelMap, target: Path, meta: dict[str, Any]) -> None:
    """Write a label map as a binary SEG that refers to its source images.

    Parameters
    ----------
    labels : LabelMap
        On the native grid of the scan.
    target : Path
        The file.
    meta : dict
        Attributes of the layer; its metadata names the series.

    Raises
    ------
    OutputError
        If the layer does not know a DICOM source, or is empty, or the file cannot be written.
    GeometryMismatchError
        If the labels are not on the grid of that source.
    MissingDependencyError
        If highdicom is not installed.
    """
    known = meta.get("metadata", {}).get(KEY, {})
    series = known.get("series")
    if not isinstance(series, Series):
        raise OutputError(f"It is not known which DICOM scan these labels belong to. {REMEDY}")
    if why := unusable(series):
        raise OutputError(f"These labels cannot be saved as DICOM: {why}. {REMEDY}")
    if not labels.array.any():
        raise OutputError("The layer is empty; draw something before it is saved.")
    require_same_grid(
        labels.geometry, series.geometry, what="The labels and their scan", remedy=REMEDY
    )
    require_highdicom()
    from imgcompare.reporting.dicom_seg import segmentation

    course = known.get("course")
    owner = owner_of(series, course.subject if course else NOBODY, identified=False)
    with disable_value_validation():  # what the source wrote into UIDs and dates is kept
        made = segmentation(
            np.asarray(labels.array),
            series.geometry,
            list(_segments(labels)),
            series=series,
            owner=owner,
            name="tissues" if labels.tissues else "labels",
            number=DRAWN_NUMBER,
        )
        content = file_bytes(made)
    try:
        target.write_bytes(content)
    except OSError as error:
        raise OutputError(f"{target.name} cannot be written: {error.strerror}.") from None


def _segments(labels: LabelMap) -> Iterator[Any]:
    """Describe each value: its tissue where the map names one, else its number."""
    from imgcompare.reporting.dicom_codes import FINDINGS, LESION
    from imgcompare.reporting.dicom_seg import Segment
    from imgcompare.reporting.svg import TISSUE_COLOURS

    for value in np.unique(labels.array[labels.array != 0]).tolist():
        tissue = labels.tissues.get(value)
        if tissue is None:
            yield Segment(value, f"label {value}", LESION, algorithm="MANUAL")
        else:
            colour = TISSUE_COLOURS[tissue]
            yield Segment(value, tissue.value, FINDINGS[tissue], "", "SEMIAUTOMATIC", colour=colour)
