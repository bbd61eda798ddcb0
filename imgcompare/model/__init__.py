"""The frozen types that flow from stage to stage, valid once constructed, arrays read-only."""

from imgcompare.model.alignment import AlignedTimepoint, RegistrationQuality, Transform
from imgcompare.model.clinical import (
    ClinicalEvent,
    ClinicalEventKind,
    LesionState,
    ReaderInput,
    Response,
)
from imgcompare.model.course import Course, Timepoint
from imgcompare.model.findings import (
    Assessment,
    Change,
    Comparison,
    Exceeds,
    Measurement,
    Reason,
    TimepointResult,
)
from imgcompare.model.images import Acquisition, LabelMap, Quantity, Role, Series, Volume, read_only
from imgcompare.model.lesions import EventKind, Lesion, LesionEvent, LesionRole, LesionSegmentation
from imgcompare.model.progress import Decision, Progress, Steps, finish
from imgcompare.model.tissues import LESION_TISSUES, TISSUE_CODES, WHOLE, Tissue

__all__ = [
    "LESION_TISSUES",
    "TISSUE_CODES",
    "WHOLE",
    "Acquisition",
    "AlignedTimepoint",
    "Assessment",
    "Change",
    "ClinicalEvent",
    "ClinicalEventKind",
    "Comparison",
    "Course",
    "Decision",
    "EventKind",
    "Exceeds",
    "LabelMap",
    "Lesion",
    "LesionEvent",
    "LesionRole",
    "LesionSegmentation",
    "LesionState",
    "Measurement",
    "Progress",
    "Quantity",
    "ReaderInput",
    "Reason",
    "RegistrationQuality",
    "Response",
    "Role",
    "Series",
    "Steps",
    "Timepoint",
    "TimepointResult",
    "Tissue",
    "Transform",
    "Volume",
    "finish",
    "read_only",
]
