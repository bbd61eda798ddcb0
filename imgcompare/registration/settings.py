"""What can be chosen about a registration."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from imgcompare.errors import ConfigurationError

PYRAMID_MM = (8.0, 4.0, 2.0, 1.0)
"""Working voxel sizes, coarse to fine, as in Thévenaz & Unser 2000 (factors of two)."""

BINS = 32
"""Histogram bins per image (Mattes 2003 uses 32 to 50)."""


class TransformKind(StrEnum):
    """Which motions are allowed between two images."""

    RIGID = "rigid"
    AFFINE = "affine"


class Interpolation(StrEnum):
    """How values between voxel centres are made."""

    NEAREST = "nearest"
    LINEAR = "linear"
    CUBIC = "cubic"


class Engine(StrEnum):
    """What does the arithmetic: compiled numba kernels, or plain numpy where numba is missing."""

    AUTO = "auto"
    NUMBA = "numba"
    NUMPY = "numpy"


@dataclass(frozen=True, slots=True)
class RegistrationSettings:
    """How to register.

    Attributes
    ----------
    finest_mm : float
        Voxel size at which the pyramid stops. 2 mm is about five times faster than 1 mm and
        still finds the motion to a tenth of a millimetre.
    engine : Engine
        ``AUTO`` takes numba where it can be imported, else numpy.
    max_translation_mm, max_rotation_deg : float
        Largest misalignment from the starting guess that is searched for and believed.
    inverse_check : bool
        Whether to register a second time with the roles swapped, to measure inverse consistency.
    threads : int
        Threads for the compiled kernels; 0 takes every core this process may use. The result
        does not depend on it.
    """

    finest_mm: float = 1.0
    engine: Engine = Engine.AUTO
    max_translation_mm: float = 70.0
    max_rotation_deg: float = 30.0
    inverse_check: bool = True
    threads: int = 0

    def __post_init__(self) -> None:
        """Refuse settings that cannot be followed."""
        if not 0.0 < self.finest_mm <= PYRAMID_MM[0]:
            raise ConfigurationError(
                f"finest_mm must be above 0 and at most {PYRAMID_MM[0]:g}, not {self.finest_mm}."
            )
        if self.max_translation_mm < 0.0 or not 0.0 <= self.max_rotation_deg <= 180.0:
            raise ConfigurationError(
                "The largest misalignment must be at least 0 mm and between 0 and 180 degrees, "
                f"not {self.max_translation_mm} mm and {self.max_rotation_deg} degrees."
            )
        if self.threads < 0:
            raise ConfigurationError(f"threads must be 0 or more, not {self.threads}.")
        object.__setattr__(self, "engine", Engine(self.engine))
