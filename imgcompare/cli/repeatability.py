"""``imgcompare repeatability``: measurement error from a user's own test-retest data."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("repeatability")
@click.argument("table", metavar="TABLE.csv", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    metavar="FILE.json",
    type=click.Path(path_type=Path),
    help="Write settings that compare and assess take with --repeatability.",
)
def command(table: Path, output: Path | None) -> None:
    """Compute repeatability from pairs of measurements of unchanged lesions in TABLE.csv.

    Columns: quantity,first,second,unit and, if they matter, compartment,modality,site.
    """
    from rich.console import Console
    from rich.table import Table

    from imgcompare.pipeline.repeating import local_repeatability
    from imgcompare.reporting import require_writable, write_repeatability

    if output is not None:
        require_writable(output.parent)
    found = local_repeatability(table)
    console = Console()
    if not console.is_terminal:
        console = Console(width=200)  # a pipe has no width; do not cut what is read by programs
    shown = Table()
    for name in ("figure", "pairs", "wSD", "RC (95 % bound)", "wCV", "%RC (95 % bound)"):
        shown.add_column(name)
    for name in ("limits on the log scale", "bias, limits of agreement"):
        shown.add_column(name)
    for group in found:
        s, unit = group.summary, group.unit
        shown.add_row(
            group.name,
            str(s.pairs),
            f"{s.wsd:.3g} {unit}",
            f"{s.rc:.3g} ({s.rc_upper:.3g}) {unit}",
            f"{s.wcv:.2%}",
            f"{s.rc_percent:.1f} ({s.rc_percent_upper:.1f}) %",
            f"{s.log_low_percent:+.1f} / {s.log_high_percent:+.1f} %",
            f"{s.bias:+.3g}, {s.loa_low:+.3g} to {s.loa_high:+.3g} {unit}",
        )
    console.print(shown)
    for group in found:
        for warning in group.warnings:
            click.echo(f"! {group.name}: {warning}", err=True)
    if output is not None:
        write_repeatability([g.setting for g in found], output)
        click.echo(f"Settings: {output}")
