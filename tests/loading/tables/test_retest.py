import json

import pytest

from imgcompare.errors import ConfigurationError, InputError
from imgcompare.loading.tables import read_repeatability, read_retest


@pytest.fixture
def table(tmp_path):
    def write(row, header="quantity,first,second,unit,modality"):
        path = tmp_path / "retest.csv"
        path.write_text(f"{header}\n{row}\n")
        return path

    return write


def test_pairs_are_read_in_the_unit_that_is_kept(table):
    (pair,) = read_retest(table("longest_diameter,2.0,2.2,cm,MR"))
    assert (pair.first, pair.second, pair.unit) == (20.0, 22.0, "mm")
    assert (pair.compartment, pair.modality) == ("whole", "MR")


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("length,1,2,mm,", "row 2, column quantity: 'length' is unknown"),
        ("volume,0,2,mL,", "row 2, column first: must be above 0"),
        ("volume,1,,mL,", "row 2, column second: is empty"),
        ("volume,1,2,mm,", "row 2, column unit: 'mm' is no unit of volume"),
        ("volume,1,2,mL,US", "row 2, column modality: 'US' is unknown"),
    ],
)
def test_impossible_pairs_name_row_and_column(table, row, problem):
    with pytest.raises(InputError, match=problem):
        read_retest(table(row))


def write(tmp_path, settings):
    path = tmp_path / "local.json"
    path.write_text(json.dumps({"repeatability": settings}))
    return path


def test_settings_are_read(tmp_path):
    one = {"quantity": "volume", "compartment": "enhancing", "modality": "MR", "wcv": 0.05}
    (setting,) = read_repeatability(write(tmp_path, [{**one, "below_mm": 30.0}]))
    assert (setting.wcv, setting.below_mm, setting.source) == (0.05, 30.0, "local.json")
    assert setting.fits("volume", "enhancing", modality="MR", site="brain", diameter_mm=20.0)
    assert not setting.fits("volume", "enhancing", modality="MR", site="", diameter_mm=30.0)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ([{"quantity": "volume", "wcv": 1.5}], "setting 1: A coefficient of variation"),
        ([{"quantity": "mass", "wcv": 0.1}], "quantity 'mass' is unknown"),
        ([{"quantity": "volume", "wcv": 0.1, "rc": 3}], "unknown key 'rc'"),
        ([{"quantity": "volume"}], "holds no repeatability settings"),
        (None, "holds no repeatability settings"),
    ],
)
def test_impossible_settings_are_refused(tmp_path, settings, problem):
    with pytest.raises(ConfigurationError, match=problem):
        read_repeatability(write(tmp_path, settings))
    with pytest.raises(ConfigurationError, match=r"Cannot read nothing\.json"):
        read_repeatability(tmp_path / "nothing.json")
