"""Acquisition of a phantom: images as a scanner would give them, with the truth beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from imgcompare.errors import ConfigurationError
from imgcompare.geometry import Geometry
from imgcompare.model import TISSUE_CODES, Quantity, Role, Tissue, Volume, read_only
from imgcompare.phantoms._fields import textures
from imgcompare.phantoms._kernels import (
    body_on_grid,
    codes_on_grid,
    ct_acquire,
    lesion_fractions,
    mean_signal,
    mr_acquire,
)
from imgcompare.phantoms.cases import BODIES, PhantomCase
from imgcompare.phantoms.lesions import Shapes, shapes
from imgcompare.phantoms.sequences import MR_ROLES, ct_signals, mr_signals, sequence_for
from imgcompare.phantoms.settings import ScanSettings, grid_for
from imgcompare.phantoms.truth import true_volumes

Settings = ScanSettings | Mapping[Role, ScanSettings]

EVERYWHERE_MM = 1.6
"""With a voxel side above this, structures may hide between voxel centres: sample all voxels."""

FRACTION_SUBSAMPLE_MM = 0.75
"""True fractions are sampled at least this finely."""

MR_TOP = 2600.0
"""Stored value of the brightest tissue at gain 1 and without shading."""


class Fractions(Mapping[Tissue, npt.NDArray[np.float32]]):
    """True tissue fractions of one lesion; each full-size array is made when asked for.

    Parameters
    ----------
    shape : tuple of 3 ints
        Shape of the whole grid.
    start : tuple of 3 ints
        Index of the first voxel of the crop.
    crops : mapping of Tissue to float32 array
        Fractions in the crop; zero elsewhere.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        start: tuple[int, int, int],
        crops: Mapping[Tissue, npt.NDArray[np.float32]],
    ) -> None:
        self.shape = shape
        self.start = start
        self.crops = MappingProxyType({t: read_only(a) for t, a in crops.items()})

    def __getitem__(self, tissue: Tissue) -> npt.NDArray[np.float32]:
        """Give the fraction map of a tissue on the whole grid."""
        crop = self.crops[tissue]
        full = np.zeros(self.shape, dtype=np.float32)
        a, b, c = self.start
        full[a : a + crop.shape[0], b : b + crop.shape[1], c : c + crop.shape[2]] = crop
        return full

    def __iter__(self) -> Iterator[Tissue]:
        """Iterate over the tissues present."""
        return iter(self.crops)

    def __len__(self) -> int:
        """Count the tissues present."""
        return len(self.crops)


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedTimepoint:
    """Images of one timepoint and everything that is true about them.

    Attributes
    ----------
    images : mapping of Role to Volume
        Each on its own scanner grid, int16.
    fractions : mapping of lesion id to mapping of Tissue to array, float32
        Part of each voxel of the reference grid that the tissue fills.
    head : array, bool
        Inside the outline of the head or body, on the reference grid; cavities included.
    to_anatomy : mapping of Role to array, shape (4, 4)
        Maps scanner LPS mm of that series to anatomy LPS mm.
    lesion_centres_mm : mapping of lesion id to tuple
        Centre of each lesion present, scanner LPS mm of the reference series.
    volumes_ml : mapping of lesion id to mapping of compartment to float
        By integration on a fine grid, including ``whole``.
    reference : Role
        T1C or CT_PORTAL.
    """

    images: Mapping[Role, Volume]
    fractions: Mapping[int, Mapping[Tissue, npt.NDArray[np.float32]]]
    head: npt.NDArray[np.bool_]
    to_anatomy: Mapping[Role, npt.NDArray[np.float64]]
    lesion_centres_mm: Mapping[int, tuple[float, float, float]]
    volumes_ml: Mapping[int, Mapping[str, float]]
    reference: Role


def settings_for(settings: Settings, role: Role) -> ScanSettings:
    """Pick the settings of one series."""
    if isinstance(settings, ScanSettings):
        return settings
    if role not in settings:
        raise ConfigurationError(f"No scan settings were given for {role}.")
    return settings[role]


def simulate(
    case: PhantomCase,
    timepoint_index: int,
    *,
    settings: Settings | None = None,
    roles: Sequence[Role] | None = None,
) -> SimulatedTimepoint:
    """Acquire one timepoint of a case.

    Parameters
    ----------
    case : PhantomCase
        From ``build_case``.
    timepoint_index : int
        From 0.
    settings : ScanSettings or mapping of Role to ScanSettings, optional
        The same for all series, or one per series; by default 1 mm axial.
    roles : sequence of Role, optional
        Series to make, by default all of the case. The truth is given on the reference grid even
        if the reference series is not asked for.

    Returns
    -------
    SimulatedTimepoint

    Raises
    ------
    ConfigurationError
        If the timepoint or a role does not exist in this case.
    """
    settings = settings or ScanSettings()
    wanted = tuple(case.roles if roles is None else roles)
    unknown = [str(r) for r in wanted if r not in case.roles]
    if unknown:
        raise ConfigurationError(f"The {case.body} has no series {', '.join(unknown)}.")
    if not 0 <= timepoint_index < len(case.dates):
        raise ConfigurationError(
            f"Timepoint {timepoint_index} does not exist; the case has {len(case.dates)}."
        )
    built = shapes(case.lesions, timepoint_index)
    images, matrices = {}, {}
    for role in wanted:
        images[role] = acquire(case, timepoint_index, role, settings=settings_for(settings, role))
        matrices[role] = _matrix(case, timepoint_index, role, settings)
    reference = case.reference
    matrices[reference] = _matrix(case, timepoint_index, reference, settings)
    fractions, head = _truth_on_grid(
        case, built, settings_for(settings, reference), matrices[reference]
    )
    back = np.linalg.inv(matrices[reference])
    centres = {}
    for lesion in case.lesions:
        if lesion.id in built.ids:
            x, y, z = (back @ np.array([*lesion.centre_mm, 1.0]))[:3]
            centres[lesion.id] = (float(x), float(y), float(z))
    return SimulatedTimepoint(
        MappingProxyType(images),
        MappingProxyType(fractions),
        read_only(head),
        MappingProxyType({role: read_only(m) for role, m in matrices.items()}),
        MappingProxyType(centres),
        true_volumes(case, timepoint_index),
        reference,
    )


def _matrix(
    case: PhantomCase, timepoint: int, role: Role, settings: Settings
) -> npt.NDArray[np.float64]:
    return case.matrix(timepoint, role, motion=settings_for(settings, role).motion)


def acquire(
    case: PhantomCase, timepoint: int, role: Role, *, settings: ScanSettings, frame_uid: str = ""
) -> Volume:
    """Acquire one series, without the truth; see ``simulate``."""
    to_anatomy = case.matrix(timepoint, role, motion=settings.motion)
    geometry = grid_for(settings, case.body, to_anatomy, frame_uid)
    affine = to_anatomy @ geometry.affine
    body = BODIES.index(case.body)
    built = shapes(case.lesions, timepoint)
    texture = textures(case.seed)
    codes = np.empty(geometry.shape, dtype=np.uint8)
    codes_on_grid(body, texture, built.numbers, built.tables, affine, False, codes)
    if role in MR_ROLES:
        signal, spread = mr_signals(sequence_for(role, settings.spacing_mm[0]))
    else:
        signal, spread = ct_signals(role)
    mean = np.empty(geometry.shape, dtype=np.float32)
    mean_signal(
        body,
        texture,
        built.numbers,
        built.tables,
        affine,
        settings.extent,
        settings.samples,
        codes,
        signal,
        spread,
        max(settings.spacing_mm) > EVERYWHERE_MM,
        mean,
    )
    del codes
    random = np.random.default_rng([case.seed, timepoint, list(Role).index(role), body])
    seed = int(random.integers(1, 2**30))
    stored = np.empty(geometry.shape, dtype=np.int16)
    if role not in MR_ROLES:
        ct_acquire(mean, settings.noise_hu, seed, stored)
        return Volume(stored, geometry, Quantity.HU)
    bias = _shading(random, settings.bias)
    gain = settings.gain * MR_TOP / float(signal.max()) * float(random.uniform(0.6, 1.2))
    mr_acquire(mean, geometry.affine, bias, gain, settings.noise, seed, stored)
    return Volume(stored, geometry, Quantity.MR_SIGNAL)


def _shading(random: np.random.Generator, size: float) -> npt.NDArray[np.float64]:
    """Coil shading: a tilt, and the brightening towards the coil that a head array shows."""
    bias = random.normal(0.0, 0.35 * size, 9)
    bias[3:6] += 0.45 * size
    bias[6:] *= 0.6
    return np.asarray(bias)


def _truth_on_grid(
    case: PhantomCase,
    built: Shapes,
    settings: ScanSettings,
    to_anatomy: npt.NDArray[np.float64],
) -> tuple[dict[int, Mapping[Tissue, npt.NDArray[np.float32]]], npt.NDArray[np.bool_]]:
    """Give the tissue fractions of each lesion and the body mask on the reference grid."""
    geometry = grid_for(settings, case.body, to_anatomy)
    affine = to_anatomy @ geometry.affine
    body = BODIES.index(case.body)
    head = np.empty(geometry.shape, dtype=np.bool_)
    body_on_grid(body, textures(case.seed), affine, head)
    fractions: dict[int, Mapping[Tissue, npt.NDArray[np.float32]]] = {}
    for row, lesion_id in enumerate(built.ids):
        fractions[lesion_id] = _fractions(case, built, row, settings, geometry, affine)
    return fractions, head


def _fractions(
    case: PhantomCase,
    built: Shapes,
    row: int,
    settings: ScanSettings,
    geometry: Geometry,
    affine: npt.NDArray[np.float64],
) -> Fractions:
    centre, reach = built.numbers[row, :3], built.numbers[row, 25]
    # A ball of radius r spans r * |row of the inverse affine| indices along each axis.
    inverse = np.linalg.inv(affine)
    middle = inverse[:3, :3] @ centre + inverse[:3, 3]
    half = reach * np.linalg.norm(inverse[:3, :3], axis=1) + 2.0
    low = np.clip(np.floor(middle - half), 0, geometry.shape).astype(np.int64)
    high = np.clip(np.ceil(middle + half) + 1, low, geometry.shape).astype(np.int64)
    shape = tuple(int(n) for n in high - low)
    crop_affine = affine.copy()
    crop_affine[:3, 3] += affine[:3, :3] @ low
    body, texture = BODIES.index(case.body), textures(case.seed)
    codes = np.empty(shape, dtype=np.uint8)
    codes_on_grid(body, texture, built.numbers, built.tables, crop_affine, True, codes)
    fine = np.ceil(np.array(settings.spacing_mm) * settings.extent / FRACTION_SUBSAMPLE_MM - 1e-6)
    samples = np.clip(fine, 2, 8).astype(np.int64)
    out = np.zeros((max(TISSUE_CODES.values()), *shape), dtype=np.float32)
    if out.size:
        lesion_fractions(
            body,
            texture,
            built.numbers,
            built.tables,
            crop_affine,
            settings.extent,
            samples,
            codes,
            row,
            out,
        )
    tissues = {t: out[TISSUE_CODES[t] - 1] for t in TISSUE_CODES}
    present = {t: a for t, a in tissues.items() if a.any()}
    start = (int(low[0]), int(low[1]), int(low[2]))
    return Fractions(geometry.shape, start, present)
