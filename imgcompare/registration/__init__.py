"""Aligns images: Volume × Volume → Transform with quality figures.

Registration returns transforms, not pixels: everything is measured on native voxels, and
resampling is for looking and for matching.
"""

from imgcompare.registration.engines import is_compiled, warm_up
from imgcompare.registration.pyramid import Pyramid
from imgcompare.registration.resample import map_mask, resample, resample_labels
from imgcompare.registration.rigid import prepare, register
from imgcompare.registration.settings import (
    Engine,
    Interpolation,
    RegistrationSettings,
    TransformKind,
)

__all__ = [
    "Engine",
    "Interpolation",
    "Pyramid",
    "RegistrationSettings",
    "TransformKind",
    "is_compiled",
    "map_mask",
    "prepare",
    "register",
    "resample",
    "resample_labels",
    "warm_up",
]
