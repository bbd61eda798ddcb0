"""Align two images of the same anatomy by a rigid or affine map."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from imgcompare.errors import ConfigurationError
from imgcompare.model import Transform, Volume
from imgcompare.registration import engines, pyramid, search
from imgcompare.registration.engines import Arithmetic, Float64
from imgcompare.registration.metric import MOST_ON_THE_WAY, MOST_SAMPLES
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
            most=MOST_SAMPLES if size == sizes[-1] else MOST_ON_THE_WAY,
        )[:1]
    return candidates[0].matrix


def prepare(
    volume: Volume, *, settings: RegistrationSettings | None = None, what: str = "given"
) -> Pyramid:
    """Make the working copies of an image that is registered more than once.

    Parameters
    ----------
    volume : Volume
    settings : RegistrationSettings, optional
        Those of the registrations to come.
    what : str
        What messages call the image.

    Returns
    -------
    Pyramid
        Goes to `register` in place of the volume; about 1.2 bytes a voxel of the finest copy.

    Raises
    ------
    InputError
        If the image is constant or holds values that are not finite.
    """
    settings = settings or RegistrationSettings()
    arithmetic = engines.choose(settings.engine, settings.threads)
    return pyramid.build(volume, arithmetic, finest_mm=settings.finest_mm, what=what)


def _prepare_both(
    fixed: Volume | Pyramid, moving: Volume | Pyramid, settings: RegistrationSettings
) -> tuple[Pyramid, Pyramid]:
    """Make the working copies of both images, at the same time where threads are allowed."""

    def ready(image: Volume | Pyramid, what: str) -> Pyramid:
        if isinstance(image, Volume):
            return prepare(image, settings=settings, what=what)
        if min(image.levels) != settings.finest_mm:
            raise ConfigurationError(
                f"The {what} image was prepared for {min(image.levels):g} mm voxels, not for "
                f"{settings.finest_mm:g} mm; prepare it with the settings of the registration."
            )
        return image

    if settings.threads == 1:
        return ready(fixed, "fixed"), ready(moving, "moving")
    with ThreadPoolExecutor(max_workers=1) as pool:
        other = pool.submit(ready, moving, "moving")
        return ready(fixed, "fixed"), other.result()


def register(
    moving: Volume | Pyramid,
    fixed: Volume | Pyramid,
    *,
    kind: TransformKind = TransformKind.RIGID,
    initial: Transform | None = None,
    settings: RegistrationSettings | None = None,
) -> Transform:
    """Find the map from ``moving`` to ``fixed`` patient space.

    Mutual information (Mattes 2003) with its exact gradient over evenly spaced foreground voxels of
    a pyramid (Thévenaz & Unser 2000), minimised by a quasi-Newton method from the best of many
    starts. The result is the same every time, whatever the number of threads.

    Parameters
    ----------
    moving, fixed : Volume or Pyramid
        Any grids: anisotropic, oblique or sheared, with different fields of view and contrasts. An
        image that takes part more than once can be made ready by `prepare`.
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
    ConfigurationError
        If an image was prepared for another ``finest_mm``.
    """
    began = time.perf_counter()
    settings = settings or RegistrationSettings()
    arithmetic = engines.choose(settings.engine, settings.threads)
    images = _prepare_both(fixed, moving, settings)
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
        images[1].frame_of_reference_uid,
        images[0].frame_of_reference_uid,
        quality,
    )
