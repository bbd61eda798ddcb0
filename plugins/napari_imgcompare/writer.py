"""npe2 writer: labels with the geometry of the scan they belong to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from imgcompare.errors import OutputError
from imgcompare.geometry import Geometry
from imgcompare.model import LabelMap
from imgcompare.reporting.nifti import nifti_bytes
from napari_imgcompare.layers import KEY
from napari_imgcompare.spaces import native_labels

MAX_LABEL = 32767


def write_labels(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write a Labels layer as NIfTI on its scan's own grid, or as DICOM SEG.

    Raises
    ------
    OutputError
        If the layer has no known grid, or the file cannot be written.
    """
    labels = _on_own_grid(np.asarray(data), meta)
    target = Path(path)
    if target.suffix.lower() == ".dcm":
        from napari_imgcompare.dicom import write_segmentation

        write_segmentation(labels, target, meta)
        return [path]
    kind = np.uint8 if int(labels.array.max()) < 256 else np.int16
    if int(labels.array.max()) > MAX_LABEL:
        raise OutputError(f"Label {int(labels.array.max())} is too large for a NIfTI label map.")
    content = nifti_bytes(np.asarray(labels.array, dtype=kind), labels.geometry)
    try:
        target.write_bytes(content)
    except OSError as error:
        raise OutputError(f"{target.name} cannot be written: {error.strerror}.") from None
    return [path]


def _on_own_grid(array: Any, meta: dict[str, Any]) -> LabelMap:
    """Bring labels back to the grid they came from; to the layer's own grid for drawn ones."""
    known = meta.get("metadata", {}).get(KEY, {})
    grid = known.get("grid") or layer_grid(array.shape, meta)
    native = known["labels"].geometry if "labels" in known else grid
    if array.shape != grid.shape:
        raise OutputError("The layer is not three-dimensional; show one phase and save again.")
    if "to_baseline" in known:  # shown among other visits, not in its own space
        from napari_imgcompare.overlays import native_edits

        return native_edits(
            known["drawn"],
            array,
            shown=grid,
            native=known["labels"],
            to_baseline=known["to_baseline"],
        )
    found = native_labels(array, grid, native)
    return LabelMap(found.array, native, known["labels"].tissues if "labels" in known else {})


def layer_grid(shape: tuple[int, ...], meta: dict[str, Any]) -> Geometry:
    """Give the grid of a layer from its scale and translation, world S, P, L in mm.

    Raises
    ------
    OutputError
        If it is not three-dimensional.
    """
    if len(shape) != 3:
        raise OutputError("Only three-dimensional labels can be saved.")
    affine = np.eye(4)
    affine[:3, :3] = np.diag(np.asarray(meta.get("scale", (1, 1, 1)), dtype=float)[-3:])[::-1]
    affine[:3, 3] = np.asarray(meta.get("translate", (0, 0, 0)), dtype=float)[-3:][::-1]
    return Geometry((shape[0], shape[1], shape[2]), affine)
