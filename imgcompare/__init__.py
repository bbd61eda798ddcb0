"""Measure and compare tumours over time on raw DICOM.

Everything the command line does is a call here::

    import imgcompare

    comparison = imgcompare.compare(["study"])
    imgcompare.finish(imgcompare.write_comparison(comparison, "results"))

Names load their modules when first used, so that importing the package is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from imgcompare.errors import ImgCompareError
    from imgcompare.geometry import Geometry
    from imgcompare.loading import load_course, read_mask, scan
    from imgcompare.model import (
        Comparison,
        Course,
        Progress,
        Role,
        Tissue,
        Transform,
        Volume,
        finish,
    )
    from imgcompare.pipeline import (
        AssessOptions,
        CompareOptions,
        Seed,
        assess,
        compare,
        compare_steps,
        write_comparison,
    )
    from imgcompare.registration import register, resample
    from imgcompare.reporting import write_assessment

_HOMES = {
    "AssessOptions": "pipeline",
    "CompareOptions": "pipeline",
    "Comparison": "model",
    "Course": "model",
    "Geometry": "geometry",
    "ImgCompareError": "errors",
    "Progress": "model",
    "Role": "model",
    "Seed": "pipeline",
    "Tissue": "model",
    "Transform": "model",
    "Volume": "model",
    "assess": "pipeline",
    "compare": "pipeline",
    "compare_steps": "pipeline",
    "finish": "model",
    "load_course": "loading",
    "read_mask": "loading",
    "register": "registration",
    "resample": "registration",
    "scan": "loading",
    "write_assessment": "reporting",
    "write_comparison": "pipeline",
}

__all__ = [
    "AssessOptions",
    "CompareOptions",
    "Comparison",
    "Course",
    "Geometry",
    "ImgCompareError",
    "Progress",
    "Role",
    "Seed",
    "Tissue",
    "Transform",
    "Volume",
    "assess",
    "compare",
    "compare_steps",
    "finish",
    "load_course",
    "read_mask",
    "register",
    "resample",
    "scan",
    "write_assessment",
    "write_comparison",
]


def __getattr__(name: str) -> Any:
    """Import the home of a public name when it is first used (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'imgcompare' has no attribute {name!r}")
    return getattr(importlib.import_module(f"imgcompare.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """List the public names."""
    return [*__all__, "__version__"]
