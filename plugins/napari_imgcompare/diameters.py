"""Diameters as lines whose ends can be dragged, each lesion's laid into the slice where they cross.

napari shows a line only in a slice that holds all of it. The plane in which a follow-up was
measured is tilted in the scene, so lines are drawn as projected onto the slice, and what a person
drags is added to the ends as they were measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imgcompare.geometry import Geometry
from imgcompare.model import (
    WHOLE,
    AlignedTimepoint,
    Comparison,
    LesionSegmentation,
    Measurement,
)
from napari_imgcompare import layers as make
from napari_imgcompare.linked import Scene
from napari_imgcompare.orientation import HEAD_UP
from napari_imgcompare.overlays import Kind
from napari_imgcompare.spaces import AXIS_LABELS, to_patient, to_world

LONGEST, PERPENDICULAR, SHORT_AXIS = "longest_diameter", "perpendicular_diameter", "short_axis"

LABEL_GAP_MM = 2.0
"""Between a lesion and the figures above it."""

UNSEEN = "#00000000"
"""Colour of the short line that carries the figures: text alone cannot be put beside a lesion."""

World = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Laid:
    """The diameters of a lesion at a visit, as they are drawn.

    Attributes
    ----------
    figures : tuple of Measurement
    measured : tuple of array, shape (2, 3)
        Their ends in the scene, world S, P, L in mm.
    across : int
        World axis across the slice: the one along which they extend least.
    crossing : array, shape (3,)
        Where they cross.
    """

    figures: tuple[Measurement, ...]
    measured: tuple[World, ...]
    across: int
    crossing: World

    @property
    def size_mm(self) -> float:
        """The longest extent along an axis of the world."""
        return float(np.ptp(np.stack(self.measured), axis=1).max())

    @property
    def tilt_deg(self) -> float:
        """The angle between the slice and the line that leaves it most."""
        steps = [line[1] - line[0] for line in self.measured]
        return max(
            float(np.degrees(np.arcsin(abs(step[self.across]) / np.linalg.norm(step))))
            for step in steps
        )

    def flat(self, grid: Geometry) -> list[World]:
        """Give the lines in the slice of a grid that is nearest to their crossing, as indices."""
        level = self.slice_on(grid)
        lines = [_index(grid, line) for line in self.measured]
        for line in lines:
            line[:, self.across] = level
        return lines

    def slice_on(self, grid: Geometry) -> float:
        """Give the number of that slice."""
        return float(np.rint(_index(grid, self.crossing)[self.across]))

    def text(self) -> str:
        """Write the figures of the lesion."""
        values = " × ".join(f"{m.value:.1f}" for m in self.figures)
        return f"{self.figures[0].lesion_id}: {values} mm"


def drawn_diameters(result: Comparison | None) -> list[Measurement]:
    """Choose the whole-lesion diameters to draw: the short axis of nodes, both of others."""
    if result is None:
        return []
    nodes = {lesion.id for lesion in result.lesions if lesion.nodal}
    return [
        m
        for m in result.measurements
        if m.compartment == WHOLE
        and m.quantity in ((SHORT_AXIS,) if m.lesion_id in nodes else (LONGEST, PERPENDICULAR))
        and len(m.endpoints_lps_mm) == 2
    ]


def laid(one: AlignedTimepoint, result: Comparison | None) -> Mapping[int, Laid]:
    """Lay the diameters of every lesion of a visit into the scene, the longest first."""
    of: dict[int, list[Measurement]] = {}
    for m in drawn_diameters(result):
        if m.timepoint_index == one.timepoint.index:
            of.setdefault(m.lesion_id, []).append(m)
    found = {}
    for lesion, figures in of.items():
        figures.sort(key=lambda m: m.quantity == PERPENDICULAR)
        ends = tuple(to_world(one.to_baseline.apply(m.endpoints_lps_mm)) for m in figures)
        across = int(np.ptp(np.stack(ends), axis=1).max(axis=0).argmin())
        found[lesion] = Laid(tuple(figures), ends, across, _crossing(ends))
    return found


def diameters_layer(
    scene: Scene, one: AlignedTimepoint, result: Comparison | None
) -> make.LayerData:
    """Give the whole-lesion diameters of a visit, with their figures above each lesion."""
    found = laid(one, result)
    figures = [m for each in found.values() for m in each.figures]
    lines = [line for each in found.values() for line in each.flat(scene.grid)]
    labels = list(_labels(scene.grid, one, result, found))
    remember = {
        "kind": Kind.DIAMETERS,
        "visit": one.timepoint.index,
        "figures": tuple((m.lesion_id, m.quantity) for m in figures),
        "lines": tuple(to_world(scene.grid.index_to_world(line)) for line in lines),
        "measured": tuple(ends for each in found.values() for ends in each.measured),
        make.EMPTY: not figures,
    }
    return make.lines_layer(
        [scene.grid.index_to_world(line) for line in [*lines, *labels]],
        f"diameters {one.timepoint.name}",
        texts=[*("" for _ in lines), *(each.text() for each in found.values())],
        edge_color=[*(make.LINE_COLOUR for _ in lines), *(UNSEEN for _ in labels)]
        or make.LINE_COLOUR,
        grid=scene.grid,
        remember=remember,
        visible=bool(figures),
    )


def _labels(
    grid: Geometry, one: AlignedTimepoint, result: Comparison | None, found: Mapping[int, Laid]
) -> Iterator[World]:
    """Give a line too short to see above each lesion, at its left, in the slice of its lines."""
    for lesion, each in found.items():
        outline = None if result is None else _outline(result, one, lesion)
        points = np.concatenate(each.measured) if outline is None else outline
        vertical, left = (axis for axis in range(3) if axis != each.across)
        upwards = AXIS_LABELS[vertical] == HEAD_UP
        place = points.min(axis=0)
        place[vertical] = (
            points[:, vertical].max() + LABEL_GAP_MM
            if upwards
            else points[:, vertical].min() - LABEL_GAP_MM
        )
        start = _index(grid, place)
        start[each.across] = each.slice_on(grid)
        end = start.copy()
        end[left] += 1e-2
        yield np.stack([start, end])


def _outline(result: Comparison, one: AlignedTimepoint, lesion: int) -> World | None:
    """Give the voxels of a lesion in the scene."""
    for at in result.results:
        found: LesionSegmentation | None = at.lesions.get(lesion)
        if at.aligned.timepoint.index == one.timepoint.index and found is not None:
            voxels = found.geometry.index_to_world(np.argwhere(found.mask()))
            return to_world(one.to_baseline.apply(voxels)) if len(voxels) else None
    return None


def _crossing(lines: Sequence[World]) -> World:
    """Give the point of the first line that the one across it goes through."""
    line, other = lines[0], lines[-1]
    start, along = line[0], line[1] - line[0]
    share = float((other.mean(axis=0) - start) @ along / (along @ along))
    return np.asarray(start + min(1.0, max(0.0, share)) * along)


def _index(grid: Geometry, world: World) -> World:
    return np.array(grid.world_to_index(to_patient(world)), dtype=np.float64)
