"""Simulated head scans with their truth, kept on disk between runs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

import imgcompare.phantoms
from imgcompare.model import Acquisition, Quantity, Role, Series, Timepoint, Tissue, Volume
from imgcompare.phantoms import PhantomCase, ScanSettings, simulate
from imgcompare.phantoms.settings import grid_for
from imgcompare.phantoms.truth import true_volumes

Box = tuple[slice, slice, slice]
Part = tuple[Box, npt.NDArray[np.float32]]

HEAD_STEP = 4
"""Every fourth voxel per axis is plenty to average a registration error over the head."""


@dataclass(frozen=True)
class Scan:
    """One visit of a phantom.

    Attributes
    ----------
    case, timepoint, settings
        What was scanned, and how.
    images : mapping of Role to Volume
        Each on its own grid.
    parts : mapping of lesion id to mapping of Tissue to (box, float32 array)
        True fractions on a box of the grid of T1C.
    head_mm : array, shape (n, 3)
        Points inside the head, scanner LPS mm of T1C.
    """

    case: PhantomCase
    timepoint: int
    settings: ScanSettings
    images: dict[Role, Volume]
    parts: dict[int, dict[Tissue, Part]]
    head_mm: npt.NDArray[np.float64]

    @property
    def volumes_ml(self):
        """True volumes by lesion and compartment."""
        return true_volumes(self.case, self.timepoint)

    def matrix(self, role: Role) -> npt.NDArray[np.float64]:
        """Scanner mm of a series to anatomy mm."""
        return self.case.matrix(self.timepoint, role, motion=self.settings.motion)

    def as_visit(self) -> Timepoint:
        """Give the series the form in which the pipeline takes them."""
        series = {
            role: Series(
                uid=str(role),
                modality="MR",
                role=role,
                role_reason="simulated",
                description="",
                geometry=volume.geometry,
                acquisition=Acquisition(),
                files=(),
                reader=lambda volume=volume: volume,
            )
            for role, volume in self.images.items()
        }
        return Timepoint(self.timepoint, self.case.dates[self.timepoint], (), series)


def scan(case: PhantomCase, timepoint: int, settings: ScanSettings, folder: Path | None) -> Scan:
    """Simulate a visit, or read it from ``folder`` if it was simulated there before."""
    if folder is None:
        return _unpack(case, timepoint, settings, dict(_simulated(case, timepoint, settings)))
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{case.name}-{case.seed}-{timepoint}-{_fingerprint(settings)}.npz"
    if not file.exists():
        unfinished = file.with_suffix(".part.npz")
        np.savez(unfinished, **dict(_simulated(case, timepoint, settings)))
        unfinished.replace(file)
    with np.load(file) as arrays:
        return _unpack(case, timepoint, settings, dict(arrays))


def _fingerprint(settings: ScanSettings) -> str:
    """Tell scans of other settings and of another simulator apart."""
    digest = hashlib.sha256(repr(settings).encode())
    for source in sorted(Path(imgcompare.phantoms.__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


def _simulated(
    case: PhantomCase, timepoint: int, settings: ScanSettings
) -> Iterator[tuple[str, npt.NDArray[np.generic]]]:
    done = simulate(case, timepoint, settings=settings)
    for role, volume in done.images.items():
        yield f"image/{role}", volume.array
    grid = done.images[Role.T1C].geometry
    index = np.argwhere(done.head[::HEAD_STEP, ::HEAD_STEP, ::HEAD_STEP]) * HEAD_STEP
    yield "head", grid.index_to_world(index)
    for lesion, tissues in done.fractions.items():
        full = {t: np.asarray(tissues[t]) for t in tissues}
        filled = np.argwhere(sum(full.values()) > 0)
        start, stop = filled.min(axis=0), filled.max(axis=0) + 1
        box = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
        for tissue, part in full.items():
            yield f"part/{lesion}/{tissue}", part[box]
            yield f"start/{lesion}/{tissue}", start


def _unpack(
    case: PhantomCase,
    timepoint: int,
    settings: ScanSettings,
    arrays: dict[str, npt.NDArray[np.generic]],
) -> Scan:
    images: dict[Role, Volume] = {}
    parts: dict[int, dict[Tissue, Part]] = {}
    for name, array in arrays.items():
        kind, *rest = name.split("/")
        if kind == "image":
            role = Role(rest[0])
            grid = grid_for(settings, case.body, case.matrix(timepoint, role))
            images[role] = Volume(array, grid, Quantity.MR_SIGNAL)
        elif kind == "part":
            start = arrays[f"start/{rest[0]}/{rest[1]}"]
            a, b, c = (slice(int(s), int(s) + n) for s, n in zip(start, array.shape, strict=True))
            parts.setdefault(int(rest[0]), {})[Tissue(rest[1])] = ((a, b, c), array)
    return Scan(case, timepoint, settings, images, parts, arrays["head"])
