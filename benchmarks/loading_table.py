"""Write docs/loading-peers.md: each case, what is right, what we do, and what its peers do.

python benchmarks/loading_table.py [--data ../shared/data] [--check]

Exit code 1 if we are wrong in a row, or a peer's remark has gone stale.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.loading.hard_cases import HARD_CASES, HardCase  # noqa: E402
from tests.loading.judging import Outcome, judge_hard, judge_real, outcome_of  # noqa: E402
from tests.loading.odd_files import ODD_FILES  # noqa: E402
from tests.loading.odd_frames import ODD_FRAMES  # noqa: E402
from tests.loading.peers import PEERS, SAME, PeerError, absence, verdict  # noqa: E402
from tests.loading.real_cases import REAL_CASES, RealCase  # noqa: E402

PAGE = ROOT / "docs" / "loading-peers.md"

INTRODUCTION = """# What readers make of the same series

Made by `python benchmarks/loading_table.py`; do not edit. {versions}.

“✓” means the same voxels at the same places (values to single precision, positions to
{tolerance} mm); “✓ (stored values)” that the peer gives what we give on request by that name. A
reader that refuses what has no right answer is right too. What peers do otherwise is said in the
cell; none of it is a judgement of programs that were made for other purposes.

"""


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    case: str
    expected: str
    ours: str
    cells: tuple[str, ...]
    faults: tuple[str, ...] = ()


def main() -> int:
    """Write the page, or check that nothing is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--check", action="store_true", help="write nothing")
    arguments = parser.parse_args()
    real = [_real_row(case, arguments.data) for case in REAL_CASES]
    made = {
        "Cases made in code": HARD_CASES,
        "Files against the letter of the standard": ODD_FILES,
        "Enhanced files of several volumes": ODD_FRAMES,
    }
    tables = [("Real series", real), *((t, list(_hard_rows(cases))) for t, cases in made.items())]
    if not arguments.check:
        PAGE.write_text(_page(tables), encoding="utf-8")
    rows = [row for _, table in tables for row in table]
    faults = [f"{row.case}: {fault}" for row in rows for fault in row.faults]
    print("\n".join(faults) or f"right in all {len(rows)} rows")
    return bool(faults)


def _real_row(case: RealCase, data: Path) -> Row:
    outcome = outcome_of(case.path(data))
    return _row(
        case.folder,
        case.expected,
        outcome,
        judge_real(case, outcome, data),
        case.path(data),
        case.why,
    )


def _hard_rows(cases: Iterable[HardCase]) -> Iterator[Row]:
    for case in cases:
        with tempfile.TemporaryDirectory() as folder:
            yield _hard_row(case, Path(folder) / "case")  # a name that is the same in every run


def _hard_row(case: HardCase, folder: Path) -> Row:
    truth = case.build(folder)
    outcome = outcome_of(folder)
    judgement = judge_hard(case, truth, outcome, folder)
    return _row(
        case.name,
        case.expected,
        outcome,
        judgement,
        folder if case.ask_peers else None,
        case.why,
    )


def _row(
    name: str,
    expected: str,
    outcome: Outcome,
    judgement: str,
    path: Path | None,
    why: dict[str, str],
) -> Row:
    faults = [] if judgement == SAME else [f"imgcompare: {judgement}"]
    ours = f"✓ {outcome}" if judgement == SAME else f"✗ {outcome}; {judgement}"
    cells = []
    for peer in PEERS:
        cell, agrees = (
            ("not asked: it may take all memory", None)
            if path is None
            else _cell(peer, outcome, path)
        )
        if peer in why:
            cell = f"{why[peer]} ({cell})"
            if agrees:
                faults.append(f"{peer} is right by now; {why[peer]!r} is stale")
        elif agrees is False:
            faults.append(f"{peer} differs without a reason: {cell}")
        cells.append(cell)
    return Row(name, expected, _short(ours), tuple(map(_short, cells)), tuple(faults))


def _cell(peer: str, outcome: Outcome, path: Path) -> tuple[str, bool | None]:
    """Say what a peer does, and whether that is right; None if that cannot be said."""
    if absence(peer):
        return "not installed", None
    refused = bool(outcome.refusal) or all(s.refusal for s in outcome.series)
    try:
        found = PEERS[peer](path)
    except PeerError as error:
        return _same_every_day(str(error), path), None if refused else False
    said = verdict(outcome.series, found)
    return said.replace(SAME, "✓", 1) if said.startswith(SAME) else said, said == SAME


def _same_every_day(text: str, path: Path) -> str:
    """Leave out where a case lies in this run, and addresses in memory."""
    return re.sub(r"\(0x[0-9a-f]+\)", "", text.replace(str(path), path.name))


def _short(text: str) -> str:
    shown = text.replace("|", "/").replace("\n", " ")
    return shown if len(shown) <= 220 else shown[:219] + "…"


def _page(tables: list[tuple[str, list[Row]]]) -> str:
    from tests.loading.peers import POSITION_TOLERANCE_MM

    text = INTRODUCTION.format(versions=_versions(), tolerance=POSITION_TOLERANCE_MM)
    for title, rows in tables:
        text += f"## {title}\n\n| case | expected | imgcompare | {' | '.join(PEERS)} |\n"
        text += f"| {' | '.join(['---'] * (3 + len(PEERS)))} |\n"
        for row in rows:
            text += f"| {' | '.join((row.case, row.expected, row.ours, *row.cells))} |\n"
        text += "\n"
    return text.rstrip() + "\n"


def _versions() -> str:
    """Name the versions of the peers."""
    words = []
    for peer in PEERS:
        if absence(peer):
            words.append(f"{peer}: not installed")
        elif peer == "dcm2niix":
            done = subprocess.run([peer, "--version"], capture_output=True, text=True, check=False)
            words.append(f"{peer} {done.stdout.split()[-1]}")
        else:
            words.append(f"{peer} {version(peer)}")
    return ", ".join(words)


if __name__ == "__main__":
    sys.exit(main())
