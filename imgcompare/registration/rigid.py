"""Align two images of the same anatomy by a rigid or affine map."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from imgcompare.model import Transform, Volume
from imgcompare.registration import engines, pyramid, search
from imgcompare.registration.engines import Arithmetic, Float64
from imgcompare.registration.pyramid import Pyramid
from imgcompare.registration.quality import judge
from imgcompare.registration.settings import RegistrationSettings, TransformKind

TOLERANCE = 0.01
"""A level is done when the next step would be shorter than this share of its voxel size."""

OVERLAP_REWARDED_FROM_MM = 4.0
"""Levels this coarse reward overlap, see `metric.Metric`."""


def find_map(
    fixed: Pyramid,
    moving: Pyramid,
    start: Float64,
    *,
    kind: TransformKind,
    arithmetic: Arithmetic,
    settings: RegistrationSettings,
) -> Float64:
    """Give the map (4, 4) from fixed to moving world: many starts at 8 mm, then finer."""
    sizes = sorted(fixed.levels, reverse=True)
    maps = search.guesses(
        fixed,
        moving,
        start,
        limit_deg=settings.max_rotation_deg,
        limit_mm=settings.max_translation_mm,
    )
    candidates = search.search_coarse(fixed, moving, maps, arithmetic=arithmetic, size_mm=sizes[0])
    candidates = candidates[: search.KEPT] + [c for c in candidates[search.KEPT :] if c.from_start]
    for size in sizes[1:] or sizes:
        rewarded = size >= OVERLAP_REWARDED_FROM_MM
        candidates = search.refine(
            fixed,
            moving,
            candidates,
            size_mm=size,
            kind=TransformKind.RIGID if rewarded and size != sizes[-1] else kind,
            arithmetic=arithmetic,
            tolerance_mm=TOLERANCE * size,
            reward_overlap=rewarded,
        )[:1]
    return candidates[0].matrix


def _build_both(
    fixed: Volume, moving: Volume, arithmetic: Arithmetic, settings: RegistrationSettings
) -> tuple[Pyramid, Pyramid]:
    """Make the working copies of both images, at the same time where threads are allowed."""

    def build(volume: Volume, what: str) -> Pyramid:
        return pyramid.build(volume, arithmetic, finest_mm=settings.finest_mm, what=what)

    if settings.threads == 1:
        return build(fixed, "fixed"), build(moving, "moving")
    with ThreadPoolExecutor(max_workers=1) as pool:
        other = pool.submit(build, moving, "moving")
        return build(fixed, "fixed"), other.result()


def register(
    moving: Volume,
    fixed: Volume,
    *,
    kind: TransformKind = TransformKind.RIGID,
    initial: Transform | None = None,
    settings: RegistrationSettings | None = None,
) -> Transform:
    """Find the map from ``moving`` to ``fixed`` patient space.

    Dense mutual information (Mattes 2003) with its exact gradient over all foreground voxels of a
    pyramid (Thévenaz & Unser 2000), minimised by a quasi-Newton method from the best of many
    starts. The result is the same every time, whatever the number of threads.

    Parameters
    ----------
    moving, fixed : Volume
        Any grids: anisotropic, oblique or sheared, with different fields of view and contrasts.
    kind : TransformKind
        Rigid, or affine (refined from the rigid result).
    initial : Transform, optional
        Where to start, from moving to fixed space; by default both spaces are taken to be one.
    settings : RegistrationSettings, optional

    Returns
    -------
    Transform
        With its quality. Check ``quality.succeeded``: a failed alignment is returned, not raised.

    Raises
    ------
    InputError
        If an image is constant or holds values that are not finite.
    """
    began = time.perf_counter()
    settings = settings or RegistrationSettings()
    arithmetic = engines.choose(settings.engine, settings.threads)
    images = _build_both(fixed, moving, arithmetic, settings)
    start = np.asarray(initial.inverse().matrix if initial else np.eye(4))
    found = find_map(*images, start, kind=kind, arithmetic=arithmetic, settings=settings)
    quality = judge(
        *images,
        found=found,
        start=start,
        kind=kind,
        arithmetic=arithmetic,
        settings=settings,
        began=began,
    )
    return Transform(
        np.asarray(np.linalg.inv(found), dtype=np.float64),
        moving.geometry.frame_of_reference_uid,
        fixed.geometry.frame_of_reference_uid,
        quality,
    )
