"""A comparison as the pipeline would give it, from a small analytic head with known lesions."""

import datetime as dt
import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from imgcompare.geometry import Geometry
from imgcompare.model import (
    LESION_TISSUES,
    TISSUE_CODES,
    WHOLE,
    Acquisition,
    AlignedTimepoint,
    Assessment,
    Change,
    Comparison,
    Course,
    Decision,
    EventKind,
    Exceeds,
    LabelMap,
    Lesion,
    LesionEvent,
    LesionRole,
    LesionSegmentation,
    Measurement,
    Observation,
    Quantity,
    Reason,
    RegistrationQuality,
    Role,
    Series,
    Timepoint,
    TimepointResult,
    Tissue,
    Transform,
    Volume,
)
from tests.builders import make_geometry, rotation, world_grid

NAN = float("nan")
DATES = (dt.date(2024, 1, 10), dt.date(2024, 3, 6), dt.date(2024, 5, 29))
SUBJECT = "subject-7f3a"
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LesionSpec:
    """An irregular ball with a core: outer and core radius per timepoint, 0 is absent."""

    centre_mm: tuple[float, float, float]
    outer_mm: tuple[float, ...]
    core_mm: tuple[float, ...]
    core: Tissue = Tissue.NECROTIC


@dataclass(frozen=True)
class CaseSpec:
    """What to build."""

    lesions: tuple[LesionSpec, ...] = (
        LesionSpec((34.0, -12.0, 30.0), (15.2, 18.5, 19.6), (6.5, 15.9, 17.6)),
    )
    timepoints: int = 2
    shape: tuple[int, int, int] = (28, 84, 72)
    spacing_mm: tuple[float, float, float] = (5.0, 2.4, 2.4)
    gains: tuple[float, ...] = (400.0, 730.0, 250.0)
    noise: float = 0.02
    roles: tuple[Role, ...] = (Role.T1, Role.T1C, Role.FLAIR)
    motion_deg: tuple[float, float, float] = (4.0, -3.0, 9.0)
    motion_mm: tuple[float, float, float] = (6.0, -9.0, 4.0)
    nodal: tuple[int, ...] = ()
    events: tuple[LesionEvent, ...] = field(default_factory=tuple)


def step(distance_mm: Array, blur_mm: float = 1.2) -> Array:
    """1 inside (negative distance), 0 outside, smooth over a voxel."""
    return np.clip(0.5 - distance_mm / (2 * blur_mm), 0.0, 1.0)


def ball(points: Array, centre: tuple[float, float, float], radius: float) -> Array:
    """Signed distance to an irregular ball; never inside for radius 0."""
    offset = points - np.array(centre)
    r = np.linalg.norm(offset, axis=-1)
    angle = np.arctan2(offset[..., 1], offset[..., 0])
    wave = 1 + 0.10 * np.cos(3 * angle + 0.6) + 0.07 * np.sin(2 * angle)
    return r - radius * wave * np.where(np.abs(offset[..., 2]) > 0, 0.97, 1.0) if radius else r + 9


def ellipse(points: Array, centre: tuple[float, float, float], radii: tuple[float, ...]) -> Array:
    """Rough signed distance to an ellipsoid."""
    scaled = np.linalg.norm((points - np.array(centre)) / np.array(radii), axis=-1)
    return (scaled - 1.0) * min(radii)


def tissue_fractions(points: Array, spec: LesionSpec, n: int) -> dict[Tissue, Array]:
    """True fractions of one lesion at timepoint n."""
    whole = step(ball(points, spec.centre_mm, spec.outer_mm[n]))
    core = np.minimum(step(ball(points, spec.centre_mm, spec.core_mm[n])), whole)
    halo = step(ball(points, spec.centre_mm, spec.outer_mm[n] + 7 if spec.outer_mm[n] else 0))
    return {
        Tissue.ENHANCING: whole - core,
        spec.core: core,
        Tissue.OEDEMA: np.clip(halo - whole, 0, 1) * (points[..., 1] > spec.centre_mm[1] - 8),
    }


def head_images(points: Array, fractions: list[dict[Tissue, Array]]) -> dict[Role, Array]:
    """T1, T1C and FLAIR signal of an asymmetric head, white matter = 1."""
    head = step(ellipse(points, (0, 0, 8), (74, 92, 92)))
    skull = step(ellipse(points, (0, 0, 8), (68, 86, 86)))
    brain = step(ellipse(points, (0, 0, 8), (63, 80, 80)))
    white = step(ellipse(points, (0, 0, 8), (52, 68, 66)), 4.0)
    folds = 0.5 + 0.5 * np.sin(points[..., 0] / 5) * np.sin(points[..., 1] / 6)
    csf = np.maximum(
        step(ellipse(points, (11, -6, 22), (7, 24, 12))),
        step(ellipse(points, (-11, -6, 22), (7, 24, 12))),
    )
    sinus = step(ellipse(points, (0, 76, 8), (5, 5, 60)))
    t1 = 1.7 * (head - skull) + 0.1 * (skull - brain) + brain * (0.72 + 0.28 * white)
    t1 = t1 - 0.08 * brain * (1 - white) * folds - 0.62 * csf * brain
    flair = 0.8 * (head - skull) + 0.1 * (skull - brain) + brain * (1.12 - 0.12 * white)
    flair = flair - 0.95 * csf * brain
    t1c = t1 + 1.2 * sinus
    for parts in fractions:
        for tissue, fraction in parts.items():
            before, uptake, water = SIGNALS[tissue]
            t1 = t1 + fraction * (before - t1)
            t1c = t1c + fraction * (before + uptake - t1c)
            flair = flair + fraction * (water - flair)
    return {Role.T1: t1, Role.T1C: t1c, Role.FLAIR: flair, Role.T2: 2 - t1 * 0.7}


SIGNALS = {
    Tissue.ENHANCING: (0.75, 1.25, 1.45),
    Tissue.NECROTIC: (0.5, 0.03, 1.2),
    Tissue.CYSTIC: (0.35, 0.0, 0.3),
    Tissue.NON_ENHANCING: (0.7, 0.05, 1.4),
    Tissue.HAEMORRHAGE: (1.6, 0.0, 0.9),
    Tissue.OEDEMA: (0.8, 0.0, 1.75),
}


def make_comparison(spec: CaseSpec | None = None, *, folder: Path | None = None) -> Comparison:
    """Build everything: images, transforms, segmentations, figures, changes, assessments."""
    spec = spec or CaseSpec()
    results = tuple(_result(spec, n, folder) for n in range(spec.timepoints))
    lesions = tuple(
        Lesion(n, f"1.2.3.{n}", "left frontal lobe", LesionRole.TARGET, nodal=n in spec.nodal)
        for n in range(1, len(spec.lesions) + 1)
    )
    figures = tuple(m for r in results for i in r.lesions for m in _figures(spec, r, i))
    changes = make_changes(figures, spec.timepoints)
    course = Course(
        SUBJECT,
        tuple(r.aligned.timepoint for r in results),
        0,
        ("Series 901 has one image only and was left out.",),
        (Decision("loading", "series 3", "role T1C", "contrast agent named in the header"),),
    )
    decision = Decision(
        "segmentation", "lesion 1", "outline grown from the seed", "a seed was given"
    )
    return Comparison(
        course=course,
        results=results,
        lesions=lesions,
        events=spec.events,
        measurements=figures,
        changes=changes,
        assessments=_assessments(figures, spec.timepoints),
        observations=(
            Observation(
                "NECROSIS_INCREASE",
                1,
                (1,),
                "The necrotic part of lesion 1 rose from 8 % to 60 % of its volume.",
            ),
        ),
        decisions=(decision,),
        warnings=("The follow-up has 5 mm slices; small lesions may be missed.",),
        configuration={"seed": "0=34,-12,30", "masks": [Path("/data/DOE^JOHN/mask.nii.gz")]},
        timings_s={"loading": 2.1, "registration": 3.94, "segmentation": 4.2, "measurement": 0.2},
    )


def _result(spec: CaseSpec, n: int, folder: Path | None) -> TimepointResult:
    grid = _grid(spec, n)
    motion = _motion(spec, n)
    to_baseline = Transform.identity("1.2.9.0")
    if n:
        to_baseline = Transform(motion, f"1.2.9.{n}", "1.2.9.0", _quality())
    points = to_baseline.apply(world_grid(grid))
    fractions = [tissue_fractions(points, lesion, n) for lesion in spec.lesions]
    signals = head_images(points, fractions)
    rng = np.random.default_rng(n)
    images = {}
    for role in spec.roles:
        noise = rng.normal(0, spec.noise, grid.shape)
        volume = np.abs(signals[role] + noise) * spec.gains[n]
        images[role] = Volume(volume.astype(np.float32), grid, Quantity.MR_SIGNAL)
    reference = Role.T1C if Role.T1C in images else spec.roles[0]
    timepoint = Timepoint(
        n,
        DATES[n],
        (f"1.2.7.{n}",),
        {role: _series(role, n, volume, folder) for role, volume in images.items()},
    )
    own = Transform(np.eye(4), "a", "b", _quality())
    aligned = AlignedTimepoint(
        timepoint, reference, images, {role: own for role in images}, to_baseline
    )
    found = {
        i: _segmentation(grid, parts, n)
        for i, parts in enumerate(fractions, start=1)
        if spec.lesions[i - 1].outer_mm[n] > 0
    }
    return TimepointResult(aligned, found)


def _grid(spec: CaseSpec, n: int) -> Geometry:
    size = np.array(spec.shape) * np.array(spec.spacing_mm)
    origin = (-size[2] / 2, -size[1] / 2, -size[0] / 2 + 20)
    shift = np.array(spec.motion_mm) * n / 2
    return make_geometry(
        spec.shape,
        spacing_mm=spec.spacing_mm,
        origin_mm=tuple(float(v) for v in np.array(origin) + shift),  # type: ignore[arg-type]
        frame_uid=f"1.2.9.{n}",
    )


def _motion(spec: CaseSpec, n: int) -> Array:
    matrix = np.eye(4)
    matrix[:3, :3] = rotation(tuple(a * n / 2 for a in spec.motion_deg))  # type: ignore[arg-type]
    matrix[:3, 3] = -np.array(spec.motion_mm) * n / 2
    return matrix


def _quality() -> RegistrationQuality:
    return RegistrationQuality(
        1.061, 1.204, 0.12, 0.97, True, "similarity rose and both directions agree", 0.7, "numba"
    )


def _series(role: Role, n: int, volume: Volume, folder: Path | None) -> Series:
    files: tuple[Path, ...] = ()
    if folder is not None:
        path = folder / "DOE^JOHN" / f"{n}{role.value}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(volume.array.tobytes())
        files = (path,)
    return Series(
        uid=f"1.2.8.{n}.{list(Role).index(role)}",
        modality="MR",
        role=role,
        role_reason=f"named {role.value}",
        description=f"{role.value.lower()}_ax",
        geometry=volume.geometry,
        acquisition=Acquisition(slice_thickness_mm=5.0),
        files=files,
        reader=lambda: volume,
    )


def _segmentation(grid: Geometry, parts: dict[Tissue, Array], n: int) -> LesionSegmentation:
    total = sum(parts.values())
    index = np.argwhere(np.asarray(total) > 0.01)
    start = np.maximum(index.min(axis=0) - 2, 0)
    stop = np.minimum(index.max(axis=0) + 3, grid.shape)
    box = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
    crop = grid.crop(start.tolist(), stop.tolist())
    stack = np.stack([1 - np.asarray(total)[box], *(p[box] for p in parts.values())])
    codes = np.array([0, *(TISSUE_CODES[t] for t in parts)], dtype=np.uint8)
    labels = LabelMap(codes[stack.argmax(axis=0)], crop, {c: t for t, c in TISSUE_CODES.items()})
    source = "seed" if n == 0 else "seed carried from baseline"
    fractions = {t: p[box].astype(np.float32) for t, p in parts.items()}
    return LesionSegmentation(labels, fractions, source=source)


def _figures(spec: CaseSpec, result: TimepointResult, lesion_id: int) -> list[Measurement]:
    lesion, grid = result.lesions[lesion_id], result.aligned.geometry
    uid = result.aligned.timepoint.series[result.aligned.reference_role].uid
    figures = []
    for compartment in (WHOLE, *(t.value for t in Tissue)):
        fraction = lesion.fraction(compartment if compartment == WHOLE else Tissue(compartment))
        value = float(fraction.sum(dtype=np.float64)) * grid.voxel_volume_mm3 / 1000.0
        error = 0.035 * value + 0.05
        figures.append(
            Measurement(
                lesion_id, result.index, compartment, "volume", value, "mL",
                max(value - error, 0.0), value + error, (), "sum of fractions", uid,
            )
        )  # fmt: skip
    return figures + _diameters(lesion, result, lesion_id, uid)


def _diameters(
    lesion: LesionSegmentation, result: TimepointResult, lesion_id: int, uid: str
) -> list[Measurement]:
    figures = []
    for compartment in (WHOLE, Tissue.ENHANCING.value):
        mask = lesion.mask(compartment)
        k = int(mask.sum(axis=(1, 2)).argmax())
        inside = np.argwhere(mask[k])
        if len(inside) < 2:
            continue
        index = np.column_stack([np.full(len(inside), k), inside])
        points = lesion.geometry.index_to_world(index)
        distance = np.linalg.norm(points[:, None] - points[None], axis=-1)
        a, b = np.unravel_index(distance.argmax(), distance.shape)
        along = (points[b] - points[a]) / distance[a, b]
        across = np.cross(lesion.geometry.directions[:, 0], along)
        spread = (points - points[a]) @ across
        middle = (points[a] + points[b]) / 2
        ends = (middle + across * spread.min(), middle + across * spread.max())
        width = float(np.ptp(spread))
        for quantity, value, pair in (
            ("longest_diameter", float(distance[a, b]), (points[a], points[b])),
            ("perpendicular_diameter", width, ends),
        ):
            figures.append(
                Measurement(
                    lesion_id, result.index, compartment, quantity, value, "mm",
                    value - 1.2, value + 1.2,
                    tuple(tuple(float(v) for v in p) for p in pair),  # type: ignore[misc]
                    "voxel centres", uid,
                )
            )  # fmt: skip
        figures.append(
            Measurement(
                lesion_id, result.index, compartment, "bidimensional_product",
                float(distance[a, b]) * width, "mm2", method="product", series_uid=uid,
            )
        )  # fmt: skip
    return figures


def make_changes(figures: tuple[Measurement, ...], timepoints: int) -> tuple[Change, ...]:
    """Changes to baseline and to the timepoint before."""
    changes = []
    table = {(m.lesion_id, m.compartment, m.quantity, m.timepoint_index): m for m in figures}
    for (lesion, compartment, quantity, n), later in table.items():
        for reference, start in (("baseline", 0), ("previous", n - 1)):
            if n == 0 or (reference == "previous" and n == 1):
                continue
            earlier = table.get((lesion, compartment, quantity, start))
            if earlier is not None:
                changes.append(make_change(earlier, later, reference=reference))
    return tuple(changes)


def make_change(
    earlier: Measurement,
    later: Measurement,
    *,
    reference: str = "baseline",
    exceeds: Exceeds | None = None,
) -> Change:
    """One change with an error of a few percent."""
    first, last = earlier.value, later.value
    error = 0.05 * max(first, last) + 0.05
    if exceeds is None:
        exceeds = Exceeds.YES if abs(last - first) > error else Exceeds.NO
    days = (DATES[later.timepoint_index] - DATES[earlier.timepoint_index]).days
    log = math.log(last / first) if first > 0 and last > 0 else NAN
    return Change(
        lesion_id=later.lesion_id,
        compartment=later.compartment,
        quantity=later.quantity,
        unit=later.unit,
        reference=reference,
        from_index=earlier.timepoint_index,
        to_index=later.timepoint_index,
        days=days,
        from_value=first,
        to_value=last,
        absolute=last - first,
        percent=100 * (last - first) / first if first > 0 else NAN,
        log_change=log,
        ci_low=last - first - error,
        ci_high=last - first + error,
        growth_rate_percent_per_day=100 * log / days,
        doubling_time_days=days * math.log(2) / log if log else NAN,
        exceeds_error=exceeds,
        reason="compared with 2.77 times the within-subject deviation",
    )


def _assessments(figures: tuple[Measurement, ...], timepoints: int) -> tuple[Assessment, ...]:
    sums = [
        sum(
            m.value
            for m in figures
            if (m.timepoint_index, m.compartment, m.quantity) == (n, WHOLE, "longest_diameter")
        )
        for n in range(timepoints)
    ]
    found = []
    for n in range(1, timepoints):
        change = 100 * (sums[n] - sums[0]) / sums[0] if sums[0] else NAN
        category = "PD" if change >= 20 else "PR" if change <= -30 else "SD"
        text = f"sum of diameters {sums[0]:.1f} to {sums[n]:.1f} mm, {change:+.0f} %"
        reason = Reason("target.sum", text, change, 20.0)
        found.append(Assessment("RECIST 1.1", "1.1", n, category, "baseline", (reason,)))
    return tuple(found)


def event(kind: EventKind, index: int, *lesions: int) -> LesionEvent:
    """A change of identity."""
    return LesionEvent(kind, index, lesions, "no overlap with any lesion of the other timepoint")


ALL_TISSUES = LESION_TISSUES
