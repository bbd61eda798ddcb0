"""Run a comparison for a person at a terminal: bar, report, finding."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from imgcompare.cli import console

if TYPE_CHECKING:
    from imgcompare.model import Comparison
    from imgcompare.options import CompareOptions


def compare_and_write(
    folders: Sequence[Path], output: Path, *, options: CompareOptions
) -> Comparison:
    """Compare, write everything into ``output``, and print the finding and where the report is."""
    start = time.perf_counter()
    from imgcompare.reporting import disagreement_lines, headline, require_writable

    require_writable(output)
    from imgcompare.pipeline import compare_steps, write_comparison
    from imgcompare.pipeline.places import remember_study
    from imgcompare.registration import is_compiled, warm_up

    loading = time.perf_counter() - start
    if not is_compiled():
        click.echo("Compiling the registration (first run only) ...", err=True)
    compiling = time.perf_counter()
    warm_up()
    compiling = time.perf_counter() - compiling
    comparison = console.run(compare_steps(folders, options=options))
    writing = time.perf_counter()
    console.run(write_comparison(comparison, output))
    remember_study(comparison.course, folders)
    stages = {"import": loading, "compile": compiling, **comparison.timings_s}
    stages["report"] = time.perf_counter() - writing
    for warning in comparison.warnings:
        click.echo(f"! {warning}", err=True)
    click.echo(headline(comparison))
    for line in disagreement_lines(comparison):
        click.echo(f"≠ {line}")
    click.echo(f"Report: {output / 'report.html'} (research tool, not for clinical use)")
    total = time.perf_counter() - start
    shares = ", ".join(f"{name} {s:.1f}" for name, s in stages.items() if s >= 0.05)
    click.echo(f"{total:.1f} s: {shares}", err=True)
    return comparison
