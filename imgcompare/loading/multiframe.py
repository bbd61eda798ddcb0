"""Takes enhanced multi-frame CT, MR and PET files apart into planes (PS3.3 C.7.6.16)."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any, Final

from imgcompare.errors import UnreadableFileError
from imgcompare.loading.datasets import read_dataset
from imgcompare.loading.header import Header
from imgcompare.loading.instances import FactsCache, Instance, SeriesFacts, make_instance
from imgcompare.loading.real_world import from_dataset
from imgcompare.loading.tags import INSTANCE_TAGS, date, seconds

_CLASS = "1.2.840.10008.5.1.4.1.1."
ENHANCED_CLASSES: Final = frozenset(
    _CLASS + n for n in ("2.1", "2.2", "4.1", "4.4", "128.1", "130")
)
"""Enhanced and legacy-converted enhanced CT, MR and PET."""

_AGENTS: Final = "ContrastBolusAgentSequence"
_FRAME_TYPES: Final = tuple(f"{m}FrameTypeSequence" for m in ("MRImage", "CTImage", "PET"))
_PHILIPS_FRAME: Final = 0x2005140F


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
    dataset = read_dataset(path, stop_before_pixels=True)
    try:
        whole = replace(whole, facts=_with_pulse_sequence(whole.facts, dataset))
        shared = _first(dataset, "SharedFunctionalGroupsSequence")
        frames = list(dataset.get("PerFrameFunctionalGroupsSequence") or [])
        known: dict[tuple[object, ...], SeriesFacts] = {}
        planes = [_plane(whole, n, frame, shared, known) for n, frame in enumerate(frames)]
    except UnreadableFileError:
        raise
    except Exception as error:  # damaged nesting raises many kinds
        raise UnreadableFileError(f"has damaged frame headers ({type(error).__name__})") from None
    if len(planes) != whole.facts.pixels.frames:
        raise UnreadableFileError(
            f"describes {len(planes)} frames but claims {whole.facts.pixels.frames}"
        )
    return planes


def _with_pulse_sequence(facts: SeriesFacts, dataset: Any) -> SeriesFacts:
    """Say what enhanced MR writes in other attributes in the words of classic MR."""
    echo = str(dataset.get("EchoPulseSequence", ""))
    words = [
        name
        for name, given in (
            ("SE", echo in ("SPIN", "BOTH")),
            ("GR", echo in ("GRADIENT", "BOTH")),
            ("IR", dataset.get("InversionRecovery") == "YES"),
            ("EP", dataset.get("EchoPlanarPulseSequence") == "YES"),
        )
        if given
    ]
    agents = [item.get("ContrastBolusAgent") for item in dataset.get(_AGENTS) or []]
    acquisition = replace(
        facts.acquisition,
        scanning_sequence="\\".join(words) or facts.acquisition.scanning_sequence,
        contrast_agent=facts.acquisition.contrast_agent
        or (str(agents[0] or "not named") if agents else None),
    )
    name = str(dataset.get("PulseSequenceName", "")) or facts.sequence_name
    return replace(facts, acquisition=acquisition, sequence_name=name)


def _first(group: Any, keyword: str) -> Any:
    """First item of a sequence, or an empty data set."""
    import pydicom

    items = group.get(keyword)
    return items[0] if items else pydicom.Dataset()


class _Groups:
    """Functional groups of one frame: its own first, then the shared ones."""

    def __init__(self, own: Any, shared: Any) -> None:
        self._own, self._shared = own, shared

    def items(self, sequence: str) -> Any:
        return self._own.get(sequence) or self._shared.get(sequence)

    def value(self, sequence: str, keyword: str) -> Any:
        for group in (self._own, self._shared):
            value = _first(group, sequence).get(keyword)
            if value is not None and value != "":
                return value
        return None

    def number(self, sequence: str, keyword: str) -> float | None:
        value = self.value(sequence, keyword)
        if value is None:
            return None
        many = not isinstance(value, (str, int, float)) and hasattr(value, "__len__")
        return float(value[0] if many else value)

    def numbers(self, sequence: str, keyword: str) -> tuple[float, ...]:
        value = self.value(sequence, keyword)
        return () if value is None else tuple(float(v) for v in value)


def _plane(
    whole: Instance, n: int, own: Any, shared: Any, known: dict[tuple[object, ...], SeriesFacts]
) -> Instance:
    groups = _Groups(own, shared)
    mapping = "PixelValueTransformationSequence"
    slope = groups.number(mapping, "RescaleSlope")
    intercept = groups.number(mapping, "RescaleIntercept")
    content = "FrameContentSequence"
    moment = str(
        groups.value(content, "FrameAcquisitionDateTime")
        or groups.value(content, "FrameReferenceDateTime")
        or ""
    )
    temporal = groups.number(content, "TemporalPositionIndex")
    pixels = whole.facts.pixels
    start = 0 if whole.encapsulated else n * pixels.frame_bytes
    acquired = seconds(moment[8:].split("+")[0].split("-")[0]) if moment else whole.acquired_s
    day: dt.date | None = date(moment[:8]) if moment else whole.acquired_date
    return replace(
        whole,
        facts=_facts(whole.facts, groups, known),
        number=n + 1,
        frame=n,
        position=groups.numbers("PlanePositionSequence", "ImagePositionPatient"),
        slope=slope or whole.slope,
        intercept=whole.intercept if intercept is None else intercept,
        acquired_s=acquired,
        acquired_date=day,
        content_s=None,
        acquisition_number=_int(groups.number(content, "FrameAcquisitionNumber")),
        temporal_position=_int(temporal),
        trigger_ms=groups.number(
            "CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime"
        ),
        b_value=groups.number("MRDiffusionSequence", "DiffusionBValue"),
        real_world=from_dataset(groups.items("RealWorldValueMappingSequence")) or whole.real_world,
        philips_slope=_philips_slope(own) or whole.philips_slope,
        pixel_offset=None if whole.pixel_offset is None else whole.pixel_offset + start,
    )


def _philips_slope(own: Any) -> float | None:
    """Private scale slope of a Philips frame."""
    private = own.get(_PHILIPS_FRAME)
    item = private.value[0] if private is not None and private.VR == "SQ" and private.value else {}
    slope = item.get(INSTANCE_TAGS["philips_slope"])
    return None if slope is None or isinstance(slope.value, bytes) else float(slope.value) or None


def _int(value: float | None) -> int | None:
    return None if value is None else int(value)


def _facts(
    whole: SeriesFacts, groups: _Groups, known: dict[tuple[object, ...], SeriesFacts]
) -> SeriesFacts:
    """Facts of one frame; frames that agree share one object."""
    frame_type = next(
        (value for kind in _FRAME_TYPES if (value := groups.value(kind, "FrameType")) is not None),
        whole.image_type,
    )
    measures = "PixelMeasuresSequence"
    timing = "MRTimingAndRelatedParametersSequence"
    key = (
        tuple(str(t).upper() for t in frame_type),
        groups.numbers("PlaneOrientationSequence", "ImageOrientationPatient"),
        groups.numbers(measures, "PixelSpacing"),
        groups.number(measures, "SliceThickness"),
        groups.number(measures, "SpacingBetweenSlices"),
        groups.number(timing, "RepetitionTime"),
        groups.number("MREchoSequence", "EffectiveEchoTime"),
        groups.number("MRModifierSequence", "InversionTimes"),
        groups.number(timing, "FlipAngle"),
        str(groups.value("PixelValueTransformationSequence", "RescaleType") or "").upper(),
    )
    if key not in known:
        kind, orientation, spacing, thickness, between, tr, te, ti, flip, rescale = key
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
            ),
        )
    return known[key]
