"""Pictures of a lesion: the same anatomy at each timepoint, with and without outlines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imgcompare.model import (
    Comparison,
    Lesion,
    Quantity,
    Role,
    TimepointResult,
    Tissue,
)
from imgcompare.reporting import svg
from imgcompare.reporting.contours import tissue_outlines, whole_outline
from imgcompare.reporting.intensity import (
    SUBTRACTION_HU,
    SUBTRACTION_MR,
    GreyScale,
    Window,
    ct_window,
    foreground_threshold,
    lesion_window,
    window_bytes,
)
from imgcompare.reporting.views import (
    Plane,
    baseline_result,
    baseline_to_own,
    context_plane,
    is_aligned,
    lesion_plane,
    sample,
    trimmed,
)
from imgcompare.reporting.wording import COMPARTMENT_NAMES, position, role_name, short_role_name

AXIAL_SIDES = ("R", "L", "A", "P")
SMALL_PANELS = 4
"""Small pictures beside the two large ones: where the lesion is, and up to three contrasts."""

SUBTRACTION_PAIRS = (
    (Role.T1C, Role.T1),
    (Role.CT_PORTAL, Role.CT_PRE),
    (Role.CT_ARTERIAL, Role.CT_PRE),
    (Role.CT_DELAYED, Role.CT_PRE),
)
SECONDARY_ROLES = (
    *(Role.FLAIR, Role.T2, Role.T1, Role.ADC, Role.T1C),
    *(Role.CT_ARTERIAL, Role.CT_PRE, Role.CT_PORTAL, Role.CT_DELAYED),
)
OVERLAY_WIDTH = 1.5

Image = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class PictureRow:
    """One timepoint of one lesion: SVG texts of the two large and the small pictures."""

    index: int
    large: tuple[str, ...]
    small: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LesionPictures:
    """All pictures of a lesion on one plane."""

    level: str
    rows: tuple[PictureRow, ...]
    tissues: tuple[Tissue, ...]


@dataclass(frozen=True, slots=True)
class _Kind:
    """What one kind of small picture shows: one role, or one role minus another."""

    role: Role
    minus: Role | None = None

    @property
    def name(self) -> str:
        if self.minus is None:
            return role_name(self.role)
        first, second = (short_role_name(r) for r in (self.role, self.minus))
        return f"{first} − {second}"


def lesion_pictures(
    comparison: Comparison, lesion: Lesion, scale: GreyScale
) -> LesionPictures | None:
    """Draw a lesion at every timepoint; None if no timepoint shows it.

    All pictures of a lesion lie on one axial plane of baseline patient space. Follow-up images
    are sampled there through their transforms, for looking only: measurements come from native
    voxels.
    """
    plane = lesion_plane(comparison, lesion.id)
    if plane is None:
        return None
    results = comparison.results
    main: list[Image | None] = [reference_image(r, plane, scale) for r in results]
    windows = _windows(comparison, lesion, main, scale)
    kinds = _secondary(results)[: SMALL_PANELS - 1]
    smaller = [_row_of_kind(comparison, lesion, kind, plane, scale) for kind in kinds]
    where = _context_pictures(comparison, plane, windows, scale)
    rows, tissues = [], set()
    for n, result in enumerate(results):
        outlines, used = _outlines(result, lesion, plane)
        tissues |= used
        large = _large(result, lesion, plane, (main[n], windows[n]), outlines)
        rows.append(PictureRow(result.index, large, (where[n], *(s[n] for s in smaller))))
    shown = tuple(t for t in Tissue if t in tissues)
    return LesionPictures(position(plane.level_mm), tuple(rows), shown)


def _large(
    result: TimepointResult,
    lesion: Lesion,
    plane: Plane,
    shown: tuple[Image | None, Window],
    outlines: str,
) -> tuple[str, str]:
    image, window = shown
    name, when = role_name(result.aligned.reference_role), result.aligned.timepoint.name
    marks = [
        svg.side_letters(AXIAL_SIDES),
        svg.scale_bar(svg.PANEL / plane.side_mm),
        svg.text((8, 16), name),
        svg.text((svg.PANEL - 8, 16), position(plane.level_mm), anchor="end"),
    ]
    if not is_aligned(result):
        marks.append(svg.text((8, 32), "not aligned: other anatomy", colour="#ff9a94"))
    grey = window_bytes(image, window) if image is not None else _black(plane)
    alt = f"Axial {name} through lesion {lesion.id}, {when}, {position(plane.level_mm)}"
    bare = svg.panel(grey, marks, alt=f"{alt}, without outlines")
    note = [] if outlines else [svg.text((svg.PANEL / 2, 40), "not found", anchor="middle")]
    drawn = svg.panel(grey, [outlines, *marks, *note], alt=f"{alt}, tissues outlined")
    return bare, drawn


def _outlines(result: TimepointResult, lesion: Lesion, plane: Plane) -> tuple[str, set[Tissue]]:
    """Outlines of a lesion's tissues in colour, and of its neighbours in grey."""
    scale = svg.PANEL / plane.pixels
    marks = []
    for other_id, other in result.lesions.items():
        if other_id != lesion.id and (lines := whole_outline(result, other, plane)):
            path = svg.closed_path(lines, scale)
            marks.append(svg.stroke(path, colour="#bbb", width=1.0, dash="3 3"))
    segmented = result.lesions.get(lesion.id)
    found = tissue_outlines(result, segmented, plane) if segmented is not None else {}
    for tissue in sorted(found, key=lambda t: t is not Tissue.OEDEMA):
        path = svg.closed_path(found[tissue], scale)
        colour = svg.TISSUE_COLOURS[tissue]
        marks.append(f'<path d="{path}" fill="{colour}" fill-opacity=".13" fill-rule="evenodd"/>')
        marks.append(svg.stroke(path, colour=colour, width=OVERLAY_WIDTH))
    return "".join(marks), set(found)


def _image(result: TimepointResult, kind: _Kind, plane: Plane, scale: GreyScale) -> Image | None:
    """Sample one picture on a plane, on the common grey scale; None if not acquired."""
    images = result.aligned.images
    if kind.role not in images or (kind.minus is not None and kind.minus not in images):
        return None
    image = _scaled(result, kind.role, plane, scale)
    return image if kind.minus is None else image - _scaled(result, kind.minus, plane, scale)


def _scaled(result: TimepointResult, role: Role, plane: Plane, scale: GreyScale) -> Image:
    volume = result.aligned.images[role]
    values = sample(volume.array, volume.geometry, plane, to_own=baseline_to_own(result))
    return np.asarray(values * np.float32(scale.gain(result, role)))


def _windows(
    comparison: Comparison, lesion: Lesion, images: Sequence[Image | None], scale: GreyScale
) -> list[Window]:
    """Share one window among the timepoints that show the same role."""
    results = comparison.results
    shared = {}
    for role in {r.aligned.reference_role for r in results}:
        same = [
            i
            for r, i in zip(results, images, strict=True)
            if i is not None and r.aligned.reference_role is role
        ]
        shared[role] = _window(comparison, lesion, role, same, scale)
    return [shared[r.aligned.reference_role] for r in results]


def _window(
    comparison: Comparison, lesion: Lesion, role: Role, images: list[Image], scale: GreyScale
) -> Window:
    volumes = [r.aligned.images[role] for r in comparison.results if role in r.aligned.images]
    if any(v.quantity is Quantity.HU for v in volumes):
        return ct_window(images)
    return lesion_window(comparison, lesion, role, scale)


def _secondary(results: Sequence[TimepointResult]) -> list[_Kind]:
    """Kinds of small pictures that at least one timepoint can show, most telling first."""
    present = {role for r in results for role in r.aligned.images}
    main = {r.aligned.reference_role for r in results}
    pairs = [_Kind(a, b) for a, b in SUBTRACTION_PAIRS if {a, b} <= present][:1]
    single = [_Kind(r) for r in SECONDARY_ROLES if r in present and r not in main]
    return pairs + single


def _row_of_kind(
    comparison: Comparison, lesion: Lesion, kind: _Kind, plane: Plane, scale: GreyScale
) -> list[str]:
    results = comparison.results
    images = [_image(r, kind, plane, scale) for r in results]
    there = [i for i in images if i is not None]
    volumes = [r.aligned.images[kind.role] for r in results if kind.role in r.aligned.images]
    is_ct = any(v.quantity is Quantity.HU for v in volumes)
    if kind.minus is not None:
        window = SUBTRACTION_HU if is_ct else SUBTRACTION_MR
    else:
        window = _window(comparison, lesion, kind.role, there, scale)
    return [_small(r, kind.name, i, window) for r, i in zip(results, images, strict=True)]


def _small(result: TimepointResult, name: str, image: Image | None, window: Window) -> str:
    alt = f"{name}, {result.aligned.timepoint.name}, same plane"
    marks = [svg.text((10, 26), name, css="lab big")]
    if image is None:
        missing = svg.text((svg.PANEL / 2, 156), "not available", anchor="middle", css="lab big")
        return svg.panel(np.zeros((2, 2), np.uint8), [*marks, missing], alt=f"{alt}, missing")
    return svg.panel(window_bytes(image, window), marks, alt=alt)


def _context_pictures(
    comparison: Comparison, plane: Plane, windows: list[Window], scale: GreyScale
) -> list[str]:
    """Draw each timepoint's whole axial image, with a frame around the zoomed part."""
    wide = common_plane(comparison, plane.level_mm, scale)
    images: list[Image | None] = [reference_image(r, wide, scale) for r in comparison.results]
    factor = svg.PANEL / wide.side_mm
    x, y = ((np.array(plane.corner_mm) - np.array(wide.corner_mm))[:2]) * factor
    side = plane.side_mm * factor
    frame = (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{side:.1f}" height="{side:.1f}" fill="none" '
        f'stroke="#fff" stroke-width="2" stroke-dasharray="7 4"/>'
    )
    marks = [frame, svg.text((10, 26), "whole slice", css="lab big")]
    return [
        svg.panel(
            window_bytes(image, window) if image is not None else _black(wide),
            marks,
            alt=f"Whole axial slice, {r.aligned.timepoint.name}, frame around the zoomed part",
        )
        for r, image, window in zip(comparison.results, images, windows, strict=True)
    ]


def common_plane(comparison: Comparison, level_mm: float, scale: GreyScale) -> Plane:
    """Axial plane at a level that holds the baseline's body and little air."""
    base = baseline_result(comparison)
    wide = context_plane(comparison, level_mm)
    first = reference_image(base, wide, scale)
    return trimmed(wide, first, _air(base, first))


def reference_image(result: TimepointResult, plane: Plane, scale: GreyScale) -> Image:
    """Sample a timepoint's reference image on a plane, on the common grey scale."""
    return _scaled(result, result.aligned.reference_role, plane, scale)


def _air(result: TimepointResult, image: Image) -> float:
    """Value that separates body from air."""
    if result.aligned.reference.quantity is Quantity.HU:
        return -400.0
    return foreground_threshold(image)


def _black(plane: Plane) -> npt.NDArray[np.uint8]:
    return np.zeros((plane.pixels, plane.pixels), np.uint8)


def legend_entries(tissues: Sequence[Tissue]) -> list[tuple[str, str]]:
    """Give colour and name of each tissue."""
    return [(svg.TISSUE_COLOURS[t], COMPARTMENT_NAMES[t.value]) for t in tissues]
