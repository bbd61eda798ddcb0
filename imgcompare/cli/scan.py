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
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option("--identified", is_flag=True, help="Show patient IDs instead of pseudonyms.")
def command(
    folders: tuple[Path, ...], roles: tuple[str, ...], as_json: bool, identified: bool
) -> None:
    """List subjects, timepoints, series, roles and problems in FOLDERS. Reads no pixels."""
    from imgcompare.cli.options import parse_roles
    from imgcompare.loading import scan

    result = scan(folders, roles=parse_roles(roles), identified=identified)
    if as_json:
        import json

        from imgcompare.loading import scan_as_dict

        click.echo(json.dumps(scan_as_dict(result), indent=2))
    else:
        _print_tables(result)
