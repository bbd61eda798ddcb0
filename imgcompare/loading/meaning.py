"""What the voxel values of a stack mean, and by which line stored values become real ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from imgcompare.errors import SeriesError
from imgcompare.loading.instances import Instance
from imgcompare.loading.pet import suv_factor
from imgcompare.loading.stacking import Stack
from imgcompare.model import Quantity

Line = tuple[float, float]
"""Slope and intercept from stored values."""

STORED: Final = "stored"
RESCALED: Final = "rescaled"
REAL_WORLD: Final = "real world"
PRECISE: Final = "precise"


@dataclass(frozen=True, slots=True)
class Scaling:
    """How stored values become the values of a volume; a line per plane, in order of planes."""

    text: str
    quantity: Quantity
    lines: tuple[Line, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Meaning:
    """The scaling that is used, others that a caller may ask for by name, and doubts."""

    used: Scaling
    others: Mapping[str, Scaling]
    problems: tuple[str, ...] = ()


def meaning_of(stack: Stack) -> Meaning:
    """Say what the values of a stack mean.

    The DICOM rescale (Modality LUT, PS3.3 C.11.1) is used, as dcm2niix, GDCM and ITK do; PET in
    becquerels or counts becomes SUV where the header has all that it takes. Real World Value
    Mappings and Philips' private scale are offered beside it, never mixed in.
    """
    planes = stack.instances
    kind = quantity_of(stack)
    rescaled = Scaling(
        _rescale_text(planes, _unit(stack, kind)), kind, _lines(planes, lambda p: _own(p))
    )
    stored = Scaling("stored values", Quantity.DIMENSIONLESS, ((1.0, 0.0),) * len(planes))
    others = {STORED: stored, RESCALED: rescaled}
    problems: list[str] = []
    if any(p.slope == 0.0 for p in planes):
        problems.append("its rescale slope is 0, which would make all voxels equal; 1 is taken")
    if all(p.real_world for p in planes):
        others[REAL_WORLD] = _real_world(planes)
    if all(p.philips_slope for p in planes):
        others[PRECISE] = _precise(planes)
        products = {round(p.slope * (p.philips_slope or 1.0), 9) for p in planes}
        if len({p.philips_slope for p in planes}) > 1 and len(products) > 1:
            problems.append(
                "Philips' private scale differs between slices, so that rescaled values of one "
                "slice cannot be compared with another's; load the “precise” values"
            )
    used = rescaled
    if stack.facts.modality == "PT":
        used, problem = _uptake(stack, rescaled)
        problems += [problem] if problem else []
        if used is not rescaled:
            others["SUV"] = used
    return Meaning(_with_padding(used, stack), others, tuple(problems))


def quantity_of(stack: Stack) -> Quantity:
    """Name what rescaled values mean; CT without another Rescale Type is HU (PS3.3 C.11.1.1.2)."""
    facts = stack.facts
    if facts.modality == "CT":
        derived = facts.rescale_type not in ("", "HU", "US")
        return Quantity.DIMENSIONLESS if derived else Quantity.HU
    if facts.modality == "MR":
        return Quantity.MR_SIGNAL
    return Quantity.DIMENSIONLESS


def _unit(stack: Stack, kind: Quantity) -> str:
    if stack.facts.modality == "PT":
        return stack.facts.units or "PET values without a unit"
    return stack.facts.rescale_type if kind is Quantity.DIMENSIONLESS else str(kind)


def _own(plane: Instance) -> Line:
    return plane.slope or 1.0, plane.intercept


def _lines(planes: Iterable[Instance], line: Callable[[Instance], Line]) -> tuple[Line, ...]:
    return tuple(map(line, planes))


def _rescale_text(planes: Iterable[Instance], unit: str) -> str:
    own = [_own(p) for p in planes]
    slopes, intercepts = sorted({s for s, _ in own}), sorted({i for _, i in own})
    if (slopes, intercepts) == ([1.0], [0.0]):
        return f"{unit}: stored values" if unit else "stored values"
    times = "" if slopes == [1.0] else f" × {_range(slopes)}"
    plus = "" if intercepts == [0.0] else f" + {_range(intercepts)}".replace("+ -", "- ")
    line = f"stored{times}{plus}"
    several = " (by slice)" if len(slopes) + len(intercepts) > 2 else ""
    return f"{unit}: {line}{several}" if unit else f"{line}{several}"


def _range(values: list[float]) -> str:
    low, high = values[0], values[-1]
    return f"{low:.9g}" if low == high else f"{low:.6g}…{high:.6g}"


def _real_world(planes: Iterable[Instance]) -> Scaling:
    """Map by Real World Value Mapping (PS3.3 C.7.6.16.2.11)."""
    mappings = [p.real_world for p in planes if p.real_world]
    unit = " or ".join(sorted({m.unit or "no unit" for m in mappings}))
    quantity = Quantity.HU if unit == "[hnsf'U]" else Quantity.DIMENSIONLESS
    lines = tuple((m.slope, m.intercept) for m in mappings)
    return Scaling(f"real world values in {unit}", quantity, lines)


def _precise(planes: Iterable[Instance]) -> Scaling:
    """Map to Philips' precise values: rescaled ÷ (rescale slope × private scale slope).

    References
    ----------
    Chenevert et al., Transl Oncol 2014;7:65, doi 10.1593/tlo.13811.
    """

    def line(plane: Instance) -> Line:
        scale = plane.philips_slope or 1.0
        return 1.0 / scale, plane.intercept / ((plane.slope or 1.0) * scale)

    text = "Philips precise values: rescaled ÷ (rescale slope × private scale slope (2005,100E))"
    return Scaling(text, Quantity.MR_SIGNAL, _lines(planes, line))


def _uptake(stack: Stack, rescaled: Scaling) -> tuple[Scaling, str]:
    """Scale PET to SUV; or keep its unit and say why there is no SUV."""
    pet = stack.facts.pet
    mappings = [p.real_world for p in stack.instances if p.real_world]
    mapped = len(mappings) == len(stack.instances) and not (pet and pet.units)
    if mapped and all("SUVBW" in m.unit.upper() for m in mappings):  # enhanced PET
        lines = tuple((m.slope, m.intercept) for m in mappings)
        return Scaling("the file maps to SUV by body weight", Quantity.SUV, lines), ""
    try:
        if pet is None:
            raise SeriesError("it is no classic PET file, whose header names dose and time")
        factor, how = suv_factor(pet, stack.instances)
    except SeriesError as error:
        return rescaled, f"PET stays in {rescaled.text.split(':')[0]}, no SUV: {error}"
    lines = tuple((s * factor, i * factor) for s, i in rescaled.lines)
    return Scaling(how, Quantity.SUV, lines), ""


def _with_padding(scaling: Scaling, stack: Stack) -> Scaling:
    """Say what voxels outside the field of view hold: the padding value, scaled like any other."""
    pixels = stack.facts.pixels
    if pixels.padding is None:
        return scaling
    slope, intercept = scaling.lines[0]
    ends = [v for v in (pixels.padding, pixels.padding_limit) if v is not None]
    shown = " to ".join(f"{v * slope + intercept:g}" for v in sorted(ends))
    text = f"{scaling.text}; {shown} marks voxels without data (padding)"
    return Scaling(text, scaling.quantity, scaling.lines)
