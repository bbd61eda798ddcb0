"""From folders of scans to a finished comparison: the only module that knows the order."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from imgcompare.errors import ConfigurationError, InputError, RegistrationError
from imgcompare.loading import load_course
from imgcompare.measurement import absent_lesion, measure_changes, measure_lesion
from imgcompare.model import (
    AlignedTimepoint,
    Comparison,
    Course,
    Decision,
    Lesion,
    Measurement,
    Progress,
    Role,
    Series,
    Steps,
    Timepoint,
    TimepointResult,
    Transform,
    Volume,
    finish,
)
from imgcompare.registration import register, resample

logger = logging.getLogger(__name__)

REFERENCE_ROLES = (
    Role.T1C,
    Role.CT_PORTAL,
    Role.CT_ARTERIAL,
    Role.CT_DELAYED,
    Role.CT,
    Role.CT_PRE,
    Role.FLAIR,
    Role.T1,
    Role.T2,
)
"""Series on whose voxels a timepoint is measured, best first: living tumour shows after contrast."""

MR_CHANNELS = (Role.T1C, Role.T1, Role.T2, Role.FLAIR)
CT_CHANNELS = (Role.CT_PRE, Role.CT_ARTERIAL, Role.CT_PORTAL, Role.CT_DELAYED, Role.CT)


@dataclass(frozen=True, slots=True)
class Seed:
    """A point inside a lesion: timepoint (date or position), LPS mm, and how far it may reach."""

    timepoint: str
    point_mm: tuple[float, float, float]
    radius_mm: float | None = None


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """What a person decided; everything left out is decided automatically and reported.

    Attributes
    ----------
    masks : tuple of (timepoint, file)
        Outlines drawn elsewhere; timepoint is an ISO date or a position (0, 1, ...).
    seeds : tuple of Seed
        Points inside lesions. Without masks and seeds, lesions are proposed.
    roles : mapping of series to Role
        Overruled roles, see `imgcompare.scan`.
    criteria : tuple of str
        Names of response criteria; empty for all that are installed.
    label_scheme : str, optional
        What the label values of the masks mean.
    identified : bool
        Whether results may hold the patient ID.
    """

    masks: tuple[tuple[str, Path], ...] = ()
    seeds: tuple[Seed, ...] = ()
    roles: Mapping[str, Role] = field(default_factory=dict)
    criteria: tuple[str, ...] = ()
    label_scheme: str | None = None
    identified: bool = False


class Clock:
    """Seconds spent in each stage."""

    def __init__(self) -> None:
        """Start with no stages."""
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Add the time of a block to a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - start
