"""The error of each figure: what its image allows, or what repeats have shown, the larger."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from imgcompare.measurement.repeatability import WIDENING, repeatability_of
from imgcompare.measurement.uncertainty import Z95
from imgcompare.measurement.volume import sphere_equivalent_diameter_mm
from imgcompare.model import WHOLE, Lesion, Measurement, Quantity, Repeatability

NAN = float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class ErrorModel:
    """What is known about error in one course.

    Attributes
    ----------
    modality : mapping of lesion id to str
        CT or MR.
    sites : mapping of lesion id to str
    local : tuple of Repeatability
        The user's own values, which come before published ones.
    """

    modality: Mapping[int, str]
    sites: Mapping[int, str]
    local: tuple[Repeatability, ...] = ()

    def repeatability(
        self, m: Measurement, *, diameter_mm: float, calibrated: bool | None = None
    ) -> Repeatability | None:
        """Choose the repeatability of a figure, which is as calibrated as it says itself."""
        return self._choose(
            m,
            diameter_mm,
            local=self.local,
            calibrated=m.calibrated if calibrated is None else calibrated,
        )

    def published(self, m: Measurement, *, diameter_mm: float) -> Repeatability | None:
        """Give what published repeatability says of a figure, whatever decides."""
        return self._choose(m, diameter_mm, local=(), calibrated=False)

    def _choose(
        self,
        m: Measurement,
        diameter_mm: float,
        *,
        local: Sequence[Repeatability],
        calibrated: bool,
    ) -> Repeatability | None:
        return repeatability_of(
            m.quantity,
            m.compartment,
            modality=self.modality.get(m.lesion_id, ""),
            diameter_mm=diameter_mm,
            site=self.sites.get(m.lesion_id, ""),
            local=local,
            calibrated=calibrated,
        )


def error_model(
    measurements: Sequence[Measurement],
    *,
    lesions: Sequence[Lesion] = (),
    modality: str = "",
    local: Sequence[Repeatability] = (),
) -> ErrorModel:
    """Collect what decides about error; modality is told from the unit of intensities if empty."""
    names = {Quantity.HU.value: "CT", Quantity.MR_SIGNAL.value: "MR"}
    told = {m.lesion_id: names[m.unit] for m in measurements if m.unit in names}
    every = {m.lesion_id for m in measurements}
    return ErrorModel(
        {i: modality or told.get(i, "") for i in every},
        {lesion.id: lesion.site for lesion in lesions},
        tuple(local),
    )


def widened(error: Repeatability | None) -> Repeatability | None:
    """Widen an error, for acquisitions that differ in a way that matters."""
    if error is None:
        return None
    wcv = min(error.wcv * WIDENING, 0.99)
    return replace(error, wcv=wcv, source=f"{error.source}, widened for unequal acquisitions")


def image_sd(m: Measurement) -> float:
    """Give the standard deviation from the figure's own interval, NaN where it has none."""
    if m.value == 0.0:
        return m.ci_high / Z95
    return (m.ci_high - m.ci_low) / (2.0 * Z95)


def figure_sd(m: Measurement, error: Repeatability | None) -> float:
    """Give the larger of repeatability and the image's own interval; NaN where neither is known."""
    repeat = error.wcv * m.value if error else NAN
    return max((x for x in (image_sd(m), repeat) if not math.isnan(x)), default=NAN)


def diameter_of(size: Measurement | None, m: Measurement) -> float:
    """Longest diameter of the lesion, or of a sphere of its volume, mm; NaN if unknown."""
    if size is not None:
        return size.value
    return sphere_equivalent_diameter_mm(m.value) if m.quantity == "volume" else NAN


def sizes_of(measurements: Sequence[Measurement]) -> Mapping[tuple[int, int], Measurement]:
    """Longest diameter of each whole lesion, by lesion and timepoint."""
    return {
        (m.lesion_id, m.timepoint_index): m
        for m in measurements
        if (m.compartment, m.quantity) == (WHOLE, "longest_diameter") and not math.isnan(m.value)
    }
