"""``imgcompare demo``: the whole job on a phantom whose truth is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from imgcompare.model import Comparison, LesionSegmentation

CASES = (
    *("pseudoprogression", "progression", "response", "stable", "mixed", "cystic_conversion"),
    "disagreement",
)
"""The phantoms' names, repeated here so that --help loads nothing; a test compares them."""


@click.command("demo")
@click.option(
    "--case",
    "case",
    type=click.Choice(CASES),
    default="pseudoprogression",
    show_default=True,
    help="Which course to show.",
)
@click.option(
    "--timepoints",
    type=click.IntRange(2, 3),
    default=2,
    show_default=True,
    help="How many visits.",
)
@click.option(
    "-o",
    "--output",
    "output",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder for the results; imgcompare-demo here by default.",
)
@click.option("--view", "view", is_flag=True, help="Open the result in napari.")
def command(case: str, timepoints: int, output: Path | None, view: bool) -> None:
    """Make a digital phantom as raw DICOM, compare its timepoints, and write a report.

    The phantom is made once and kept in the user's cache. Its true volumes are printed beside the
    measured ones.
    """
    from imgcompare.cli import console
    from imgcompare.cli.comparing import compare_and_write
    from imgcompare.options import CompareOptions
    from imgcompare.phantoms import demo_case
    from imgcompare.reporting import require_writable

    if view:
        from imgcompare.cli.view import open_in_napari, require_viewer

        require_viewer()
    output = output or Path("imgcompare-demo")
    require_writable(output)
    folder = console.run(demo_case(case, timepoints=timepoints))
    click.echo(f"Raw DICOM of the phantom: {folder}", err=True)
    comparison = compare_and_write([folder], output, options=CompareOptions())
    _print_truth(comparison, folder)
    if view:
        open_in_napari(output, study=folder)


def _print_truth(comparison: Comparison, folder: Path) -> None:
    """Print measured beside true volumes."""
    import json

    from rich.console import Console
    from rich.table import Table

    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    table = Table("timepoint", "lesion", "compartment", "true mL", "measured mL", "error")
    for figure in comparison.measurements:
        result = comparison.results[figure.timepoint_index]
        if figure.quantity != "volume" or figure.lesion_id not in result.lesions:
            continue
        lesions = truth["timepoints"][figure.timepoint_index]["lesions"]
        true = _nearest(lesions, result.lesions[figure.lesion_id])
        expected = true["volumes_ml"].get(figure.compartment, 0.0)
        if expected:
            table.add_row(
                result.aligned.timepoint.name,
                str(figure.lesion_id),
                figure.compartment,
                f"{expected:.2f}",
                f"{figure.value:.2f}",
                f"{100 * (figure.value / expected - 1):+.1f} %",
            )
    Console().print(table)


def _nearest(lesions: Sequence[Mapping[str, Any]], found: LesionSegmentation) -> Mapping[str, Any]:
    """Give the true lesion whose centre is nearest to the one that was found."""
    import numpy as np

    centre = found.geometry.index_to_world(np.argwhere(found.mask()).mean(axis=0))
    return min(
        (lesion for lesion in lesions if lesion["volumes_ml"]),
        key=lambda lesion: float(np.linalg.norm(np.array(lesion["centre_lps_mm"]) - centre)),
    )
