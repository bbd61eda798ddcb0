"""Calibration of the intervals: how often they hold the truth and changes are called rightly.

    python benchmarks/calibration.py RESULTS.jsonl [--heads 18] [--workers 2] [--page docs]

Simulates heads with up to nine lesions each (0.5 to 60 mL, slices of 1 to 5 mm, noise of 1 to 4 %,
random shapes, rims and shading), scanned twice unchanged; heads of 1 mm slices a third time, after
the enhancing part of every lesion has grown or shrunk by 20 %. Series of a visit are a little
misaligned, as a registration leaves them. Each lesion is segmented from a point in it and measured
by the code that ``compare`` runs. Even heads are for fitting, odd ones for testing. Figures of a
visit are appended to the file; a later run goes on where an earlier one stopped. The parameters
that fit the even heads are printed; ``--page`` writes the tables of calibration.md, by the
parameters that the package has, and the picture.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
from calibration_fit import fitted
from calibration_tables import DEVELOPMENT_HEADS, PARTS, usable, write_page
from scans import Scan

from imgcompare.errors import ImgCompareError
from imgcompare.measurement import measure_lesion
from imgcompare.measurement.contour import padded, surface_of
from imgcompare.measurement.uncertainty import edge_noise_ratio
from imgcompare.model import AlignedTimepoint, Lesion, Role, Tissue, Transform
from imgcompare.phantoms import PhantomCase, ScanSettings
from imgcompare.phantoms._fields import textures
from imgcompare.phantoms._kernels import count_misplaced
from imgcompare.phantoms.cases import BODIES, FIRST_DATE, rigid
from imgcompare.phantoms.lesions import PhantomLesion, Stage, outline_points, shapes
from imgcompare.phantoms.sequences import MR_ROLES
from imgcompare.phantoms.simulation import acquire
from imgcompare.registration import resample
from imgcompare.segmentation import lesion_from_seed, prepare, segment_compartments

HEAD = BODIES.index("head")
SLICES_MM = (1.0, 3.0, 5.0, 1.0, 2.0, 4.0)
"""Slice thickness of head n, taken in turn over pairs of heads; 1 mm twice as often."""

SIZES_ML = (0.5, 60.0)
LESIONS = 9
HEIGHT_MM = 160.0
CHANGE = 1.2
APART_MM = 7.0
PLACES = 5000
SHAPES = 12
LARGE_ML = (35.0, 60.0)
TOUCHING = 0.015
"""Largest part of the outline of a large lesion that may touch falx, dura or ventricle."""

CHECKED_POINTS = 400
RESIDUAL_MM, RESIDUAL_DEG = 0.15, 0.1
"""What the registration of series to each other leaves (docs/accuracy.md)."""

MOTION_MM, MOTION_DEG = 8.0, 6.0
BETWEEN_MM, BETWEEN_DEG = 0.8, 0.55
REACH = (-75.0, 75.0), (-85.0, 85.0), (-45.0, 75.0)
"""Where centres are tried, anatomy LPS mm."""


@dataclass(frozen=True)
class Head:
    """One simulated patient and how the visits were scanned."""

    number: int
    case: PhantomCase
    settings: ScanSettings
    changed: tuple[bool, ...]


def build_head(number: int) -> Head:
    """Draw lesions, motion and acquisition of a patient."""
    random = np.random.default_rng([number, 4242])
    slice_mm = SLICES_MM[number // 2 % len(SLICES_MM)]
    changed = (False, False, True) if slice_mm == 1.0 else (False, False)
    edges = np.geomspace(*SIZES_ML, LESIONS + 1)
    drawn = [float(np.exp(random.uniform(*np.log(edges[n : n + 2])))) for n in range(LESIONS)]
    placed: list[PhantomLesion] = []
    if number >= DEVELOPMENT_HEADS:
        drawn.pop()
        large = _fitted_in(random, float(random.uniform(*LARGE_ML)), changed, number)
        placed = [large] if large else []
    for size in reversed(drawn):
        lesion = _placed(random, size, changed, placed, number)
        if lesion is not None:
            placed.append(lesion)
    within = tuple(
        MappingProxyType(
            {
                r: np.eye(4) if r is Role.T1C else _moved(random, BETWEEN_MM, BETWEEN_DEG)
                for r in MR_ROLES
            }
        )
        for _ in changed
    )
    case = PhantomCase(
        "calibration", "head", "", number, (FIRST_DATE,) * len(changed), tuple(placed),
        tuple(_moved(random, MOTION_MM, MOTION_DEG) for _ in changed), within,
    )  # fmt: skip
    settings = ScanSettings(
        spacing_mm=(slice_mm, 1.0, 1.0),
        matrix=(int(np.ceil(HEIGHT_MM / slice_mm)), 236, 190),
        noise=float(random.uniform(0.01, 0.04)),
        bias=float(random.uniform(0.1, 0.3)),
    )
    return Head(number, case, settings, changed)


def _moved(random: np.random.Generator, mm: float, deg: float):
    return rigid(random.standard_normal(3), random.normal(0.0, deg), random.normal(0.0, mm, 3))


def _placed(
    random: np.random.Generator,
    size_ml: float,
    changed: tuple[bool, ...],
    others: list[PhantomLesion],
    number: int,
) -> PhantomLesion | None:
    """Find room for a lesion, clear of bone, ventricles and the other lesions."""
    lesion, outline = _described(random, size_ml, changed, len(others) + 1)
    reach = _reach_mm(lesion)
    for _ in range(PLACES):
        centre = np.array([random.uniform(*r) for r in REACH])
        if any(
            np.linalg.norm(centre - x.centre_mm) < _reach_mm(x) + reach + APART_MM for x in others
        ):
            continue
        if count_misplaced(HEAD, textures(number), outline + centre) == 0:
            return replace(lesion, centre_mm=(centre[0], centre[1], centre[2]))
    return None


def _fitted_in(
    random: np.random.Generator, size_ml: float, changed: tuple[bool, ...], number: int
) -> PhantomLesion | None:
    """Move a large lesion to where it fits, which few places and shapes do."""
    texture = textures(number)
    for _ in range(SHAPES):
        lesion, outline = _described(random, size_ml, changed, 1, shrinks=True)
        tried = [np.array([random.uniform(*r) for r in REACH]) for _ in range(PLACES // 10)]
        touching = [count_misplaced(HEAD, texture, outline + centre) for centre in tried]
        least = min(touching)
        centre = tried[touching.index(least)]
        for step_mm in np.geomspace(6.0, 0.5, PLACES // 10):
            moved = centre + random.normal(0.0, step_mm, 3)
            count = count_misplaced(HEAD, texture, outline + moved)
            if count <= least:
                least, centre = count, moved
        if least <= TOUCHING * CHECKED_POINTS:
            return replace(lesion, centre_mm=(centre[0], centre[1], centre[2]))
    return None


def _described(
    random: np.random.Generator,
    size_ml: float,
    changed: tuple[bool, ...],
    number: int,
    *,
    shrinks: bool = False,
) -> tuple[PhantomLesion, np.ndarray]:
    """Draw a lesion, about the origin, and points of its outline when it is largest."""
    part = float(random.uniform(0.35, 0.85))
    factor = CHANGE if random.random() < 0.5 and not shrinks else 2.0 - CHANGE
    oedema = float(random.uniform(1.0, 5.0))
    kind = random.random()
    cyst, bleed = (0.3 if kind < 0.2 else 0.0), (0.3 if kind > 0.9 else 0.0)

    def stage(change: float) -> Stage:
        rim = size_ml * part
        return Stage(size_ml - rim + rim * change, rim * change, cyst, bleed, oedema)

    stages = tuple(stage(factor if c else 1.0) for c in changed)
    lesion = PhantomLesion(number, "", (0.0, 0.0, 0.0), stages, int(random.integers(1, 2**30)))
    largest = max(range(len(stages)), key=lambda n: stages[n].whole_ml)
    return lesion, outline_points(shapes((lesion,), largest), 0, CHECKED_POINTS)


def _reach_mm(lesion: PhantomLesion) -> float:
    stage = max((s for s in lesion.stages if s), key=lambda s: s.whole_ml)
    return float(np.cbrt(stage.whole_ml * 1000.0 * 3.0 / (4.0 * np.pi))) * 1.2


def measured(head: Head, visit: int) -> Iterator[dict]:
    """Scan a visit, and segment and measure every lesion: a row per volume."""
    random = np.random.default_rng([head.number, visit, 99])
    taken = _scan(head, visit)
    prepared = prepare(_aligned(taken, random))
    built = shapes(head.case.lesions, visit)
    back = np.linalg.inv(taken.matrix(Role.T1C))
    for row, lesion in enumerate(head.case.lesions):
        # A person clicks near the middle, not at it.
        off = random.normal(0.0, 0.12 * built.numbers[row, 12], 3)
        point = (back @ np.array([*(np.array(lesion.centre_mm) + off), 1.0]))[:3]
        about = {
            "head": head.number, "visit": visit, "lesion": lesion.id,
            "slice_mm": head.settings.spacing_mm[0], "noise": head.settings.noise,
            "changed": head.changed[visit], "size_ml": taken.volumes_ml[lesion.id]["whole"],
        }  # fmt: skip
        try:
            region = lesion_from_seed(prepared, point)
            parts = segment_compartments(prepared, region, source="seed")
            rows = measure_lesion(
                parts,
                prepared.aligned,
                lesion=Lesion(lesion.id, "1.2.3"),
                looked_for=(Tissue.ENHANCING, Tissue.NECROTIC),
            )
        except ImgCompareError as error:
            yield {**about, "problem": type(error).__name__}
            continue
        yield from _compared(about, taken, parts, prepared, rows, lesion.id)


def _compared(about, taken: Scan, parts, prepared, rows, lesion: int) -> Iterator[dict]:
    found = {m.compartment: m for m in rows if m.quantity == "volume"}
    start = parts.geometry.offset_in(prepared.aligned.geometry)
    box = tuple(slice(a, a + n) for a, n in zip(start, parts.geometry.shape, strict=True))
    image = prepared.aligned.reference.array[box]
    for name in PARTS:
        true, m = taken.volumes_ml[lesion].get(name, 0.0), found[name]
        s = surface_of(padded(parts.fraction(name)))
        yield {
            **about, "part": name, "true": true, "value": m.value, "low": m.ci_low,
            "high": m.ci_high, "faces": s.faces, "edges": s.edges, "partial": s.partial,
            "eroded": s.eroded, "dilated": s.dilated,
            "edge_noise": edge_noise_ratio(image, parts.fraction(name)),
        }  # fmt: skip


def _scan(head: Head, visit: int) -> Scan:
    images = {r: acquire(head.case, visit, r, settings=head.settings) for r in MR_ROLES}
    return Scan(head.case, visit, head.settings, images, {}, np.zeros((0, 3)))


def _aligned(taken: Scan, random: np.random.Generator) -> AlignedTimepoint:
    """Put the series on the grid of the reference, off by what a registration leaves."""
    reference = taken.images[Role.T1C]
    back = np.linalg.inv(taken.matrix(Role.T1C))
    images, transforms = {Role.T1C: reference}, {Role.T1C: Transform.identity()}
    for role in taken.images:
        if role is not Role.T1C:
            off = _moved(random, RESIDUAL_MM / np.sqrt(3.0), RESIDUAL_DEG)
            transforms[role] = Transform(off @ back @ taken.matrix(role))
            images[role] = resample(taken.images[role], reference.geometry, transforms[role])
    return AlignedTimepoint(taken.as_visit(), Role.T1C, images, transforms, Transform.identity())


def visit_rows(number: int, visit: int) -> tuple[list[dict], float]:
    """Give the figures of one visit of a head, and the processor time they took."""
    start = time.process_time()
    return list(measured(build_head(number), visit)), time.process_time() - start


def main() -> None:
    """Simulate what is missing, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, help="figures, one per line; kept between runs")
    parser.add_argument("--heads", type=int, default=18)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--page", type=Path, help="folder to write calibration.md into")
    options = parser.parse_args()
    done = {(r["head"], r["visit"]) for r in read_rows(options.results)}
    wanted = [(n, v) for n in range(options.heads) for v in range(len(build_head(n).changed))]
    with ProcessPoolExecutor(options.workers) as pool, options.results.open("a") as out:
        jobs = {pool.submit(visit_rows, *w): w for w in wanted if w not in done}
        for job in as_completed(jobs):
            rows, seconds = job.result()
            out.writelines(json.dumps(row) + "\n" for row in rows)
            out.flush()
            print(jobs[job], len(rows), f"{seconds:.1f} s", file=sys.stderr, flush=True)
    first = [r for r in usable(read_rows(options.results)) if r["head"] < DEVELOPMENT_HEADS]
    for part in PARTS:
        print(part, fitted(first, part))
    if options.page:
        write_page(read_rows(options.results), options.page)


def read_rows(file: Path) -> list[dict]:
    """Read the figures of earlier runs."""
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


if __name__ == "__main__":
    main()
