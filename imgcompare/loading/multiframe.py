"""Takes enhanced multi-frame CT, MR and PET files apart into planes (PS3.3 C.7.6.16)."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Final

from imgcompare.loading.functional import Groups, read_functional
from imgcompare.loading.header import Header
from imgcompare.loading.instances import (
    FactsCache,
    Instance,
    SeriesFacts,
    line_part,
    make_instance,
)
from imgcompare.loading.nested import Item, read_items
from imgcompare.loading.real_world import real_world
from imgcompare.loading.tags import date, seconds, text

_CLASS = "1.2.840.10008.5.1.4.1.1."
ENHANCED_CLASSES: Final = frozenset(
    _CLASS + n for n in ("2.1", "2.2", "4.1", "4.4", "128.1", "130")
)
"""Enhanced and legacy-converted enhanced CT, MR and PET."""

_FRAME_TYPES: Final = (0x00189226, 0x00189329, 0x00189751)  # of MR, CT, PET
_MEASURES: Final = 0x00289110
_TRANSFORMATION: Final = 0x00289145
_CONTENT: Final = 0x00209111
_TIMING: Final = 0x00189112
_MODIFIER: Final = 0x00189115
_EXPOSURE: Final = 0x00189321


def expand(path: str, header: Header, cache: FactsCache) -> list[Instance]:
    """Give the planes of a multi-frame file.

    Parameters
    ----------
    path : str
        The file.
    header : Header
        Its top-level values.
    cache : FactsCache
        Shared facts parsed so far.

    Returns
    -------
    list of Instance
        One per frame, in the order of storage.

    Raises
    ------
    UnreadableFileError
        If its functional groups are missing or damaged.
    """
    whole = make_instance(path, header, cache)
    found = read_functional(path, whole.facts.pixels.frames)
    whole = replace(whole, facts=_with_pulse_sequence(whole.facts, found.file, found.syntax))
    whole = replace(whole, concatenation=found.concatenation())
    known: dict[tuple[object, ...], SeriesFacts] = {}
    return [
        replace(_plane(whole, n, groups, known), dimension=dimension)
        for n, (groups, dimension) in enumerate(zip(found.frames, found.dimensions(), strict=True))
    ]


def _with_pulse_sequence(facts: SeriesFacts, file: Item, syntax: str) -> SeriesFacts:
    """Say what enhanced MR writes in other attributes in the words of classic MR."""
    echo = text(file.get(0x00189008))
    words = [
        name
        for name, given in (
            ("SE", echo in ("SPIN", "BOTH")),
            ("GR", echo in ("GRADIENT", "BOTH")),
            ("IR", text(file.get(0x00189009)) == "YES"),
            ("EP", text(file.get(0x00189018)) == "YES"),
        )
        if given
    ]
    agents = [text(item.get(0x00180010)) for item in read_items(file.get(0x00180012, b""), syntax)]
    acquisition = replace(
        facts.acquisition,
        scanning_sequence="\\".join(words) or facts.acquisition.scanning_sequence,
        contrast_agent=facts.acquisition.contrast_agent
        or ((agents[0] or "not named") if agents else None),
    )
    name = text(file.get(0x00189005)) or facts.sequence_name
    return replace(facts, acquisition=acquisition, sequence_name=name)


def _plane(
    whole: Instance, n: int, groups: Groups, known: dict[tuple[object, ...], SeriesFacts]
) -> Instance:
    slope = line_part(groups.value(_TRANSFORMATION, 0x00281053))
    intercept = line_part(groups.value(_TRANSFORMATION, 0x00281052))
    moment = groups.words(_CONTENT, 0x00189074) or groups.words(_CONTENT, 0x00189151)
    pixels = whole.facts.pixels
    start = 0 if whole.encapsulated else n * pixels.frame_bytes
    acquired = seconds(moment[8:].split("+")[0].split("-")[0]) if moment else whole.acquired_s
    day: dt.date | None = date(moment[:8]) if moment else whole.acquired_date
    return replace(
        whole,
        facts=_facts(whole.facts, groups, known),
        number=n + 1,
        stack=groups.words(_CONTENT, 0x00209056),
        frame=n,
        position=groups.numbers(0x00209113, 0x00200032),
        slope=whole.slope if slope is None else slope,
        intercept=whole.intercept if intercept is None else intercept,
        acquired_s=acquired,
        acquired_date=day,
        content_s=None,
        acquisition_number=_int(groups.number(_CONTENT, 0x00209156)),
        temporal_position=_int(groups.number(_CONTENT, 0x00209128)),
        trigger_ms=groups.number(0x00189118, 0x00209153),
        b_value=groups.number(0x00189117, 0x00189087),
        real_world=real_world(groups.items(0x00409096), groups.syntax) or whole.real_world,
        philips_slope=groups.number(0x2005140F, 0x2005100E) or whole.philips_slope,
        pixel_offset=None if whole.pixel_offset is None else whole.pixel_offset + start,
    )


def _int(value: float | None) -> int | None:
    return None if value is None else int(value)


def _facts(
    whole: SeriesFacts, groups: Groups, known: dict[tuple[object, ...], SeriesFacts]
) -> SeriesFacts:
    """Facts of one frame; frames that agree share one object."""
    types = (groups.words(kind, 0x00089007) for kind in _FRAME_TYPES)
    frame_type = next((t.upper() for t in types if t), "")
    image_type = (
        tuple(t.strip() for t in frame_type.split("\\")) if frame_type else whole.image_type
    )
    component = groups.words(_FRAME_TYPES[0], 0x00089208).upper()
    told = component in ("", "MAGNITUDE", "MIXED") or {component, component[0]} & set(image_type)
    key = (
        image_type if told else (*image_type, component),
        groups.numbers(0x00209116, 0x00200037),
        groups.numbers(_MEASURES, 0x00280030),
        groups.number(_MEASURES, 0x00180050),
        groups.number(_MEASURES, 0x00180088),
        groups.number(_TIMING, 0x00180080),
        groups.number(0x00189114, 0x00189082),
        groups.number(_MODIFIER, 0x00189079),
        groups.number(_TIMING, 0x00181314),
        groups.words(_TRANSFORMATION, 0x00281054).upper(),
        groups.words(_MODIFIER, 0x00189025),
        groups.number(_EXPOSURE, 0x00189345),
    )
    if key not in known:
        kind, orientation, spacing, thickness, between, tr, te, ti, flip, rescale, fat, dose = key
        known[key] = replace(
            whole,
            image_type=kind,
            orientation=orientation,
            pixel_spacing_mm=spacing,
            slice_spacing_mm=between,
            rescale_type=rescale,
            acquisition=replace(
                whole.acquisition,
                slice_thickness_mm=thickness,
                repetition_time_ms=tr,
                echo_time_ms=te,
                inversion_time_ms=ti or None,
                flip_angle_deg=flip,
                fat_suppression=fat or None,
                ctdi_vol_mgy=dose,
            ),
        )
    return known[key]
