"""Registration quality: figures in words and a checkerboard to judge by eye."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imgcompare.model import Comparison, RegistrationQuality, TimepointResult, Transform
from imgcompare.reporting import svg
from imgcompare.reporting.intensity import GreyScale, ct_window, mr_window, window_bytes
from imgcompare.reporting.pictures import AXIAL_SIDES, Image, common_plane, reference_image
from imgcompare.reporting.views import baseline_result
from imgcompare.reporting.wording import MISSING, number, position, role_name

TILES = 8
"""Tiles along a side of the checkerboard."""


@dataclass(frozen=True, slots=True)
class TransformRow:
    """One line of the table of transforms."""

    what: str
    verdict: str
    succeeded: bool
    similarity: str
    inverse_consistency: str
    overlap: str
    movement: str
    reason: str


def transform_rows(comparison: Comparison) -> list[TransformRow]:
    """Describe every transform that was estimated, within and across timepoints."""
    base = baseline_result(comparison) if comparison.results else None
    rows = []
    for result in comparison.results:
        aligned, when = result.aligned, result.aligned.timepoint.name
        for role, transform in aligned.to_reference.items():
            if role is not aligned.reference_role:
                onto = role_name(aligned.reference_role)
                rows.append(_row(f"{when}: {role_name(role)} onto {onto}", transform, result))
        if result is not base and base is not None:
            what = f"{when} onto baseline {base.aligned.timepoint.name}"
            rows.append(_row(what, aligned.to_baseline, result))
    return rows


@dataclass(frozen=True, slots=True)
class Checkerboard:
    """Baseline and follow-up in alternating tiles."""

    svg: str
    caption: str


def checkerboards(comparison: Comparison, level_mm: float, scale: GreyScale) -> list[Checkerboard]:
    """Alternate tiles of baseline and each follow-up, at one level of the baseline."""
    if len(comparison.results) < 2:
        return []
    base = baseline_result(comparison)
    plane = common_plane(comparison, level_mm, scale)
    first = reference_image(base, plane, scale)
    pictures = []
    for result in comparison.results:
        if result is base or result.aligned.reference_role is not base.aligned.reference_role:
            continue
        second = reference_image(result, plane, scale)
        is_ct = result.aligned.reference.quantity.value == "HU"
        window = (ct_window if is_ct else mr_window)([first, second])
        board = window_bytes(_alternate(first, second), window)
        before, after = base.aligned.timepoint.name, result.aligned.timepoint.name
        marks = [
            svg.side_letters(AXIAL_SIDES),
            svg.text((8, 16), position(level_mm)),
        ]
        alt = f"Checkerboard of {before} and {after} after registration, {position(level_mm)}"
        pictures.append(Checkerboard(svg.panel(board, marks, alt=alt), f"{before} and {after}"))
    return pictures


def _alternate(first: Image, second: Image) -> Image:
    tile = first.shape[0] // TILES
    rows, columns = np.indices(first.shape) // tile
    return np.where((rows + columns) % 2 == 0, first, second)


def _row(what: str, transform: Transform, result: TimepointResult) -> TransformRow:
    quality = transform.quality
    moved = _movement(transform, result)
    if quality is None:
        return TransformRow(what, "not rated", True, MISSING, MISSING, MISSING, moved, "")
    error = quality.inverse_consistency_mm
    return TransformRow(
        what,
        "aligned" if quality.succeeded else "failed",
        quality.succeeded,
        f"{quality.similarity_before:.3f} → {quality.similarity_after:.3f}",
        MISSING if error is None else number(error, "mm"),
        _share(quality),
        moved,
        quality.reason,
    )


def _share(quality: RegistrationQuality) -> str:
    return f"{100 * quality.overlap:.0f} %" if np.isfinite(quality.overlap) else MISSING


def _movement(transform: Transform, result: TimepointResult) -> str:
    """How far the middle of the image moves, and by how many degrees it turns."""
    centre = result.aligned.geometry.centre_mm
    shift = float(np.linalg.norm(transform.apply(centre) - centre))
    u, _, vt = np.linalg.svd(transform.matrix[:3, :3])
    cosine = (np.trace(u @ vt) - 1.0) / 2.0
    degrees = float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))
    return f"{shift:.1f} mm, {degrees:.1f}°"
