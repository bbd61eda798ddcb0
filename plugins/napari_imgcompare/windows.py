"""The grey levels that a scanner or a radiographer chose for a series."""

from __future__ import annotations

from typing import Any

from imgcompare.model import Series

_TAGS = (
    "WindowCenter",
    "WindowWidth",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
)


def window_tags(series: Series) -> tuple[float, float] | None:
    """Read the first window of a series' middle file: lowest and highest shown value.

    Returns
    -------
    tuple of float, or None
        None where there is no window, or where the file is no plain DICOM file.

    References
    ----------
    DICOM PS3.3 C.11.2.1.2 (linear function: centre - 0.5 and width - 1 span it).
    """
    import pydicom
    from pydicom.errors import InvalidDicomError

    if not series.files or series.modality not in ("CT", "MR", "PT"):
        return None
    file = sorted(series.files)[len(series.files) // 2]
    try:
        dataset = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=list(_TAGS))
    except (OSError, InvalidDicomError, ValueError, TypeError, KeyError):
        return None
    for holder in _holders(dataset):
        centre, width = _first(holder, "WindowCenter"), _first(holder, "WindowWidth")
        if centre is not None and width is not None and width >= 1:
            half = (width - 1.0) / 2.0
            return (centre - 0.5 - half, centre - 0.5 + half) if half > 0 else None
    return None


def _holders(dataset: Any) -> list[Any]:
    """Places a window may stand: the file itself, or the first functional group."""
    found = [dataset]
    for name in _TAGS[2:]:
        for group in dataset.get(name, [])[:1]:
            found += list(group.get("FrameVOILUTSequence", []))[:1]
    return found


def _first(dataset: Any, name: str) -> float | None:
    value = dataset.get(name)
    try:
        parts = [value] if isinstance(value, int | float | str) else list(value)
        return float(parts[0])
    except (TypeError, ValueError, IndexError):
        return None
