"""``imgcompare compare``: the main job."""

from __future__ import annotations

from pathlib import Path

import click

from imgcompare.cli.sharing import criteria_options, output_option


@click.command("compare")
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path))
@output_option(help="Folder for the report, tables, label maps and transforms.")
@click.option(
    "--mask",
    "masks",
    multiple=True,
    metavar="TIMEPOINT=FILE",
    help="Lesion outline (DICOM SEG, RTSTRUCT, NIfTI, NRRD); FILE#NAME or FILE#NUMBER chooses a "
    "part of it. TIMEPOINT is a date (2024-01-10) or a position (0, 1).",
)
@click.option(
    "--label-scheme",
    metavar="NAME",
    help="Meaning of a mask's labels: binary, instances, components, imgcompare, brats2023, ...",
)
@click.option(
    "--seed",
    "seeds",
    multiple=True,
    metavar="TIMEPOINT=L,P,S[:RADIUS_MM]",
    help="A point inside a lesion, patient LPS mm. A seed at baseline is followed by itself.",
)
@click.option(
    "--role",
    "roles",
    multiple=True,
    metavar="SERIES=ROLE",
    help="Overrule a role: SERIES is a series UID, number, or part of its description.",
)
@click.option(
    "--site",
    metavar="ORGAN",
    help="Where the lesions lie, for example liver; told from the headers by default.",
)
@click.option(
    "--reader",
    metavar="FILE.csv",
    type=click.Path(path_type=Path),
    help="What a reader decided: lesion,role,site,timepoint,quantity,value.",
)
@criteria_options
@click.option(
    "--config",
    "configuration",
    metavar="FILE.toml",
    type=click.Path(path_type=Path),
    help="Read these options from a file; the command line is added to it.",
)
@click.option(
    "--regrid",
    type=click.Choice(["allow", "refuse"]),
    help="Interpolate uneven slices that touch to even ones (default), or refuse such series.",
)
@click.option("--identified", is_flag=True, help="Name patients by their ID, not a pseudonym.")
def command(
    folders: tuple[Path, ...],
    output: Path,
    masks: tuple[str, ...],
    label_scheme: str | None,
    seeds: tuple[str, ...],
    roles: tuple[str, ...],
    site: str | None,
    reader: Path | None,
    criteria: str | None,
    settings: tuple[str, ...],
    events: Path | None,
    repeatability: Path | None,
    configuration: Path | None,
    regrid: str | None,
    identified: bool,
) -> None:
    """Compare the timepoints in FOLDERS and write a report into DIR.

    Without masks or seeds, lesions are proposed where the images allow it. Not for clinical use.
    """
    from imgcompare.configuration import compare_options

    options = compare_options(
        configuration,
        masks=masks,
        seeds=seeds,
        roles=roles,
        criteria=criteria,
        settings=settings,
        events=events,
        repeatability=repeatability,
        site=site,
        reader=reader,
        label_scheme=label_scheme,
        identified=identified,
        regrid=regrid,
    )
    from imgcompare.cli.comparing import compare_and_write

    compare_and_write(folders, output, options=options)
