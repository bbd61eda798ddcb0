"""Raw DICOM of two timepoints, four MR series each at 1 mm, to a finished report.

    python benchmarks/end_to_end.py [--repeats 3] [--case pseudoprogression]

Prints wall time, peak memory and the share of each stage, warm. ``--cold`` also runs once with an
empty compilation cache, as on the first day.
"""

from __future__ import annotations

import argparse

from harness import Contestant, contest, run_once

from imgcompare.model import finish
from imgcompare.phantoms import demo_case

COMPARE = """
import os, tempfile
{before}
start = time.perf_counter()
from imgcompare.cli.comparing import compare_and_write
from imgcompare.options import CompareOptions
from pathlib import Path
import contextlib, io
with tempfile.TemporaryDirectory() as out, contextlib.redirect_stdout(io.StringIO()):
    comparison = compare_and_write([Path({folder!r})], Path(out) / "r", options=CompareOptions())
seconds = time.perf_counter() - start
stages = {{"stage " + k: v for k, v in comparison.timings_s.items()}}
report(seconds=seconds, **stages)
"""

COLD = "os.environ['NUMBA_CACHE_DIR'] = tempfile.mkdtemp()"


def main() -> None:
    """Run the whole job in its own process several times and print medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--case", default="pseudoprogression")
    parser.add_argument("--cold", action="store_true")
    arguments = parser.parse_args()
    folder = str(finish(demo_case(arguments.case)))
    job = Contestant("imgcompare", COMPARE.format(folder=folder, before=""))
    run_once(job)  # fills compilation and disk caches
    outcome = contest([job], repeats=arguments.repeats)["imgcompare"]
    if outcome.error:
        raise SystemExit(outcome.error)
    total = outcome.median("seconds")
    print(f"end to end, warm: {total:.1f} s, peak {outcome.median('peak_mb'):.0f} MB")
    for key in sorted({k for run in outcome.runs for k in run if k.startswith("stage ")}):
        seconds = outcome.median(key)
        print(f"  {key[6:]:20s}{seconds:7.2f} s{100 * seconds / total:6.1f} %")
    if arguments.cold:
        cold = run_once(Contestant("cold", COMPARE.format(folder=folder, before=COLD)))
        print(
            "cold (nothing compiled):",
            cold if isinstance(cold, str) else f"{cold['seconds']:.1f} s",
        )


if __name__ == "__main__":
    main()
