"""The frozen types that flow from stage to stage, valid once constructed, arrays read-only."""

from imgcompare.model.agreement import (
    DIRECTIONS,
    Cause,
    Direction,
    Ground,
    Opinion,
    Reason,
    SideBySide,
)
from imgcompare.model.alignment import AlignedTimepoint, RegistrationQuality, Transform
from imgcompare.model.clinical import (
    Category,
    ClinicalEvent,
    ClinicalEventKind,
    LesionState,
    ReaderFinding,
    ReaderInput,
    Response,
)
from imgcompare.model.comparability import ComparabilityFinding, Concern, Severity
from imgcompare.model.course import Course, Timepoint
from imgcompare.model.findings import (
    Assessment,
    Change,
    Comparison,
    CourseResponse,
    Exceeds,
    Measurement,
    Observation,
    TimepointResult,
)
from imgcompare.model.images import (
    Acquisition,
    LabelMap,
    Quantity,
    Role,
    Series,
    SourceImage,
    Volume,
    read_only,
)
from imgcompare.model.lesions import EventKind, Lesion, LesionEvent, LesionRole, LesionSegmentation
from imgcompare.model.progress import Decision, Progress, Steps, finish
from imgcompare.model.repeatability import Repeatability
from imgcompare.model.tissues import LESION_TISSUES, TISSUE_CODES, WHOLE, Tissue
from imgcompare.model.typed import TypedCourse

__all__ = [
    "DIRECTIONS",
    "LESION_TISSUES",
    "TISSUE_CODES",
    "WHOLE",
    "Acquisition",
    "AlignedTimepoint",
    "Assessment",
    "Category",
    "Cause",
    "Change",
    "ClinicalEvent",
    "ClinicalEventKind",
    "ComparabilityFinding",
    "Comparison",
    "Concern",
    "Course",
    "CourseResponse",
    "Decision",
    "Direction",
    "EventKind",
    "Exceeds",
    "Ground",
    "LabelMap",
    "Lesion",
    "LesionEvent",
    "LesionRole",
    "LesionSegmentation",
    "LesionState",
    "Measurement",
    "Observation",
    "Opinion",
    "Progress",
    "Quantity",
    "ReaderFinding",
    "ReaderInput",
    "Reason",
    "RegistrationQuality",
    "Repeatability",
    "Response",
    "Role",
    "Series",
    "Severity",
    "SideBySide",
    "SourceImage",
    "Steps",
    "Timepoint",
    "TimepointResult",
    "Tissue",
    "Transform",
    "TypedCourse",
    "Volume",
    "finish",
    "read_only",
]
