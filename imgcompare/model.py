"""The frozen types that flow from stage to stage, valid once constructed, arrays read-only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from imgcompare.errors import GeometryMismatchError, InputError
from imgcompare.geometry import AnyArray, Geometry

T = TypeVar("T")


class Quantity(StrEnum):
    """What a voxel value means."""

    HU = "HU"
    MR_SIGNAL = "MR signal"
    SUV = "SUV"
    DIMENSIONLESS = "dimensionless"


class Role(StrEnum):
    """What a series is for in a comparison."""

    T1 = "T1"
    T1C = "T1C"
    T2 = "T2"
    FLAIR = "FLAIR"
    ADC = "ADC"
    DWI = "DWI"
    CT_PRE = "CT_PRE"
    CT_ARTERIAL = "CT_ARTERIAL"
    CT_PORTAL = "CT_PORTAL"
    CT_DELAYED = "CT_DELAYED"
    CT = "CT"
    PET = "PET"
    LOCALIZER = "LOCALIZER"
    OTHER = "OTHER"


class Tissue(StrEnum):
    """What a part of a lesion consists of (criteria: RANO; Ellingson 2014; BraTS)."""

    ENHANCING = "enhancing"
    NECROTIC = "necrotic"
    CYSTIC = "cystic"
    NON_ENHANCING = "non_enhancing"
    HAEMORRHAGE = "haemorrhage"
    OEDEMA = "oedema"


TISSUE_CODES: Mapping[Tissue, int] = MappingProxyType({t: n for n, t in enumerate(Tissue, start=1)})
"""Label value of each tissue in every label map imgcompare writes; 0 is outside."""

LESION_TISSUES: tuple[Tissue, ...] = tuple(t for t in Tissue if t is not Tissue.OEDEMA)
"""The tissues that make up the whole lesion: all but oedema."""

WHOLE = "whole"
"""Name of the compartment that joins all LESION_TISSUES."""


class LesionRole(StrEnum):
    """Part a lesion plays in response assessment."""

    TARGET = "target"
    NON_TARGET = "non_target"
    NEW = "new"


class EventKind(StrEnum):
    """What happened to a lesion's identity between two timepoints."""

    NEW = "new"
    VANISHED = "vanished"
    SPLIT = "split"
    MERGED = "merged"


class Exceeds(StrEnum):
    """Whether a change exceeds measurement error."""

    YES = "yes"
    NO = "no"
    BORDERLINE = "borderline"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of long work: ``step`` of ``total`` is beginning, described by ``message``."""

    step: int
    total: int
    message: str


Steps = Generator[Progress, None, T]
"""Long work: yields Progress, returns its result."""


def finish(steps: Steps[T]) -> T:
    """Run long work to its end, ignoring its progress."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            result: T = stop.value
            return result


@dataclass(frozen=True, slots=True)
class Decision:
    """Something decided automatically, with its reason, so that a person can overrule it."""

    stage: str
    subject: str
    choice: str
    reason: str


def read_only(array: npt.ArrayLike) -> AnyArray:
    """Return the array, or a view of it, that cannot be written through."""
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view


def _require_shape(array: AnyArray, geometry: Geometry) -> None:
    if array.shape != geometry.shape:
        raise GeometryMismatchError(
            f"An array of {array.shape} voxels does not fit the grid [{geometry}]."
        )


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """Voxel values on a grid; ``array`` is [slice, row, column], read-only."""

    array: AnyArray
    geometry: Geometry
    quantity: Quantity = Quantity.MR_SIGNAL

    def __post_init__(self) -> None:
        """Check the shape and freeze the array."""
        _require_shape(self.array, self.geometry)
        object.__setattr__(self, "array", read_only(self.array))


@dataclass(frozen=True, slots=True, eq=False)
class LabelMap:
    """Integer labels on a grid. ``tissues`` names each label value; 0 is outside."""

    array: AnyArray
    geometry: Geometry
    tissues: Mapping[int, Tissue] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check shape and type and freeze."""
        _require_shape(self.array, self.geometry)
        if self.array.dtype.kind not in "iub":
            raise InputError(f"Labels must be whole numbers, not {self.array.dtype}.")
        object.__setattr__(self, "array", read_only(self.array))
        object.__setattr__(self, "tissues", MappingProxyType(dict(self.tissues)))


@dataclass(frozen=True, slots=True)
class Acquisition:
    """Acquisition facts that segmentation and comparability need; None where not recorded."""

    slice_thickness_mm: float | None = None
    contrast_agent: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    software: str | None = None
    field_strength_t: float | None = None
    scanning_sequence: str | None = None
    sequence_variant: str | None = None
    acquisition_type: str | None = None
    repetition_time_ms: float | None = None
    echo_time_ms: float | None = None
    inversion_time_ms: float | None = None
    flip_angle_deg: float | None = None
    kvp: float | None = None
    convolution_kernel: str | None = None
    seconds_after_contrast: float | None = None
    acquisition_datetime: dt.datetime | None = None
    lossy: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One image volume that can be read when needed.

    ``refusal`` says why the series cannot be loaded (`load` raises it); empty if it can.
    """

    uid: str
    modality: str
    role: Role
    role_reason: str
    description: str
    geometry: Geometry
    acquisition: Acquisition
    files: tuple[Path, ...] = field(repr=False)
    reader: Callable[[], Volume] = field(repr=False)
    problems: tuple[str, ...] = ()
    number: int | None = None
    refusal: str = ""

    def load(self) -> Volume:
        """Read the voxels; nothing is cached."""
        return self.reader()


@dataclass(frozen=True, slots=True, eq=False)
class Timepoint:
    """All series of one visit. ``series`` holds the one chosen for each role."""

    index: int
    date: dt.date | None
    study_uids: tuple[str, ...]
    series: Mapping[Role, Series]
    others: tuple[Series, ...] = ()
    time: dt.time | None = None
    label: str = ""

    def __post_init__(self) -> None:
        """Freeze the mapping."""
        object.__setattr__(self, "series", MappingProxyType(dict(self.series)))

    @property
    def name(self) -> str:
        """ISO date where known, else the label or position."""
        return self.date.isoformat() if self.date else (self.label or f"timepoint {self.index}")


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """One subject's timepoints in order of date. ``subject`` is a pseudonym unless identified."""

    subject: str
    timepoints: tuple[Timepoint, ...]
    baseline_index: int = 0
    problems: tuple[str, ...] = ()
    decisions: tuple[Decision, ...] = ()


@dataclass(frozen=True, slots=True)
class RegistrationQuality:
    """How well two images were aligned.

    ``similarity_before`` and ``similarity_after`` are normalised mutual information (Studholme
    1999), ``inverse_consistency_mm`` is the mean distance a point of the head or body moves when
    mapped forward and back by two independent registrations (None if not computed), and
    ``overlap`` the fraction of the smaller foreground covered by the other.
    """

    similarity_before: float
    similarity_after: float
    inverse_consistency_mm: float | None
    overlap: float
    succeeded: bool
    reason: str
    seconds: float = 0.0
    engine: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Transform:
    """Affine map of world points, LPS mm to LPS mm, from one series' space to another's.

    Applied to a point of ``moving`` anatomy it gives the same anatomy in ``fixed`` space.
    """

    matrix: npt.NDArray[np.float64]
    moving_frame_uid: str = ""
    fixed_frame_uid: str = ""
    quality: RegistrationQuality | None = None

    def __post_init__(self) -> None:
        """Validate, copy and freeze."""
        matrix = np.array(self.matrix, dtype=np.float64)
        if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
            raise InputError("A transform needs a finite 4x4 matrix.")
        object.__setattr__(self, "matrix", read_only(matrix))

    @classmethod
    def identity(cls, frame_uid: str = "") -> Transform:
        """Give the transform that leaves every point where it is."""
        return cls(np.eye(4), frame_uid, frame_uid)

    def apply(self, points_mm: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Map LPS points ``[..., 3]`` in mm from moving to fixed space."""
        points = np.asarray(points_mm, dtype=np.float64)
        return np.asarray(points @ self.matrix[:3, :3].T + self.matrix[:3, 3])

    def inverse(self) -> Transform:
        """Give the transform from fixed to moving space, with the same quality."""
        return Transform(
            np.asarray(np.linalg.inv(self.matrix), dtype=np.float64),
            self.fixed_frame_uid,
            self.moving_frame_uid,
            self.quality,
        )

    def then(self, following: Transform) -> Transform:
        """Give the transform that applies this one, then ``following``; quality is dropped."""
        return Transform(
            following.matrix @ self.matrix, self.moving_frame_uid, following.fixed_frame_uid
        )


@dataclass(frozen=True, slots=True, eq=False)
class AlignedTimepoint:
    """One timepoint's images on the native grid of its reference series.

    ``images[reference_role]`` is the untouched native volume; the other roles are registered and
    resampled onto its grid. ``to_reference`` maps each role's own space to the reference, and
    ``to_baseline`` maps the reference's space to the baseline reference's space.
    """

    timepoint: Timepoint
    reference_role: Role
    images: Mapping[Role, Volume]
    to_reference: Mapping[Role, Transform]
    to_baseline: Transform

    def __post_init__(self) -> None:
        """Check that all images share the reference's grid, and freeze."""
        grid = self.images[self.reference_role].geometry
        for role, image in self.images.items():
            if image.geometry.shape != grid.shape:
                raise GeometryMismatchError(f"{role} is not on the grid of {self.reference_role}.")
        object.__setattr__(self, "images", MappingProxyType(dict(self.images)))
        object.__setattr__(self, "to_reference", MappingProxyType(dict(self.to_reference)))

    @property
    def reference(self) -> Volume:
        """The native volume everything is measured on."""
        return self.images[self.reference_role]

    @property
    def geometry(self) -> Geometry:
        """The grid everything is measured on."""
        return self.reference.geometry


@dataclass(frozen=True, slots=True)
class Lesion:
    """Identity of a lesion, stable over time."""

    id: int
    tracking_uid: str
    site: str = ""
    role: LesionRole = LesionRole.TARGET
    nodal: bool = False


@dataclass(frozen=True, slots=True)
class LesionEvent:
    """A change of identity: which lesions, what happened, at which timepoint, and why."""

    kind: EventKind
    timepoint_index: int
    lesion_ids: tuple[int, ...]
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class LesionSegmentation:
    """Compartments of one lesion at one timepoint, on a crop of the native reference grid.

    Attributes
    ----------
    labels : LabelMap
        The most probable tissue of each voxel, values of TISSUE_CODES.
    fractions : mapping of Tissue to float32 array
        Part of each voxel filled by each tissue, 0 to 1, on the grid of ``labels``. A voxel's
        fractions add up to at most 1. Tissues that are absent may be missing.
    proposed : bool
        Whether the lesion was proposed automatically, without a mask or seed.
    source : str
        Where the outline comes from: ``mask``, ``seed``, ``seed carried from baseline``,
        ``proposal``.
    attenuation_classes_only : bool
        True for a single CT phase, which can never show enhancement.
    """

    labels: LabelMap
    fractions: Mapping[Tissue, npt.NDArray[np.float32]]
    proposed: bool = False
    source: str = ""
    attenuation_classes_only: bool = False
    flags: tuple[str, ...] = ()
    decisions: tuple[Decision, ...] = ()

    def __post_init__(self) -> None:
        """Check shapes and freeze."""
        for fraction in self.fractions.values():
            _require_shape(fraction, self.labels.geometry)
        frozen = {t: read_only(f) for t, f in self.fractions.items()}
        object.__setattr__(self, "fractions", MappingProxyType(frozen))

    @property
    def geometry(self) -> Geometry:
        """Grid of the crop."""
        return self.labels.geometry

    def mask(self, compartment: Tissue | str = WHOLE) -> npt.NDArray[np.bool_]:
        """Voxels whose most probable tissue belongs to the compartment."""
        tissues = LESION_TISSUES if compartment == WHOLE else (Tissue(compartment),)
        return np.isin(self.labels.array, [TISSUE_CODES[t] for t in tissues])

    def fraction(self, compartment: Tissue | str = WHOLE) -> npt.NDArray[np.float32]:
        """Part of each voxel filled by the compartment, 0 to 1."""
        tissues = LESION_TISSUES if compartment == WHOLE else (Tissue(compartment),)
        total = np.zeros(self.geometry.shape, dtype=np.float32)
        for tissue in tissues:
            if tissue in self.fractions:
                total += self.fractions[tissue]
        return np.minimum(total, np.float32(1.0))


@dataclass(frozen=True, slots=True)
class Measurement:
    """One figure: a quantity of one compartment of one lesion at one timepoint.

    ``ci_low`` and ``ci_high`` bound the 95 % interval, NaN where none is known.
    ``endpoints_lps_mm`` are the ends of a diameter in native patient coordinates.
    """

    lesion_id: int
    timepoint_index: int
    compartment: str
    quantity: str
    value: float
    unit: str
    ci_low: float = float("nan")
    ci_high: float = float("nan")
    endpoints_lps_mm: tuple[tuple[float, float, float], ...] = ()
    method: str = ""
    series_uid: str = ""
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """Change of one figure between two timepoints.

    ``reference`` says what the earlier one is: ``baseline``, ``nadir`` or ``previous``.
    ``ci_low`` and ``ci_high`` bound the 95 % interval of ``absolute``. ``percent``, ``log_change``
    and the rates are NaN where undefined (zero or missing figures, less than 14 days apart).
    """

    lesion_id: int
    compartment: str
    quantity: str
    unit: str
    reference: str
    from_index: int
    to_index: int
    days: int | None
    from_value: float
    to_value: float
    absolute: float
    percent: float
    log_change: float
    ci_low: float
    ci_high: float
    growth_rate_percent_per_day: float
    doubling_time_days: float
    exceeds_error: Exceeds
    reason: str
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a criterion gave its category: a rule, the value it saw, the threshold it met or not."""

    rule_id: str
    text: str
    value: float | None = None
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Assessment:
    """What one criterion says at one timepoint; NE (not evaluable) is a category."""

    criterion: str
    version: str
    timepoint_index: int
    category: str
    reference: str
    reasons: tuple[Reason, ...]
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class TimepointResult:
    """What was found at one timepoint: aligned images and a segmentation per lesion id."""

    aligned: AlignedTimepoint
    lesions: Mapping[int, LesionSegmentation]

    def __post_init__(self) -> None:
        """Freeze the mapping."""
        object.__setattr__(self, "lesions", MappingProxyType(dict(self.lesions)))

    @property
    def index(self) -> int:
        """Position of the timepoint in its course."""
        return self.aligned.timepoint.index


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Everything one comparison found; what reporting turns into files."""

    course: Course
    results: tuple[TimepointResult, ...]
    lesions: tuple[Lesion, ...]
    events: tuple[LesionEvent, ...]
    measurements: tuple[Measurement, ...]
    changes: tuple[Change, ...]
    assessments: tuple[Assessment, ...]
    observations: tuple[str, ...]
    decisions: tuple[Decision, ...]
    warnings: tuple[str, ...]
    configuration: Mapping[str, Any]
    timings_s: Mapping[str, float]
