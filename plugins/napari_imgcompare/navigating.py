"""Turns all views to a lesion, or to the plane in which its diameter was measured."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from imgcompare.errors import InputError
from imgcompare.geometry import Geometry
from napari_imgcompare import keeping
from napari_imgcompare.diameters import Laid, laid
from napari_imgcompare.overlays import Kind
from napari_imgcompare.spaces import to_patient, to_world
from napari_imgcompare.stage import Stage
from napari_imgcompare.tasks import Chunks
from napari_imgcompare.viewers import camera_of

LESION_ZOOM = 3.0
"""A lesion is shown with this many times its own size around it."""

MIN_VIEW_MM = 60.0

TILT_DEG = 3.0
"""A plane that is tilted by more against the slice is worth a word."""

CONTOUR = 1
"""Thickness of tissue outlines, in voxels, while a diameter is looked at."""

World = npt.NDArray[np.float64]


def point_at(stage: Stage, world: npt.ArrayLike, index: int) -> tuple[float, float, float]:
    """Give the place in a visit's own space, LPS mm, of a point of the scene."""
    one = stage.workspace.require_aligned()[index]
    mm = one.to_baseline.inverse().apply(to_patient(np.asarray(world)[-3:]))
    return float(mm[0]), float(mm[1]), float(mm[2])


def step(stage: Stage, by: int) -> int | None:
    """Go to the next (1) or previous (-1) lesion; give its number."""
    known = sorted(stage.workspace.lesions)
    if not known:
        return None
    here = known.index(stage.lesion) if stage.lesion in known else -1 if by > 0 else 0
    identity = known[(here + by) % len(known)]
    go_to(stage, identity)
    return identity


def go_to(stage: Stage, identity: int) -> None:
    """Turn all views to a lesion."""
    places = [
        (stage.workspace.aligned[index], marked.region)
        for (index, lesion), marked in sorted(stage.workspace.marked.items())
        if lesion == identity
    ]
    if not places:
        return
    for layer in keeping.find(stage.viewer, Kind.TISSUES):
        layer.contour = 0
    one, region = places[0]
    voxels = region.geometry.index_to_world(np.argwhere(region.array))
    points = to_world(one.to_baseline.apply(voxels))
    stage.lesion = identity
    size = float(np.ptp(points, axis=0).max())
    _look_at(stage, (points.min(axis=0) + points.max(axis=0)) / 2, size)


def show_diameter(stage: Stage, identity: int) -> str:
    """Turn to the plane in which a lesion's diameter was measured; say what is seen.

    Called again for the same lesion it turns to that of the next visit.

    Raises
    ------
    InputError
        If the lesion has not been measured.
    """
    aligned, result = stage.workspace.aligned, stage.workspace.result
    found = {index: laid(one, result).get(identity) for index, one in sorted(aligned.items())}
    visits = [index for index, lines in found.items() if lines is not None]
    if not visits:
        raise InputError("Measure first (step 5); then diameters can be shown.")
    before = stage.diameter
    again = before is not None and before[0] == identity and before[1] in visits
    visit = visits[(visits.index(before[1]) + 1) % len(visits) if before and again else 0]
    lines = found[visit]
    assert lines is not None
    stage.lesion, stage.diameter = identity, (identity, visit)
    stage.soon(_turn(stage, lines))
    name, tilt = aligned[visit].timepoint.name, lines.tilt_deg
    return f"The diameter as measured at {name}" + (
        f", projected: its plane is tilted by {tilt:.0f}° here" if tilt >= TILT_DEG else ""
    )


def _turn(stage: Stage, lines: Laid) -> Chunks:
    for layer in keeping.find(stage.viewer, Kind.TISSUES):
        layer.contour = CONTOUR  # lines and figures are read on the image itself
    yield
    dims = stage.viewer.dims
    dims.ndisplay = 2
    rest = [a for a in range(dims.ndim) if a != dims.ndim - 3 + lines.across]
    dims.order = (*rest[:-2], dims.ndim - 3 + lines.across, *rest[-2:])
    yield
    _look_at(stage, lines.crossing, lines.size_mm)


def _look_at(stage: Stage, place: World, size_mm: float) -> None:
    """Turn slices and camera to a place, with room for something of a size around it."""
    grid, dims = stage.require_scene().grid, stage.viewer.dims
    # At the middle of a slice, where napari looks for lines.
    slices = np.rint(grid.world_to_index(to_patient(place)))
    points = to_world(grid.index_to_world(slices)).tolist()
    dims.set_point(range(dims.ndim - 3, dims.ndim), points)
    _zoom(stage, grid, max(MIN_VIEW_MM, LESION_ZOOM * size_mm))
    camera_of(stage.viewer).center = tuple(place)


def _zoom(stage: Stage, grid: Geometry, view_mm: float) -> None:
    """Fit so many mm into a cell of the grid."""
    whole = max(n * s for n, s in zip(grid.shape, grid.spacing_mm, strict=True))
    stage.viewer.reset_view()
    camera_of(stage.viewer).zoom *= whole / view_mm
