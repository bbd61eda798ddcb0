"""``imgcompare scan`` shows what headers hold as it is, and passes on what a person decides."""

import json
from pathlib import Path

from click.testing import CliRunner

from imgcompare.cli.scan import command
from tests.loading.dicom_builder import SeriesSpec, write_series
from tests.loading.scanned import write_at

UNEVEN = (0.0, 2.5, 5.5, 8.5, 11.2, 14.2, 17.0)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(command, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_refusing_to_regrid(tmp_path: Path) -> None:
    write_at(tmp_path, UNEVEN)
    for flag, loadable in (("allow", True), ("refuse", False)):
        found = json.loads(run(str(tmp_path), "--regrid", flag, "--json"))
        (series,) = found["subjects"][0]["timepoints"][0]["series"]
        assert series["loadable"] is loadable
        assert ("regridding was refused" in series["refusal"]) is not loadable


def test_brackets_in_headers_are_text_not_markup(tmp_path: Path) -> None:
    write_series(tmp_path, SeriesSpec("T1 [/red] [bold]x"))
    assert "T1 [/red] [bold]x" in run(str(tmp_path))
