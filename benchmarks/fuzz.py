"""Load tens of thousands of damaged files; every one must end in a volume or a clear error.

    python -m benchmarks.fuzz --cases 20000            # about 15 minutes on two cores
    python -m benchmarks.fuzz --case 1234 --keep DIR   # one case again, its files into DIR

Each case runs in a worker that may take 10 s and 1 GiB of memory beyond the loaded program. Samples
are made in code, and taken from ../shared/data where it is present.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from pathlib import Path

from tests.loading.fuzz.cases import all_samples, make_case, run_case, start
from tests.loading.fuzz.pool import Report, run

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--cases", type=int, default=20_000, help="how many")
    arguments.add_argument("--first", type=int, default=0, help="number of the first case")
    arguments.add_argument("--workers", type=int, default=2)
    arguments.add_argument("--case", type=int, help="repeat one case in this process")
    arguments.add_argument("--keep", type=Path, help="write the files of --case here")
    chosen = arguments.parse_args()
    data = DATA if DATA.is_dir() else None
    if chosen.case is not None:
        return repeat(chosen.case, data, chosen.keep)
    numbers = range(chosen.first, chosen.first + chosen.cases)
    report = run(
        numbers,
        start=start,
        argument=str(data) if data else None,
        workers=chosen.workers,
        progress=show,
    )
    print(summary(report))
    return 1 if report.findings else 0


def repeat(number: int, data: Path | None, keep: Path | None) -> int:
    """Run one case here, so that its traceback is seen."""
    import tempfile

    case = make_case(number, all_samples(data))
    print(case)
    folder = keep or Path(tempfile.mkdtemp(prefix="imgcompare-fuzz-"))
    try:
        print(run_case(case, folder / f"case{number}"))
    except Exception:
        traceback.print_exc()
        return 1
    return 0


def show(report: Report, done: int) -> None:
    """Tell a finding when it is made, and now and then how far it is."""
    if report.findings and report.findings[-1].at == done:
        print(f"! {report.findings[-1].what}\n{report.findings[-1].detail}", flush=True)
    if done % 1000 == 0:
        print(f"{done} cases: {dict(report.endings)}", flush=True)


def summary(report: Report) -> str:
    endings = ", ".join(f"{count} {ending}" for ending, count in report.endings.most_common())
    slowest, number = report.slowest
    return (
        f"{report.endings.total()} cases in {report.seconds:.0f} s: {endings}. "
        f"Slowest: case {number}, {slowest:.1f} s. Findings: {len(report.findings)}."
    )


if __name__ == "__main__":
    sys.exit(main())
