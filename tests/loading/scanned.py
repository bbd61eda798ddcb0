"""What tests of loading ask a scan for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from imgcompare.geometry import Geometry
from imgcompare.loading import scan
from imgcompare.model import Series
from tests.builders import make_geometry
from tests.loading.dicom_builder import SeriesSpec, write_series


def all_series(path: Path, **options: Any) -> list[Series]:
    """Every series of the one subject below a path, in order of description."""
    (course,) = scan(path, **options).courses
    found = [s for t in course.timepoints for s in (*t.series.values(), *t.others)]
    return sorted(found, key=lambda s: s.description)


def only_series(path: Path, **options: Any) -> Series:
    """The only series below a path."""
    (series,) = all_series(path, **options)
    return series


def reasons(path: Path) -> list[str]:
    """Reasons of all decisions of the one subject below a path."""
    (course,) = scan(path).courses
    return [d.reason for d in course.decisions]


def write_at(
    folder: Path, heights_mm: Iterable[float], *, tags: Mapping[int, Any] | None = None, **spec: Any
) -> SeriesSpec:
    """Write one series of axial slices at given heights; values are ``height`` times ten."""
    heights = list(heights_mm)
    grid = make_geometry((len(heights), 4, 5), spacing_mm=(3.0, 0.9, 0.7))
    origin = grid.origin_mm
    places = {
        k: {"ImagePositionPatient": [float(origin[0]), float(origin[1]), float(h)]}
        | dict((tags or {}).get(k, {}))
        for k, h in enumerate(heights)
    }
    made = SeriesSpec(geometry=grid, per_slice=places, **spec)
    if made.array is None:
        ramp = np.rint(np.array(heights) * 10).astype(np.int16)
        made.array = np.broadcast_to(ramp[:, None, None], grid.shape).copy()
    write_series(folder, made, seed=int(spec.get("number", 4)))
    return made


def sheared(shape: tuple[int, int, int], step_mm: tuple[float, float, float]) -> Geometry:
    """An axial grid whose slices step sideways as well."""
    affine = make_geometry(shape).affine.copy()
    affine[:3, 0] = step_mm
    return Geometry(shape, affine, "1.2.9")
