"""Diameters on the native slice they were measured on, in radiological orientation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imgcompare.geometry import Geometry
from imgcompare.model import (
    WHOLE,
    Comparison,
    Lesion,
    Measurement,
    Quantity,
    TimepointResult,
    Tissue,
)
from imgcompare.reporting import svg
from imgcompare.reporting.intensity import (
    GreyScale,
    Window,
    ct_window,
    lesion_window,
    window_bytes,
)
from imgcompare.reporting.wording import direction_letter, number, role_name

SCREEN_AXES = {
    "axial": ((1, 0, 0), (0, 1, 0)),
    "coronal": ((1, 0, 0), (0, 0, -1)),
    "sagittal": ((0, 1, 0), (0, 0, -1)),
}
"""LPS directions to the right and down the screen, as radiology stations show each plane."""

DIAMETERS = (
    (WHOLE, "longest_diameter", "#ffffff", ""),
    (WHOLE, "perpendicular_diameter", "#ffffff", "4 3"),
    (WHOLE, "short_axis", "#CC79A7", "4 3"),
    (Tissue.ENHANCING.value, "longest_diameter", svg.TISSUE_COLOURS[Tissue.ENHANCING], ""),
)
"""Which diameters are drawn, with colour and dashes."""

NAMES = {
    (WHOLE, "longest_diameter"): "longest",
    (WHOLE, "perpendicular_diameter"): "perpendicular",
    (WHOLE, "short_axis"): "short axis",
    (Tissue.ENHANCING.value, "longest_diameter"): "longest, enhancing part",
}

MARGIN_MM = 14.0
MIN_SIDE_MM = 56.0
LABEL_WIDTH, LABEL_HEIGHT = 66.0, 15.0
"""Room for a value in panel units."""

SAME_SLICE = 0.75
"""End points this many slices apart or less are drawn on one picture."""


@dataclass(frozen=True, slots=True)
class DiameterPicture:
    """One native slice with the diameters measured on it."""

    index: int
    svg: str
    slice_text: str
    lines: tuple[tuple[str, str, str], ...]
    """Colour, name and value of each diameter drawn."""


@dataclass(frozen=True, slots=True, eq=False)
class _Screen:
    """How a native slice is turned for viewing, and where its pixels lie on screen."""

    transposed: bool
    flip_down: bool
    flip_right: bool
    spacing_mm: tuple[float, float]
    shape: tuple[int, int]

    def image(self, pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        turned = pixels.T if self.transposed else pixels
        turned = turned[::-1] if self.flip_down else turned
        return turned[:, ::-1] if self.flip_right else turned

    def position(self, row_column: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Map (row, column) of the native slice to (down, right) of the turned one."""
        turned = row_column[..., ::-1] if self.transposed else row_column
        turned = np.array(turned)
        for axis, flipped in enumerate((self.flip_down, self.flip_right)):
            if flipped:
                turned[..., axis] = self.shape[axis] - 1 - turned[..., axis]
        return turned


@dataclass(frozen=True, slots=True, eq=False)
class _Crop:
    """Part of a turned slice and where it lies on the panel."""

    image: npt.NDArray[np.float32]
    screen: _Screen
    per_pixel: npt.NDArray[np.float64]
    """Panel units per pixel, down and right."""
    origin: npt.NDArray[np.float64]
    """Panel position (down, right) of the corner of the whole turned slice."""
    start: npt.NDArray[np.int_]

    @property
    def box(self) -> tuple[float, float, float, float]:
        top, left = self.origin + self.start * self.per_pixel
        height, width = np.array(self.image.shape) * self.per_pixel
        return float(left), float(top), float(width), float(height)

    def on_panel(self, row_column: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Map (row, column) of the native slice to (down, right) on the panel."""
        return np.asarray((self.screen.position(row_column) + 0.5) * self.per_pixel + self.origin)


def diameter_pictures(
    comparison: Comparison, lesion: Lesion, scale: GreyScale
) -> list[DiameterPicture]:
    """Draw a lesion's diameters at every timepoint on the slices they were measured on."""
    jobs = []
    for result in comparison.results:
        wanted = _drawable(comparison, lesion, result)
        for level, group in _by_slice(result.aligned.geometry, wanted):
            jobs.append((result, level, group))
    side = max((_side_mm(group) for _, _, group in jobs), default=MIN_SIDE_MM)
    crops = [_crop(result, level, group, side, scale) for result, level, group in jobs]
    if not crops:
        return []
    is_ct = any(r.aligned.reference.quantity is Quantity.HU for r in comparison.results)
    role = jobs[0][0].aligned.reference_role
    images = [c.image for c in crops]
    window = ct_window(images) if is_ct else lesion_window(comparison, lesion, role, scale)
    return [
        _picture(lesion, job, crop, side, window) for job, crop in zip(jobs, crops, strict=True)
    ]


def screen_of(geometry: Geometry) -> _Screen:
    """Find how slices of a grid are turned so that they look as on a radiology station."""
    right, down = (np.array(v, dtype=float) for v in SCREEN_AXES[geometry.plane])
    along_rows, along_columns = geometry.directions[:, 1], geometry.directions[:, 2]
    transposed = abs(along_columns @ right) < abs(along_rows @ right)
    screen_down, screen_right = (
        (along_columns, along_rows) if transposed else (along_rows, along_columns)
    )
    _, rows, columns = geometry.shape
    _, row_mm, column_mm = geometry.spacing_mm
    spacing = (column_mm, row_mm) if transposed else (row_mm, column_mm)
    shape = (columns, rows) if transposed else (rows, columns)
    return _Screen(
        bool(transposed), bool(screen_down @ down < 0), bool(screen_right @ right < 0),
        spacing, shape,
    )  # fmt: skip


def _drawable(comparison: Comparison, lesion: Lesion, result: TimepointResult) -> list[Measurement]:
    order = {(c, q): n for n, (c, q, _, _) in enumerate(DIAMETERS)}
    found = [
        m
        for m in comparison.measurements
        if (m.lesion_id, m.timepoint_index) == (lesion.id, result.index)
        and (m.compartment, m.quantity) in order
        and len(m.endpoints_lps_mm) == 2
        and (m.quantity != "short_axis" or lesion.nodal)
        and not (m.quantity == "perpendicular_diameter" and lesion.nodal)
    ]
    return sorted(found, key=lambda m: order[m.compartment, m.quantity])


def _by_slice(
    geometry: Geometry, measurements: list[Measurement]
) -> list[tuple[float, list[Measurement]]]:
    groups: list[tuple[float, list[Measurement]]] = []
    for m in measurements:
        level = float(geometry.world_to_index(m.endpoints_lps_mm)[:, 0].mean())
        near = next((g for at, g in groups if abs(at - level) <= SAME_SLICE), None)
        if near is None:
            groups.append((level, [m]))
        else:
            near.append(m)
    return groups


def _side_mm(group: list[Measurement]) -> float:
    ends = np.array([m.endpoints_lps_mm for m in group]).reshape(-1, 3)
    return max(float(np.ptp(ends, axis=0).max()) + 2 * MARGIN_MM, MIN_SIDE_MM)


def _crop(
    result: TimepointResult,
    level: float,
    group: list[Measurement],
    side_mm: float,
    scale: GreyScale,
) -> _Crop:
    """Cut the part of the native slice around the end points, turned for the screen."""
    geometry = result.aligned.geometry
    screen = screen_of(geometry)
    k = int(np.clip(round(level), 0, geometry.shape[0] - 1))
    role = result.aligned.reference_role
    pixels = result.aligned.reference.array[k].astype(np.float32) * scale.gain(result, role)
    turned = screen.image(np.asarray(pixels, dtype=np.float32))
    ends = geometry.world_to_index([m.endpoints_lps_mm for m in group])[..., 1:]
    flat = screen.position(ends).reshape(-1, 2)
    middle = (flat.min(axis=0) + flat.max(axis=0)) / 2.0
    half = side_mm / np.array(screen.spacing_mm) / 2.0
    start = np.maximum(np.floor(middle - half), 0).astype(int)
    stop = np.minimum(np.ceil(middle + half) + 1, turned.shape).astype(int)
    part = turned[start[0] : stop[0], start[1] : stop[1]]
    per_pixel = np.array(screen.spacing_mm) * svg.PANEL / side_mm
    return _Crop(part, screen, per_pixel, svg.PANEL / 2.0 - (middle + 0.5) * per_pixel, start)


def _picture(
    lesion: Lesion,
    job: tuple[TimepointResult, float, list[Measurement]],
    crop: _Crop,
    side_mm: float,
    window: Window,
) -> DiameterPicture:
    result, level, group = job
    per_mm = svg.PANEL / side_mm
    geometry, number_ = result.aligned.geometry, round(level) + 1
    styles = {(c, q): (colour, dash) for c, q, colour, dash in DIAMETERS}
    marks: list[str] = []
    legend: list[tuple[str, str, str]] = []
    labels: list[tuple[svg.Point, str]] = []
    for m in group:
        colour, dash = styles[m.compartment, m.quantity]
        yx = crop.on_panel(geometry.world_to_index(m.endpoints_lps_mm)[:, 1:])
        value = number(m.value, m.unit)
        marks.append(_calliper(yx, colour=colour, dash=dash, width=3.0 if not legend else 1.5))
        labels.append(_label_place(yx, labels))
        marks.append(svg.text(labels[-1][0], value, anchor=labels[-1][1], colour=colour))
        legend.append((colour, NAMES[m.compartment, m.quantity], value))
    letters = _letters(geometry)
    name = role_name(result.aligned.reference_role)
    slice_text = f"{name}, slice {number_} of {geometry.shape[0]}, {geometry.plane}"
    marks += [
        svg.side_letters(letters),
        svg.scale_bar(per_mm),
        svg.text((8, 16), f"slice {number_}"),
    ]
    said = ", ".join(f"{what} {value}" for _, what, value in legend)
    when = result.aligned.timepoint.name
    alt = f"Native slice of lesion {lesion.id}, {when}, {slice_text}: {said}"
    drawn = svg.panel(window_bytes(crop.image, window), marks, alt=alt, box=crop.box)
    return DiameterPicture(result.index, drawn, slice_text, tuple(legend))


def _letters(geometry: Geometry) -> tuple[str, str, str, str]:
    """Patient sides at left, right, top and bottom of the turned slice."""
    screen = screen_of(geometry)
    down, right = geometry.directions[:, 1], geometry.directions[:, 2]
    if screen.transposed:
        down, right = right, down
    down = -down if screen.flip_down else down
    right = -right if screen.flip_right else right
    left_right = (direction_letter(-right), direction_letter(right))
    return (*left_right, direction_letter(-down), direction_letter(down))


def _label_place(
    yx: npt.NDArray[np.float64], taken: list[tuple[svg.Point, str]]
) -> tuple[svg.Point, str]:
    """Place a value beyond the right-hand end of its line, below others that lie there."""
    order = np.argsort(yx[:, 1])
    end, start = yx[order[1]], yx[order[0]]
    away = (end - start) / max(float(np.linalg.norm(end - start)), 1e-6)
    y, x = end + away * 9.0
    anchor = "start"
    if x > svg.PANEL - LABEL_WIDTH:  # no room beside the end: below it, at the border
        x, y, anchor = svg.PANEL - 6.0, y + LABEL_HEIGHT, "end"
    y = float(np.clip(y + 4.0, 30.0, svg.PANEL - 22.0))
    for (other_x, other_y), _ in taken:
        if abs(other_x - x) < LABEL_WIDTH and abs(other_y - y) < LABEL_HEIGHT:
            y = other_y + LABEL_HEIGHT
    return (float(min(x, svg.PANEL - 4.0)), y), anchor


def _calliper(yx: npt.NDArray[np.float64], *, colour: str, dash: str, width: float) -> str:
    """Draw a line with a small cross bar at each end."""
    (y0, x0), (y1, x1) = yx
    along = np.array([x1 - x0, y1 - y0])
    across = np.array([-along[1], along[0]]) / max(float(np.linalg.norm(along)), 1e-6) * 5.0
    path = f"M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}"
    bars = "".join(
        f"M{x - across[0]:.1f} {y - across[1]:.1f}L{x + across[0]:.1f} {y + across[1]:.1f}"
        for x, y in ((x0, y0), (x1, y1))
    )
    drawn = svg.stroke(path, colour=colour, dash=dash, width=width)
    return drawn + svg.stroke(bars, colour=colour, width=min(width, 2.0))
