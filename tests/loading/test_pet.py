"""SUV by body weight, from what vendors write; refused with the reason where a fact is missing."""

import datetime as dt
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgcompare.errors import ConfigurationError, SeriesError
from imgcompare.loading.pet import PetFacts, suv_factor
from imgcompare.model import Quantity, Series
from tests.builders import make_geometry
from tests.loading.dicom_builder import SeriesSpec, write_series
from tests.loading.enhanced_builder import item, write_enhanced
from tests.loading.hard_cases import PET_TAGS, dose
from tests.loading.scanned import only_series

GRID = make_geometry((4, 5, 6))
DAY = dt.date(2024, 1, 10)
ELEVEN = 11 * 3600.0
F18 = 6586.2

FACTS = PetFacts(
    units="BQML",
    suv_type="",
    corrected=("DECY", "ATTN"),
    decay_correction="START",
    weight_kg=70.0,
    dose_bq=350e6,
    half_life_s=F18,
    injected_s=ELEVEN - 3600.0,
    injected_date=None,
    series_date=DAY,
    series_s=ELEVEN,
    ge_scan="",
    philips_suv=None,
    philips_activity=None,
)


@dataclass
class Plane:
    acquired_date: dt.date | None = DAY
    acquired_s: float | None = ELEVEN
    frame_reference_ms: float | None = None
    frame_duration_ms: float | None = None


def factor(planes: list[Plane] | None = None, **facts: Any) -> float:
    return suv_factor(replace(FACTS, **facts), planes or [Plane()])[0]


AN_HOUR = 70_000.0 / (350e6 * 0.5 ** (3600.0 / F18))


def test_dose_decays_to_the_start_of_the_scan() -> None:
    assert factor() == pytest.approx(AN_HOUR)


def test_values_corrected_to_injection_need_no_decay() -> None:
    assert factor(decay_correction="ADMIN") == pytest.approx(70_000.0 / 350e6)


def test_suv_and_counts_with_a_factor_are_taken_as_they_are() -> None:
    assert factor(units="GML") == 1.0
    assert factor(units="CNTS", philips_suv=0.0005) == 0.0005
    assert factor(units="CNTS", philips_activity=2.0) == pytest.approx(2 * AN_HOUR)


def test_suv_by_another_size_is_said() -> None:
    assert "LBM" in suv_factor(replace(FACTS, units="GML", suv_type="LBM"), [Plane()])[1]


def test_injection_before_midnight() -> None:
    start = 600.0
    planes = [Plane(acquired_s=start)]
    late = {"series_s": start, "injected_s": 86400.0 - 3000.0}
    assert factor(planes, **late) == pytest.approx(AN_HOUR)
    dated = {**late, "injected_date": DAY - dt.timedelta(days=1)}
    assert factor(planes, **dated) == pytest.approx(AN_HOUR)


def test_series_time_of_processing_is_not_the_start() -> None:
    """A series made later says by its frame reference time what its values are corrected to."""
    later = {"series_s": ELEVEN + 7200.0}
    rate = np.log(2.0) / F18
    decay = rate * 180.0
    average = np.log(decay / (1.0 - np.exp(-decay))) / rate
    planes = [Plane(frame_reference_ms=average * 1000.0, frame_duration_ms=180_000.0)]
    assert factor(planes, **later) == pytest.approx(AN_HOUR)
    assert factor(ge_scan="20240110110000.00", **later) == pytest.approx(AN_HOUR)
    with pytest.raises(SeriesError, match="later than the acquisition"):
        factor(**later)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"units": ""}, "not named"),
        ({"units": "PROPCPS"}, "PROPCPS"),
        ({"units": "CNTS"}, "CNTS"),
        ({"corrected": ("DECY",)}, "not corrected for attenuation"),
        ({"corrected": ()}, "attenuation and decay"),
        ({"decay_correction": "NONE"}, "NONE"),
        ({"decay_correction": ""}, "not named"),
        ({"weight_kg": None}, "patient weight"),
        ({"weight_kg": 0.0}, "patient weight"),
        ({"dose_bq": None}, "injected dose"),
        ({"dose_bq": 350.0}, "MBq"),
        ({"half_life_s": float("nan")}, "half-life"),
        ({"injected_s": None}, "time of injection"),
        ({"injected_s": ELEVEN + 60.0, "half_life_s": 60.0}, "cannot be"),
        ({"injected_date": dt.date(2019, 1, 1)}, "cannot be"),
    ],
)
def test_a_missing_fact_is_named(facts: dict[str, Any], reason: str) -> None:
    with pytest.raises(SeriesError, match=reason):
        factor(**facts)


def test_no_acquisition_time_is_named() -> None:
    with pytest.raises(SeriesError, match="acquisition time"):
        factor([Plane(acquired_s=None)])


@given(minutes=st.floats(0, 300), weight=st.floats(1, 300), megabecquerels=st.floats(1, 2000))
def test_factor_scales_as_it_must(minutes: float, weight: float, megabecquerels: float) -> None:
    found = factor(
        injected_s=ELEVEN - 60.0 * minutes, weight_kg=weight, dose_bq=1e6 * megabecquerels
    )
    left = 1e6 * megabecquerels * 2.0 ** (-60.0 * minutes / F18)
    assert found == pytest.approx(1000.0 * weight / left)


def pet(folder: Path, *, dose_item: Any = None, **tags: Any) -> Series:
    given_tags = {**PET_TAGS, "RadiopharmaceuticalInformationSequence": [dose_item or dose()]}
    all_tags = {k: v for k, v in {**given_tags, **tags}.items() if v is not None}
    write_series(folder, SeriesSpec("FDG", modality="PT", geometry=GRID, slope=2.0, tags=all_tags))
    return only_series(folder)


def test_series_is_suv_and_offers_its_own_unit(tmp_path: Path) -> None:
    series = pet(tmp_path)
    volume = series.load()
    assert volume.quantity is Quantity.SUV
    assert "350 MBq" in series.values
    assert "60.0 min" in series.values
    own = series.load("rescaled")
    assert own.quantity is Quantity.DIMENSIONLESS
    np.testing.assert_allclose(volume.array, own.array * AN_HOUR, rtol=1e-5)
    np.testing.assert_array_equal(series.load("stored").array * 2, own.array)
    with pytest.raises(ConfigurationError, match="stored, rescaled, SUV"):
        series.load("precise")


def test_series_without_weight_stays_in_becquerels(tmp_path: Path) -> None:
    series = pet(tmp_path, PatientWeight=None)
    assert series.load().quantity is Quantity.DIMENSIONLESS
    (problem,) = series.problems
    assert problem == "PET stays in BQML, no SUV: the header has no usable patient weight"


def test_injection_by_date_and_time(tmp_path: Path) -> None:
    start = dose(
        RadiopharmaceuticalStartDateTime="20240110100000", RadiopharmaceuticalStartTime=None
    )
    assert "60.0 min" in pet(tmp_path, dose_item=start).values


def test_midnight_without_dates() -> None:
    planes = [Plane(None, 300.0), Plane(None, 86_100.0)]
    found = factor(planes, series_date=None, series_s=86_100.0, injected_s=82_500.0)
    assert found == pytest.approx(AN_HOUR)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"weight_kg": 70_000.0}, "is it in g"),
        ({"doses": 2}, "names 2 injections"),
        ({"units": "CNTS"}, "CNTS of Philips"),
    ],
)
def test_impossible_facts_are_named(facts: dict[str, Any], reason: str) -> None:
    with pytest.raises(SeriesError, match=reason):
        factor(**facts)


@pytest.mark.parametrize(
    ("moment", "zone", "hours"),
    [
        ("20240110100000", "", 1.0),
        ("20240110100000.00+0100", "", 1.0),
        ("20240110090000+0000", "+0100", 1.0),
        ("20240109230000-0500", "+0600", 1.0),
        ("20240110100000+0100", "+0100", 1.0),
    ],
)
def test_injection_in_another_time_zone(
    tmp_path: Path, moment: str, zone: str, hours: float
) -> None:
    injected = dose(RadiopharmaceuticalStartTime=None, RadiopharmaceuticalStartDateTime=moment)
    tags = {**PET_TAGS, "RadiopharmaceuticalInformationSequence": [injected]}
    tags |= {"TimezoneOffsetFromUTC": zone} if zone else {}
    write_series(tmp_path, SeriesSpec("FDG", modality="PT", geometry=GRID, slope=1.0, tags=tags))
    assert f"decayed for {60 * hours:.1f} min" in only_series(tmp_path).values


@pytest.mark.parametrize(
    ("creator", "kept"), [("Philips PET Private Group", True), ("ACME", False)]
)
def test_factors_of_other_makers_at_the_place_of_philips(
    tmp_path: Path, creator: str, kept: bool
) -> None:
    tags = {**PET_TAGS, "Units": "CNTS", "RadiopharmaceuticalInformationSequence": [dose()]}
    spec = SeriesSpec("FDG", modality="PT", geometry=GRID, slope=1.0, tags=tags)
    for path in write_series(tmp_path, spec):
        dataset = pydicom.dcmread(path)
        dataset.private_block(0x7053, creator, create=True).add_new(0x00, "DS", "0.0005")
        dataset.save_as(path)
    assert (only_series(tmp_path).load().quantity is Quantity.SUV) is kept


def test_enhanced_pet_maps_to_suv(tmp_path: Path) -> None:
    truth = write_enhanced(tmp_path / "file", order=[2, 0, 1, 3])
    dataset = pydicom.dcmread(tmp_path / "file")
    dataset.SOPClassUID, dataset.Modality = "1.2.840.10008.5.1.4.1.1.130", "PT"
    unit = item(CodeValue="{SUVbw}g/ml", CodingSchemeDesignator="UCUM", CodeMeaning="SUV")
    line = item(RealWorldValueSlope=0.01, RealWorldValueIntercept=0.0)
    line.MeasurementUnitsCodeSequence = [unit]
    dataset.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence = [line]
    dataset.save_as(tmp_path / "file")
    volume = only_series(tmp_path).load()
    assert volume.quantity is Quantity.SUV
    np.testing.assert_allclose(volume.array, (truth - 10) * 0.01, rtol=1e-6)
