"""Texts of the command line become typed options, or one clear error."""

from pathlib import Path

import pytest

from imgcompare.cli.demo import CASES as DEMO_CASES
from imgcompare.configuration import (
    compare_options,
    parse_masks,
    parse_roles,
    parse_seeds,
    read_configuration,
)
from imgcompare.errors import ConfigurationError
from imgcompare.model import Role
from imgcompare.options import Seed
from imgcompare.phantoms import CASES


def test_seeds_with_and_without_radius() -> None:
    assert parse_seeds(["0=-31.5,12,40:25", "2024-01-10=1,2,3"]) == (
        Seed("0", (-31.5, 12.0, 40.0), 25.0),
        Seed("2024-01-10", (1.0, 2.0, 3.0)),
    )


@pytest.mark.parametrize(
    "text",
    ["0", "0=1,2", "0=1,2,3,4", "0=a,b,c", "=1,2,3", "0=1,2,3:big", "0=nan,1,2", "0=1,2,3:-4"],
)
def test_a_bad_seed_is_one_clear_error(text: str) -> None:
    with pytest.raises(ConfigurationError, match="seed"):
        parse_seeds([text])


def test_masks_keep_what_follows_the_first_equals_sign() -> None:
    assert parse_masks(["1=a=b.nii.gz"]) == (("1", Path("a=b.nii.gz")),)
    with pytest.raises(ConfigurationError, match="TIMEPOINT=FILE"):
        parse_masks(["lesion.nii.gz"])


def test_roles_may_name_series_that_hold_an_equals_sign() -> None:
    assert parse_roles(["TR=500 post=t1c"]) == {"TR=500 post": Role.T1C}
    with pytest.raises(ConfigurationError, match="T1C, T2"):
        parse_roles(["4=T1POST"])


def test_a_configuration_file_is_joined_with_the_command_line(tmp_path: Path) -> None:
    file = tmp_path / "options.toml"
    file.write_text('seed = ["0=1,2,3"]\nrole = "4=T1C"\ncriteria = ["recist_1_1"]\n')
    options = compare_options(file, seeds=["1=4,5,6"])
    assert [s.timepoint for s in options.seeds] == ["0", "1"]
    assert options.roles == {"4": Role.T1C}
    assert options.criteria == ("recist_1_1",)
    assert compare_options(file, criteria="a, b").criteria == ("a", "b")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seeds = []", "unknown key 'seeds'"),
        ("seed = [1]", "text or a list"),
        ("seed = ", "not valid TOML"),
    ],
)
def test_a_bad_configuration_is_one_clear_error(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "options.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        compare_options(file)


def test_a_missing_configuration_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.toml"):
        read_configuration(tmp_path / "nowhere.toml")


def test_the_demo_offers_every_phantom() -> None:
    assert tuple(DEMO_CASES) == tuple(CASES)


def test_uneven_slices_are_interpolated_unless_refused(tmp_path: Path) -> None:
    file = tmp_path / "options.toml"
    file.write_text('regrid = "refuse"\n')
    assert compare_options(None).regrid == "allow"
    assert compare_options(file).regrid == "refuse"
    assert compare_options(file, regrid="allow").regrid == "allow"
    assert compare_options(None, regrid="refuse").regrid == "refuse"
