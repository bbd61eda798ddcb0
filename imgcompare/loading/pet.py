"""Standardised uptake values: what PET headers say, and the factor that makes SUVbw of a series.

Follows the vendor-neutral pseudo-code of the QIBA FDG-PET/CT profile (Kinahan, "SUV calculation";
see also Kinahan and Fletcher, Semin Ultrasound CT MR 2010;31:496, doi 10.1053/j.sult.2010.10.001).
Nothing is assumed: where a fact is missing there is no SUV, and the reason says which.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from imgcompare.errors import SeriesError
from imgcompare.loading.header import Header
from imgcompare.loading.nested import read_items
from imgcompare.loading.tags import SERIES_TAGS, date, number, seconds, text, texts

_DAY_S: Final = 86400.0

LEAST_DOSE_BQ: Final = 1e5
"""Less than 0.1 MBq is no dose for imaging, but one written in another unit."""

MOST_KG: Final = 650.0
"""Nobody weighed more; a larger number is in another unit."""

LONGEST_UPTAKE_HALF_LIVES: Final = 10.0
"""After ten half-lives 0.1 % is left; a longer delay is a date that somebody has changed."""

_DOSE, _HALF_LIFE, _START_TIME, _START_MOMENT = 0x00181074, 0x00181075, 0x00181072, 0x00181078


@dataclass(frozen=True, slots=True)
class PetFacts:
    """What a PET header says about units, dose and decay. Times are seconds since midnight."""

    units: str
    suv_type: str
    corrected: tuple[str, ...]
    decay_correction: str
    weight_kg: float | None
    dose_bq: float | None
    half_life_s: float | None
    injected_s: float | None
    injected_date: dt.date | None
    series_date: dt.date | None
    series_s: float | None
    ge_scan: str
    philips_suv: float | None
    philips_activity: float | None
    doses: int = 1


class PetPlane(Protocol):
    """What the factor needs of a plane."""

    @property
    def acquired_date(self) -> dt.date | None: ...  # noqa: D102

    @property
    def acquired_s(self) -> float | None: ...  # noqa: D102

    @property
    def frame_reference_ms(self) -> float | None: ...  # noqa: D102

    @property
    def frame_duration_ms(self) -> float | None: ...  # noqa: D102


def parse_pet(header: Header) -> PetFacts:
    """Read the PET facts of a header."""

    def get(name: str) -> bytes | None:
        return header.values.get(SERIES_TAGS[name])

    doses = read_items(get("radiopharmaceutical") or b"", header.transfer_syntax)
    dose = doses[0] if len(doses) == 1 else {}
    moment = text(dose.get(_START_MOMENT))
    injected_date, injected_s = _injection(moment, text(get("timezone")))
    by_philips = _is_philips(get("philips_pet_creator"), get("manufacturer"))
    return PetFacts(
        units=text(get("units")).upper(),
        suv_type=text(get("suv_type")).upper(),
        corrected=tuple(word.upper() for word in texts(get("corrected"))),
        decay_correction=text(get("decay_correction")).upper(),
        weight_kg=number(get("weight")),
        dose_bq=number(dose.get(_DOSE)),
        half_life_s=number(dose.get(_HALF_LIFE)),
        injected_s=injected_s if moment else seconds(text(dose.get(_START_TIME))),
        injected_date=injected_date,
        series_date=date(get("series_date")),
        series_s=seconds(text(get("series_time"))),
        ge_scan=text(get("ge_scan_time")) if b"GE" in (get("manufacturer") or b"") else "",
        philips_suv=number(get("philips_suv")) if by_philips else None,
        philips_activity=number(get("philips_activity")) if by_philips else None,
        doses=len(doses),
    )


def _is_philips(creator: bytes | None, manufacturer: bytes | None) -> bool:
    """Whether the private block (7053,xxxx) is Philips' own."""
    return b"PHILIPS" in (creator or manufacturer or b"").upper()


def _injection(moment: str, zone: str) -> tuple[dt.date | None, float | None]:
    """Give day and time of a DICOM DT, by the clock that the other times of the file are from.

    ``zone`` is Timezone Offset From UTC (0008,0201); without it all times are from one clock.
    """
    stamp = re.split(r"[+-]", moment)[0]
    day, clock = date(stamp[:8]), seconds(stamp[8:])
    own, other = _minutes(moment[len(stamp) :]), _minutes(zone)
    if day is None or clock is None or own is None or other is None:
        return day, clock
    start = dt.datetime.combine(day, dt.time())
    local = start + dt.timedelta(seconds=clock, minutes=other - own)
    passed = local - dt.datetime.combine(local.date(), dt.time())
    return local.date(), passed.total_seconds()


def _minutes(zone: str) -> int | None:
    """Read an offset from UTC such as +0130, min."""
    found = re.fullmatch(r"([+-])(\d\d)(\d\d)", zone)
    if not found:
        return None
    return int(f"{found[1]}1") * (60 * int(found[2]) + int(found[3]))


def suv_factor(pet: PetFacts, planes: Sequence[PetPlane]) -> tuple[float, str]:
    """Give the factor from rescaled values to SUV, and how it was found.

    Parameters
    ----------
    pet : PetFacts
        Facts of the series.
    planes : sequence of PetPlane
        Its planes, for the time of acquisition.

    Returns
    -------
    tuple of (float, str)
        Factor, g/mL per unit, and its derivation.

    Raises
    ------
    SeriesError
        If facts are missing or contradict each other.
    """
    if pet.units == "GML":
        kind = {"": "body weight", "BW": "body weight"}.get(pet.suv_type, pet.suv_type)
        return 1.0, f"the file holds SUV by {kind}"
    if pet.units == "CNTS" and pet.philips_suv:
        return pet.philips_suv, f"counts × Philips SUV factor {pet.philips_suv:.6g} (7053,1000)"
    scale = 1.0
    if pet.units == "CNTS" and pet.philips_activity:
        scale = pet.philips_activity
    elif pet.units != "BQML":
        raise SeriesError(
            f"its unit is {pet.units or 'not named'}; SUV needs BQML, GML, or CNTS of Philips"
        )
    missing = [word for word in ("ATTN", "DECY") if word not in pet.corrected]
    if missing:
        raise SeriesError(
            f"it is not corrected for {' and '.join(_CORRECTION[m] for m in missing)}"
        )
    weight, dose, half_life = _needed(pet)
    if pet.decay_correction == "ADMIN":
        factor = 1000.0 * weight / dose
        return scale * factor, _derivation(weight, dose, "values are decay-corrected to injection")
    if pet.decay_correction != "START":
        raise SeriesError(
            f"its decay correction is {pet.decay_correction or 'not named'}, not START or ADMIN"
        )
    delay = _delay(pet, planes, half_life)
    left = dose * math.exp(-math.log(2.0) * delay / half_life)
    how = f"decayed for {delay / 60.0:.1f} min to the start of the scan"
    return scale * 1000.0 * weight / left, _derivation(weight, dose, how)


_CORRECTION: Final[dict[str, str]] = {"ATTN": "attenuation", "DECY": "decay"}


def _derivation(weight: float, dose: float, how: str) -> str:
    return f"SUV by body weight: {weight:g} kg, {dose / 1e6:.4g} MBq, {how}"


def _needed(pet: PetFacts) -> tuple[float, float, float]:
    """Give weight, dose and half-life, all there and possible."""
    if pet.doses > 1:
        raise SeriesError(f"the header names {pet.doses} injections")
    facts = {
        "patient weight": pet.weight_kg,
        "injected dose": pet.dose_bq,
        "half-life": pet.half_life_s,
    }
    for name, value in facts.items():
        if value is None or not math.isfinite(value) or value <= 0.0:
            raise SeriesError(f"the header has no usable {name}")
    weight, dose, half_life = (float(v or 0.0) for v in facts.values())
    if weight > MOST_KG:
        raise SeriesError(f"the patient weight is {weight:g} where kg are due; is it in g?")
    if dose < LEAST_DOSE_BQ:
        raise SeriesError(f"the injected dose is {dose:g} where Bq are due; is it in MBq?")
    return weight, dose, half_life


def _delay(pet: PetFacts, planes: Sequence[PetPlane], half_life_s: float) -> float:
    """Seconds from injection to the moment that values are decay-corrected to."""
    if pet.injected_s is None:
        raise SeriesError("the header has no time of injection")
    scan_date, scan_s = _reference(pet, planes, half_life_s)
    if pet.injected_date is not None and scan_date is not None:
        delay = (scan_date - pet.injected_date).days * _DAY_S + scan_s - pet.injected_s
    else:
        delay = scan_s - pet.injected_s
        if delay < 0.0 and delay + _DAY_S <= LONGEST_UPTAKE_HALF_LIVES * half_life_s:
            delay += _DAY_S  # injected before midnight
    if not 0.0 <= delay <= LONGEST_UPTAKE_HALF_LIVES * half_life_s:
        raise SeriesError(
            f"it was injected {delay / 60.0:.0f} min before the scan by its header, which cannot be"
        )
    return delay


def _reference(
    pet: PetFacts, planes: Sequence[PetPlane], half_life_s: float
) -> tuple[dt.date | None, float]:
    """Find the moment that START means: the series time, unless that is when it was processed."""
    timed = [p for p in planes if p.acquired_s is not None]
    if not timed:
        raise SeriesError("the header has no acquisition time")
    first = min(timed, key=lambda p: (p.acquired_date or dt.date.min, p.acquired_s or 0.0))
    day, start = first.acquired_date or pet.series_date, first.acquired_s or 0.0
    if pet.series_s is not None:
        later = 0.0
        if pet.series_date is not None and first.acquired_date is not None:
            later = (pet.series_date - first.acquired_date).days * _DAY_S
        elif pet.series_s - start > _DAY_S / 2.0:
            later = -_DAY_S  # midnight has passed, which no date says
        if later + pet.series_s <= start:
            return pet.series_date or day, pet.series_s
    if pet.ge_scan and (moment := seconds(pet.ge_scan[8:].split("+")[0])) is not None:
        return date(pet.ge_scan[:8]), moment
    reference, duration = first.frame_reference_ms, first.frame_duration_ms
    if reference and duration and reference > 0.0 and duration > 0.0:
        rate = math.log(2.0) / half_life_s
        decay = rate * duration / 1000.0
        average = math.log(decay / -math.expm1(-decay)) / rate
        return day, start - reference / 1000.0 + average
    raise SeriesError(
        "the series time is later than the acquisition, and no frame reference time tells what "
        "the decay correction starts from"
    )
