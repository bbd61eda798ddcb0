"""What the figures of calibration.py say: coverage of intervals, false and found changes."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from calibration_figure import picture
from calibration_fit import error_of, fitted, grid_of, surface_from, with_sizes

from imgcompare.measurement import measure_changes
from imgcompare.measurement.uncertainty import (
    Estimate,
    hidden_ml,
    surface_estimate,
)
from imgcompare.model import Exceeds, Measurement, Repeatability

PARTS = ("whole", "enhancing", "necrotic")
SLICES = (1.0, 2.0, 3.0, 4.0, 5.0)
SIZES = ((0.0, 1.5), (1.5, 5.0), (5.0, 15.0), (15.0, 60.0))
DEVELOPMENT_HEADS = 18
"""The form of the interval was chosen in sight of the heads below this number."""

POWER_ML = 3.0

DECIDERS: dict[str, tuple[bool, tuple[Repeatability, ...]]] = {
    "interval of the image, at least wCV 5 % (default)": (True, ()),
    "interval of the image alone": (True, (Repeatability(1e-6, "nothing but the image"),)),
    "interval or published repeatability, the larger": (False, ()),
}
"""What a change is held against: whether the intervals count as calibrated, and the user's own
repeatability. A wCV of nearly nothing leaves the interval to decide."""

Row = dict
Rows = Sequence[Row]


def estimate(row: Row, slant: float | None = None) -> Estimate:
    """Give the interval of a stored figure, by the package's parameter unless another is given."""
    grid = grid_of(row)
    if not row["value"]:
        return Estimate(0.0, 0.0, 0.0, hidden_ml(grid))
    error = error_of(row)
    if error is not None and slant is not None:
        error = replace(error, slant=slant)
    return surface_estimate(
        row["value"] / grid.voxel_volume_ml,
        surface_from(row),
        grid,
        edge_noise=row["edge_noise"],
        error=error,
    )


def covered(row: Row, slant: float | None = None) -> bool:
    """Tell whether the interval holds the truth."""
    found = estimate(row, slant)
    return found.low <= row["true"] <= found.high


def usable(rows: Rows) -> list[Row]:
    """Leave out lesions that could not be outlined, and say how large others are."""
    return with_sizes([row for row in rows if "problem" not in row])


def share(flags: Sequence[bool]) -> str:
    """Percent with its 95 % interval (Wilson 1927)."""
    if not flags:
        return "–"
    low, high = wilson(sum(flags), len(flags))
    return f"{100 * sum(flags) / len(flags):.1f} ({100 * low:.0f}–{100 * high:.0f})"


def wilson(hits: int, count: int) -> tuple[float, float]:
    """95 % interval of a proportion."""
    z2 = 1.96**2
    middle = (hits + z2 / 2) / (count + z2)
    half = 1.96 / (count + z2) * math.sqrt(hits * (count - hits) / count + z2 / 4)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def groups(rows: Rows) -> Iterator[tuple[str, list[Row]]]:
    """All figures, by slice thickness and by size of the lesion."""
    yield "all", list(rows)
    for mm in SLICES:
        yield f"{mm:g} mm slices", [r for r in rows if r["slice_mm"] == mm]
    for low, high in SIZES:
        yield f"{max(low, 0.5):g}–{high:g} mL", [r for r in rows if low <= r["size_ml"] < high]


def coverage_table(rows: Rows) -> Iterator[str]:
    """Rows of the table of coverage."""
    yield "| lesions | n | " + " | ".join(f"{p} | ± %" for p in PARTS) + " |"
    yield "| --- | ---: |" + " ---: | ---: |" * len(PARTS)
    for name, some in groups(rows):
        cells, count = [], 0
        for part in PARTS:
            own = [r for r in some if r["part"] == part]
            count = max(count, len(own))
            half = [50.0 * (e.high - e.low) / e.value for e in map(estimate, own) if e.value > 0]
            width = f"{np.median(half):.1f}" if half else "–"
            cells.append(f"{share([covered(r) for r in own])} | {width}")
        yield f"| {name} | {count} | " + " | ".join(cells) + " |"


def swapped_table(train: Rows, test: Rows) -> Iterator[str]:
    """Rows of the table of coverage by fits to either half."""
    yield "| fitted on | tested on | " + " | ".join(PARTS) + " |"
    yield "| --- | --- |" + " ---: |" * len(PARTS)
    first, later = f"the first {DEVELOPMENT_HEADS} heads", "later heads"
    for names, one, other in (
        (f"{first} | {later}", train, test),
        (f"{later} | {first}", test, train),
    ):
        cells = []
        for part in PARTS:
            slant = fitted(one, part)
            cells.append(share([covered(r, slant) for r in other if r["part"] == part]))
        yield f"| {names} | " + " | ".join(cells) + " |"


def measurement(row: Row, visit: int, *, calibrated: bool) -> Measurement:
    """Give a stored figure the form in which changes are measured."""
    found = estimate(row)
    return Measurement(
        lesion_id=row["lesion"], timepoint_index=visit, compartment=row["part"],
        quantity="volume", value=found.value, unit="mL", ci_low=found.low, ci_high=found.high,
        method="", calibrated=calibrated and error_of(row) is not None,
    )  # fmt: skip


def pairs(rows: Rows, part: str, *, changed: bool) -> Iterator[tuple[Row, Row]]:
    """Two visits of a lesion between which nothing, or 20 %, has changed."""
    by_lesion: dict[tuple[int, int], list[Row]] = {}
    for row in rows:
        if row["part"] == part:
            by_lesion.setdefault((row["head"], row["lesion"]), []).append(row)
    for visits in by_lesion.values():
        first = sorted((v for v in visits if not v["changed"]), key=lambda v: v["visit"])
        if changed:
            yield from ((a, b) for a in first for b in visits if b["changed"])
        elif len(first) == 2:
            yield first[0], first[1]


def called(pair: tuple[Row, Row], *, calibrated: bool, local: Sequence[Repeatability] = ()) -> bool:
    """Tell whether the change is said to exceed measurement error."""
    figures = [measurement(row, n, calibrated=calibrated) for n, row in enumerate(pair)]
    change = measure_changes(figures, [None, None], modality="MR", local=local)[0]
    return change.exceeds_error is Exceeds.YES


def change_lines(rows: Rows) -> Iterator[str]:
    """Rows of the table of false and found changes."""
    yield "| error that decides | part | stable pairs called changed, % | 20 % changes found, % |"
    yield "| --- | --- | ---: | ---: |"
    for name, (calibrated, local) in DECIDERS.items():
        for part in PARTS:
            stable = [
                called(p, calibrated=calibrated, local=local)
                for p in pairs(rows, part, changed=False)
            ]
            grown = [
                called(p, calibrated=calibrated, local=local)
                for p in pairs(rows, part, changed=True)
                if part == "enhancing" and min(r["true"] for r in p) >= POWER_ML
            ]
            yield f"| {name} | {part} | {counted(stable)} | {counted(grown)} |"


def counted(flags: Sequence[bool]) -> str:
    """Percent with its interval and the number it is of."""
    return f"{share(flags)} of {len(flags)}" if flags else "–"


def page(rows: Rows, command: str, day: dt.date) -> str:
    """Give the tables as Markdown."""
    good = usable(rows)
    train = [r for r in good if r["head"] < DEVELOPMENT_HEADS]
    test = [r for r in good if r["head"] >= DEVELOPMENT_HEADS]
    lesions = {(r["head"], r["visit"], r["lesion"]) for r in rows}
    failed = len(rows) - len(good)
    heads = {r["head"] for r in rows}
    return "\n".join(
        [
            f"{day}, `{command}`: {len(lesions)} measurements of {_lesions(rows)} lesions in "
            f"{len(heads)} heads; {failed} could not be outlined from their seed.",
            "",
            "### Test heads: truth inside the 95 % interval, % (95 % interval of the share), and "
            "median half width",
            "",
            *coverage_table(test),
            "",
            "### Heads the parameters were fitted on",
            "",
            *coverage_table(train),
            "",
            "### All heads",
            "",
            *coverage_table(good),
            "",
            "### Fitted on either group of heads, tested on the other",
            "",
            *swapped_table(train, test),
            "",
            "### Changes, test heads",
            "",
            *change_lines(test),
            "",
            "### Changes, all heads",
            "",
            *change_lines(good),
            "",
        ]
    )


def _lesions(rows: Rows) -> int:
    return len({(r["head"], r["lesion"]) for r in rows})


def write_page(rows: Rows, folder: Path) -> None:
    """Replace the tables of calibration.md and its picture."""
    file = folder / "calibration.md"
    text = file.read_text() if file.exists() else MARK
    heads = len({r["head"] for r in rows})
    command = f"python benchmarks/calibration.py RESULTS.jsonl --heads {heads} --page docs"
    tables = page(rows, command, dt.date.today())
    file.write_text(text[: text.index(MARK)] + MARK + "\n\n" + tables)
    test = [r for r in usable(rows) if r["head"] >= DEVELOPMENT_HEADS]
    bars = []
    for name, some in groups(test):
        for part in PARTS:
            own = [covered(r) for r in some if r["part"] == part]
            if own:
                bars.append((name, part, sum(own) / len(own), *wilson(sum(own), len(own))))
    points = [(r["part"], r["true"], r["value"] / r["true"] - 1.0, covered(r)) for r in test]
    (folder / "images" / "calibration.svg").write_text(picture(bars, points))


MARK = "<!-- written by benchmarks/calibration.py from here on -->"
