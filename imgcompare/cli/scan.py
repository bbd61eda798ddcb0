"""``imgcompare scan``: what is in these folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from imgcompare.loading import ScanResult


@click.command("scan")
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--role",
    "roles",
    multiple=True,
    metavar="SERIES=ROLE",
    help="Overrule a role: SERIES is a series UID, number, or part of its description.",
)
@click.option(
    "--regrid",
    type=click.Choice(["allow", "refuse"]),
    default="allow",
    show_default=True,
    help="Interpolate uneven slices that touch to even ones, or refuse such series.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option("--identified", is_flag=True, help="Show patient IDs instead of pseudonyms.")
def command(
    folders: tuple[Path, ...],
    roles: tuple[str, ...],
    regrid: str,
    as_json: bool,
    identified: bool,
) -> None:
    """List subjects, timepoints, series, roles and problems in FOLDERS. Reads no pixels."""
    from imgcompare.configuration import parse_roles
    from imgcompare.loading import scan

    result = scan(folders, roles=parse_roles(roles), identified=identified, regrid=regrid)
    if as_json:
        import json

        from imgcompare.loading import scan_as_dict

        click.echo(json.dumps(scan_as_dict(result), indent=2))
    else:
        _print_tables(result)


def _print_tables(result: ScanResult) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from imgcompare.loading import summary_rows

    console = Console()
    if not console.is_terminal:
        console = Console(width=200)  # a pipe has no width; do not cut what is read by programs
    rows = summary_rows(result)
    for subject, timepoint in dict.fromkeys((r.subject, r.timepoint) for r in rows):
        title = ", ".join(filter(None, (subject or "no images", timepoint)))
        table = Table(title=escape(title), title_justify="left")
        for name in ("role", "no.", "series", "modality", "slices×rows×columns", "spacing mm"):
            table.add_column(name, overflow="fold")
        for name in ("plane", "why this role", "problems"):
            table.add_column(name, overflow="fold")
        for row in rows:
            if (row.subject, row.timepoint) == (subject, timepoint):
                cells = (
                    row.role if row.chosen or row.listed else f"({row.role})",
                    row.number,
                    row.description,
                    row.modality,
                    row.size,
                    row.spacing_mm,
                    row.plane,
                    row.reason,
                    row.problems,
                )
                table.add_row(*map(escape, cells))  # headers hold brackets of their own
        console.print(table)
    if any(not (r.chosen or r.listed) for r in rows):
        console.print("Roles in brackets are not used; name another with --role SERIES=ROLE.")
    for problem in (*result.problems, *(p for c in result.courses for p in c.problems)):
        console.print(f"! {problem}", markup=False, soft_wrap=True)
