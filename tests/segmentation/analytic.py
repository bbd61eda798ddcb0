"""A small head with one ring lesion, drawn by supersampling, with true fractions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from imgcompare.geometry import Geometry
from imgcompare.model import (
    LESION_TISSUES,
    AlignedTimepoint,
    LabelMap,
    Quantity,
    Role,
    Timepoint,
    Tissue,
    Transform,
    Volume,
)

FloatArray = npt.NDArray[np.float32]
MR_ROLES = (Role.T1, Role.T1C, Role.T2, Role.FLAIR)
CT_ROLES = (Role.CT_PRE, Role.CT_ARTERIAL, Role.CT_PORTAL)
SUPERSAMPLING = 3

# Signal over white matter on T1, T1C, T2, FLAIR; HU before contrast, arterial, portal.
SIGNALS: Mapping[str, tuple[float, ...]] = {
    "air": (0.0, 0.0, 0.0, 0.0, -1000.0, -1000.0, -1000.0),
    "scalp": (1.9, 1.95, 1.2, 1.2, -100.0, -100.0, -100.0),
    "skull": (0.05, 0.05, 0.05, 0.05, 500.0, 500.0, 500.0),
    "csf": (0.30, 0.30, 3.0, 0.10, 8.0, 8.0, 8.0),
    "grey": (0.75, 0.75, 1.4, 1.2, 37.0, 40.0, 42.0),
    "white": (1.0, 1.0, 1.0, 1.0, 30.0, 31.0, 33.0),
    Tissue.ENHANCING: (0.75, 1.80, 1.7, 1.3, 40.0, 95.0, 85.0),
    Tissue.NECROTIC: (0.55, 0.55, 2.4, 1.1, 24.0, 24.0, 25.0),
    Tissue.CYSTIC: (0.30, 0.30, 3.0, 0.10, 7.0, 7.0, 8.0),
    Tissue.NON_ENHANCING: (0.75, 0.75, 1.1, 1.15, 42.0, 44.0, 46.0),
    Tissue.HAEMORRHAGE: (1.8, 1.8, 1.2, 1.0, 66.0, 66.0, 66.0),
    Tissue.OEDEMA: (0.80, 0.80, 2.0, 1.75, 26.0, 27.0, 28.0),
}


@dataclass(frozen=True)
class Plan:
    """What to draw: radii in mm of the outline and of the core, and what the core holds.

    ``balls`` are lesions drawn instead of the wavy one: centre (x, y, z; the head's own is 0) and
    radii of outline and core, all mm; the head is about 120 mm wide, its white matter 90.
    """

    spacing: tuple[float, float, float] = (2.0, 2.0, 2.0)
    outline: float = 17.0
    core: float = 11.0
    rim: Tissue = Tissue.ENHANCING
    filling: Tissue = Tissue.NECROTIC
    second: Tissue | None = None
    oedema: float = 7.0
    noise: float = 0.02
    noise_hu: float = 6.0
    bias: float = 0.0
    gains: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    stripped: bool = False
    seed: int = 0
    balls: tuple[tuple[float, float, float, float, float], ...] = ()


@dataclass(frozen=True)
class Drawn:
    """Images of a plan and what is true about them."""

    aligned: AlignedTimepoint
    fractions: Mapping[Tissue, FloatArray]
    white: npt.NDArray[np.bool_]

    @property
    def whole(self) -> FloatArray:
        """Part of each voxel inside the lesion."""
        zero = np.zeros(self.aligned.geometry.shape, dtype=np.float32)
        return sum((self.fractions.get(t, zero) for t in LESION_TISSUES), zero)

    @property
    def region(self) -> LabelMap:
        """The lesion's voxels, at least half filled."""
        return LabelMap((self.whole >= 0.5).astype(np.uint8), self.aligned.geometry)

    def volume_ml(self, tissue: Tissue) -> float:
        """True volume."""
        return float(self.fractions[tissue].sum()) * self.aligned.geometry.voxel_volume_ml


def _grid(plan: Plan) -> Geometry:
    spacing = np.array(plan.spacing)
    shape = np.ceil(np.array([132.0, 144.0, 128.0]) / spacing).astype(int)
    affine = np.eye(4)
    # Slices run up, rows back, columns to the left: axial DICOM.
    affine[:3, :3] = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]) * spacing
    affine[:3, 3] = -(affine[:3, :3] @ ((shape - 1) / 2.0))
    return Geometry((int(shape[0]), int(shape[1]), int(shape[2])), affine, "1.2.3")


def _codes(plan: Plan, points: Sequence[FloatArray], names: list[str]) -> npt.NDArray[np.uint8]:
    z, y, x = points
    head = np.sqrt((x / 60) ** 2 + (y / 68) ** 2 + (z / 62) ** 2)
    depth = (1 - head) * 60
    codes = np.full(head.shape, names.index("air"), dtype=np.uint8)
    for name, mm in (("scalp", 0.0), ("skull", 4.0), ("csf", 9.0), ("grey", 11.0), ("white", 15.0)):
        if plan.stripped and name in ("scalp", "skull"):
            continue
        codes[depth > mm] = names.index(name)
    ventricle = ((np.abs(x) - 9) / 4) ** 2 + (y / 16) ** 2 + (z / 9) ** 2 < 1
    codes[ventricle & (x < 20)] = names.index("csf")
    if plan.balls:
        return _with_balls(plan, codes, points, names)
    dx, dy, dz = x - 24, (y + 8) / 1.1, z - 10
    radius = np.sqrt(dx**2 + dy**2 + dz**2) + 1e-6
    wave = 1 + 0.10 * np.sin(3 * np.arctan2(dy, dx)) * np.sqrt(dx**2 + dy**2) / radius
    inside = codes == names.index("white")
    codes[inside & (radius < plan.outline * wave + plan.oedema)] = names.index(Tissue.OEDEMA)
    codes[radius < plan.outline * wave] = names.index(plan.rim)
    core = radius < plan.core * (2 - wave)
    codes[core] = names.index(plan.filling)
    if plan.second is not None:
        codes[core & (dx + 0.3 * dz > 0)] = names.index(plan.second)
    return codes


def _with_balls(
    plan: Plan, codes: npt.NDArray[np.uint8], points: Sequence[FloatArray], names: list[str]
) -> npt.NDArray[np.uint8]:
    z, y, x = points
    away = [
        np.sqrt((x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2) for cx, cy, cz, _, _ in plan.balls
    ]
    for distance, (*_, outline, _) in zip(away, plan.balls, strict=True):
        near = (codes == names.index("white")) & (distance < outline + plan.oedema)
        codes[near] = names.index(Tissue.OEDEMA)
    for radius, tissue in ((-2, plan.rim), (-1, plan.filling)):
        for distance, ball in zip(away, plan.balls, strict=True):
            codes[distance < ball[radius]] = names.index(tissue)
    return codes


def draw(plan: Plan | None = None, roles: Sequence[Role] = MR_ROLES) -> Drawn:
    """Draw a plan as images of the given roles, T1C or CT_PORTAL being the reference."""
    return _draw(plan or Plan(), tuple(roles))


@lru_cache(maxsize=8)
def _draw(plan: Plan, roles: tuple[Role, ...]) -> Drawn:
    names = list(SIGNALS)
    grid = _grid(plan)
    axes = [np.arange(n * SUPERSAMPLING) for n in grid.shape]
    fine = [
        ((a + 0.5) / SUPERSAMPLING - 0.5 - (n - 1) / 2) * s
        for a, n, s in zip(axes, grid.shape, plan.spacing, strict=True)
    ]
    counts = np.zeros((len(names), *grid.shape), dtype=np.float32)
    for sub in range(SUPERSAMPLING):  # a third of the sampling planes at a time
        slices = fine[0][sub::SUPERSAMPLING].astype(np.float32)
        points = np.meshgrid(
            slices, fine[1].astype(np.float32), fine[2].astype(np.float32), indexing="ij"
        )
        codes = _codes(plan, points, names)
        n, rows, columns = grid.shape
        split = codes.reshape(n, rows, SUPERSAMPLING, columns, SUPERSAMPLING)
        for k in range(len(names)):
            counts[k] += (split == k).sum(axis=(2, 4))
    fractions = counts / SUPERSAMPLING**3
    random = np.random.default_rng(plan.seed)
    images = {r: _image(plan, r, fractions, grid, random) for r in roles}
    reference = next((r for r in (Role.T1C, Role.CT_PORTAL) if r in roles), roles[0])
    aligned = AlignedTimepoint(
        Timepoint(0, None, (), {}), reference, images, {}, Transform.identity()
    )
    true = {t: fractions[names.index(t)] for t in Tissue if fractions[names.index(t)].any()}
    white = fractions[names.index("white")] > 0.999
    return Drawn(aligned, true, white)


def _image(
    plan: Plan, role: Role, fractions: FloatArray, grid: Geometry, random: np.random.Generator
) -> Volume:
    column = (*MR_ROLES, *CT_ROLES).index(role)
    levels = np.array([s[column] for s in SIGNALS.values()], dtype=np.float32)
    clean = np.tensordot(levels, fractions, axes=(0, 0))
    if role in CT_ROLES:
        noisy = clean + plan.noise_hu * random.standard_normal(clean.shape, dtype=np.float32)
        return Volume(noisy.astype(np.float32), grid, Quantity.HU)
    z, y, x = np.meshgrid(*[np.linspace(-1, 1, n) for n in grid.shape], indexing="ij")
    shading = np.exp(plan.bias * (0.8 * x - 0.5 * y + 0.6 * z - 0.4 * y * y)).astype(np.float32)
    real, imaginary = (
        plan.noise * random.standard_normal(clean.shape, dtype=np.float32) for _ in range(2)
    )
    noisy = np.hypot(clean * shading + real, imaginary)
    if plan.stripped:
        noisy[fractions[0] > 0.5] = 0.0
    gain = 500.0 * plan.gains[column]
    return Volume((gain * noisy).astype(np.float32), grid)


def overlap(a: npt.NDArray[np.bool_], b: npt.NDArray[np.bool_]) -> float:
    """Dice coefficient."""
    return 2.0 * float((a & b).sum()) / max(1.0, float(a.sum() + b.sum()))


def placed(part: npt.NDArray, grid: Geometry, whole: Geometry) -> npt.NDArray:  # type: ignore[type-arg]
    """Put an array of a crop back onto the whole grid, zeros elsewhere."""
    full = np.zeros(whole.shape, dtype=part.dtype)
    start = grid.offset_in(whole)
    full[tuple(slice(s, s + n) for s, n in zip(start, grid.shape, strict=True))] = part
    return full
