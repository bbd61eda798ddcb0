"""Accuracy on the head phantoms: registration, whole lesions from a seed, and compartments.

    python benchmarks/accuracy.py [--case NAME]... [--setting NAME]... [--seeds 3] [--cache FOLDER]
                                  [--json FILE] [--markdown FILE]

Simulates both visits of each case in each setting, aligns them as ``compare`` does, segments every
lesion of at least 1 mL from its centre and from other points in its enhancing part, measures, and
prints every figure beside the truth; then, per setting, the worst and the share inside the limits.
Simulation takes most of the time: ``--cache`` keeps the scans. ``--json`` is written after each
case, and a run that finds the file goes on where the last one stopped.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import shlex
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
from accuracy_tables import markdown, summary, worst_lines
from scans import Scan, scan

from imgcompare.errors import ImgCompareError
from imgcompare.measurement import measure_lesion
from imgcompare.model import WHOLE, AlignedTimepoint, Lesion, Role, Tissue
from imgcompare.phantoms import CASES, ScanSettings, build_case
from imgcompare.pipeline.aligning import align_series, align_to_baseline
from imgcompare.pipeline.journal import Journal
from imgcompare.segmentation import Prepared, lesion_from_seed, prepare, segment_compartments

SETTINGS = {
    "1 mm": ScanSettings(spacing_mm=(1.0, 1.0, 1.0)),
    "3 mm": ScanSettings(spacing_mm=(3.0, 1.0, 1.0)),
    "5 mm": ScanSettings(spacing_mm=(5.0, 1.0, 1.0)),
    "5 mm oblique": ScanSettings(spacing_mm=(5.0, 1.0, 1.0), oblique_deg=(14.0, -9.0, 6.0)),
    "1 mm sagittal": ScanSettings(spacing_mm=(1.0, 1.0, 1.0), plane="sagittal"),
}
"""Slice spacing and plane; 1 mm in plane, 2 % noise, shading and motion in all."""

LEAST_ML = 1.0
PARTS = (
    WHOLE,
    Tissue.ENHANCING,
    Tissue.NECROTIC,
    Tissue.CYSTIC,
    Tissue.HAEMORRHAGE,
    Tissue.OEDEMA,
)


@dataclass(frozen=True)
class Alignment:
    """Error of one registration: mean distance over the head."""

    case: str
    setting: str
    pair: str
    tre_mm: float


@dataclass(frozen=True)
class Finding:
    """One compartment of one lesion from one seed."""

    case: str
    setting: str
    visit: int
    lesion: int
    seed: str
    part: str
    true_ml: float
    found_ml: float
    dice: float | None = None
    problem: str = ""


def tre_mm(found: npt.NDArray[np.float64], true: npt.NDArray[np.float64], points) -> float:
    """Mean distance, in moving space, between two maps of fixed points."""
    there, right = (
        points @ m[:3, :3].T + m[:3, 3] for m in (np.linalg.inv(found), np.linalg.inv(true))
    )
    return float(np.linalg.norm(there - right, axis=1).mean())


def alignments(
    scans: list[Scan], aligned: list[AlignedTimepoint], name: str
) -> Iterator[Alignment]:
    """Compare every transform with the true motion."""
    case = scans[0].case.name
    for visit, (taken, lined_up) in enumerate(zip(scans, aligned, strict=True)):
        back = np.linalg.inv(taken.matrix(Role.T1C))
        for role in taken.images:
            if role is Role.T1C:
                continue
            found = lined_up.to_reference[role].matrix if role in lined_up.to_reference else None
            error = (
                float("inf")
                if found is None
                else tre_mm(found, back @ taken.matrix(role), taken.head_mm)
            )
            yield Alignment(case, name, f"visit {visit}: {role} to T1C", error)
    true = np.linalg.inv(scans[0].matrix(Role.T1C)) @ scans[1].matrix(Role.T1C)
    error = tre_mm(aligned[1].to_baseline.matrix, true, scans[0].head_mm)
    yield Alignment(case, name, "visit 1 to visit 0", error)


def seeds_of(taken: Scan, lesion: int, count: int) -> dict[str, npt.NDArray[np.float64]]:
    """Points to start from, LPS mm: the lesion's centre, and points in its enhancing part."""
    centre = next(x.centre_mm for x in taken.case.lesions if x.id == lesion)
    back = np.linalg.inv(taken.matrix(Role.T1C))
    points = {"centre": (back @ np.array([*centre, 1.0]))[:3]}
    box, part = taken.parts[lesion][Tissue.ENHANCING]
    full = np.argwhere(part >= 0.95 * part.max())
    random = np.random.default_rng([lesion, taken.timepoint])
    grid = taken.images[Role.T1C].geometry
    for n, index in enumerate(random.permutation(full)[: count - 1], start=1):
        points[f"rim {n}"] = grid.index_to_world(index + [s.start for s in box])
    return points


def findings(taken: Scan, prepared: Prepared, name: str, count: int) -> Iterator[Finding]:
    """Segment and measure every lesion from every seed."""
    for lesion, volumes in taken.volumes_ml.items():
        if volumes[WHOLE] < LEAST_ML:
            continue
        known: dict[bytes, dict[str, tuple[float, float]]] = {}
        for seed, point in seeds_of(taken, lesion, count).items():
            problem, found = "", {}
            try:
                region = lesion_from_seed(prepared, point)
                key = np.packbits(region.array > 0).tobytes()
                if key not in known:
                    known[key] = _measured(taken, prepared, region, lesion)
                found = known[key]
            except ImgCompareError as error:
                problem = str(error)
            for part in PARTS:
                if part in volumes or found.get(part, (0.0, 0.0))[0] > 0.0:
                    ml, dice = found.get(part, (0.0, 0.0))
                    yield Finding(
                        taken.case.name, name, taken.timepoint, lesion, seed, str(part),
                        volumes.get(part, 0.0), ml, dice, problem,
                    )  # fmt: skip


def _measured(taken: Scan, prepared: Prepared, region, lesion: int):
    """Volume in mL and Dice of every compartment."""
    found = segment_compartments(prepared, region, source="seed")
    rows = measure_lesion(found, prepared.aligned, lesion=Lesion(lesion, "1.2.3"))
    ml = {str(m.compartment): m.value for m in rows if m.quantity == "volume"}
    grid = prepared.aligned.geometry
    start = found.geometry.offset_in(grid)
    box = tuple(slice(s, s + n) for s, n in zip(start, found.geometry.shape, strict=True))
    out = {}
    for part in PARTS:
        true = np.zeros(grid.shape, dtype=np.float32)
        for tissue, (at, share) in taken.parts[lesion].items():
            if tissue == part or (part == WHOLE and tissue is not Tissue.OEDEMA):
                true[at] += share
        full, mask = true > 0.5, found.mask(part)
        both = 2.0 * (mask & full[box]).sum() / max(1, mask.sum() + full.sum())
        out[str(part)] = (ml.get(str(part), 0.0), float(both))
    return out


def examine(
    case_name: str, name: str, *, seed: int, count: int, cache: Path | None
) -> tuple[list[Alignment], list[Finding]]:
    """Measure one case in one setting."""
    case = build_case(case_name, seed=seed)
    scans = [scan(case, visit, SETTINGS[name], cache) for visit in range(len(case.dates))]
    journal = Journal()
    first, *rest = [align_series(s.as_visit(), journal) for s in scans]
    aligned = [first, *(align_to_baseline(a, first, journal) for a in rest)]
    rows = [
        row
        for taken, lined_up in zip(scans, aligned, strict=True)
        for row in findings(taken, prepare(lined_up), name, count)
    ]
    return list(alignments(scans, aligned, name)), rows


def main() -> None:
    """Run what was asked for and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", action="append", choices=CASES)
    parser.add_argument("--setting", action="append", choices=SETTINGS)
    parser.add_argument("--seeds", type=int, default=3, help="starting points per lesion")
    parser.add_argument("--anatomy", type=int, default=0, help="seed of anatomy, shapes and noise")
    parser.add_argument("--cache", type=Path, help="folder for simulated scans")
    parser.add_argument("--json", type=Path, help="write all figures there")
    parser.add_argument("--markdown", type=Path, help="write the summary there as a page")
    options = parser.parse_args()
    moves, rows = _known(options.json)
    done = {(m.setting, m.case) for m in moves}
    for setting, case in product(options.setting or SETTINGS, options.case or CASES):
        if (setting, case) in done:
            continue
        start = time.perf_counter()
        new_moves, new_rows = examine(
            case, setting, seed=options.anatomy, count=options.seeds, cache=options.cache
        )
        moves += new_moves
        rows += new_rows
        seconds = time.perf_counter() - start
        print(f"{setting}, {case}: {seconds:.0f} s", file=sys.stderr, flush=True)
        print("\n".join(worst_lines(new_moves, new_rows)), flush=True)
        if options.json:
            figures = {"alignments": list(map(asdict, moves)), "findings": list(map(asdict, rows))}
            options.json.write_text(json.dumps(figures, indent=1))
    print(summary(moves, rows))
    if options.markdown:
        command = shlex.join(["python", "benchmarks/accuracy.py", *_public(sys.argv[1:])])
        options.markdown.write_text(markdown(moves, rows, command, dt.date.today()))


def _known(file: Path | None) -> tuple[list[Alignment], list[Finding]]:
    """Read what an earlier run has measured."""
    if file is None or not file.exists():
        return [], []
    figures = json.loads(file.read_text())
    return (
        [Alignment(**m) for m in figures["alignments"]],
        [Finding(**r) for r in figures["findings"]],
    )


def _public(arguments: list[str]) -> list[str]:
    """Leave options that name files out of the command that a page shows."""
    kept, skip = [], False
    for argument in arguments:
        if not skip and argument not in ("--cache", "--json", "--markdown"):
            kept.append(argument)
        skip = argument in ("--cache", "--json", "--markdown")
    return kept


if __name__ == "__main__":
    main()
