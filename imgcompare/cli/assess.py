"""``imgcompare assess``: criteria alone, from a typed table of measurements."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from imgcompare.cli.sharing import criteria_options, output_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imgcompare.model import Comparison


@click.command("assess")
@click.argument("table", required=False, metavar="[TABLE.csv]", type=click.Path(path_type=Path))
@output_option(help="Folder for the report and tables.")
@click.option(
    "--sdtm",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Read the CDISC SDTM tables TU and TR of a folder.",
)
@criteria_options
def command(
    table: Path | None,
    output: Path,
    sdtm: Path | None,
    criteria: str | None,
    settings: tuple[str, ...],
    events: Path | None,
    repeatability: Path | None,
) -> None:
    """Apply response criteria to the measurements in TABLE.csv; no images are needed.

    The table has the columns of measurements.csv. Not for clinical use.
    """
    from imgcompare.cli import console
    from imgcompare.configuration import parse_names, parse_settings
    from imgcompare.options import AssessOptions
    from imgcompare.pipeline import assess_steps
    from imgcompare.reporting import require_writable, write_assessment

    require_writable(output)
    options = AssessOptions(
        criteria=parse_names(criteria),
        settings=parse_settings(settings),
        events=events,
        repeatability=repeatability,
        sdtm=sdtm,
    )
    comparisons = console.run(assess_steps(table, options=options))
    console.run(write_assessment(comparisons, output))
    for comparison in comparisons:
        for warning in comparison.warnings:
            click.echo(f"! {warning}", err=True)
    _print_categories(comparisons)
    click.echo(f"Report: {output / 'report.html'} (research tool, not for clinical use)")


def _print_categories(comparisons: Sequence[Comparison]) -> None:
    """Print a table criteria x timepoints per subject, criteria without a figure left out."""
    from rich.console import Console
    from rich.table import Table

    from imgcompare.reporting import assessed_timepoints, criteria_rows, disagreement_lines

    console = Console()
    if not console.is_terminal:
        console = Console(width=200)  # a pipe has no width; do not cut what is read by programs
    for comparison in comparisons:
        name = " ".join(p for p in (comparison.course.subject, comparison.evaluator) if p)
        table = Table(title=name, title_justify="left")
        for column in ("criterion", *assessed_timepoints(comparison)):
            table.add_column(column)
        for row in criteria_rows(comparison):
            if row.has_figure:
                table.add_row(row.criterion, *(cell.category for cell in row.cells))
        console.print(table)
        for line in disagreement_lines(comparison):
            click.echo(f"≠ {line}")
