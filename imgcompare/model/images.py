"""Voxels on a grid, what they mean, and series that are read when needed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from imgcompare.errors import ConfigurationError, GeometryMismatchError, InputError
from imgcompare.geometry import AnyArray, Geometry
from imgcompare.model.tissues import Tissue


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


def read_only(array: npt.ArrayLike) -> AnyArray:
    """Return the array, or a view of it, that cannot be written through."""
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view


def require_shape(array: AnyArray, geometry: Geometry) -> None:
    """Raise GeometryMismatchError unless the array has the grid's shape."""
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
        require_shape(self.array, self.geometry)
        object.__setattr__(self, "array", read_only(self.array))


@dataclass(frozen=True, slots=True, eq=False)
class LabelMap:
    """Integer labels on a grid. ``tissues`` names each label value; 0 is outside."""

    array: AnyArray
    geometry: Geometry
    tissues: Mapping[int, Tissue] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check shape and type and freeze."""
        require_shape(self.array, self.geometry)
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
    image_type: tuple[str, ...] = ()
    body_part: str | None = None
    gantry_tilt_deg: float | None = None
    reconstruction_diameter_mm: float | None = None
    reconstruction_algorithm: str | None = None
    tube_current_ma: float | None = None
    device_serial: str | None = None
    scan_options: str | None = None
    sequence_name: str | None = None
    contrast_volume_ml: float | None = None
    fat_suppression: str | None = None
    ctdi_vol_mgy: float | None = None

    @property
    def is_recorded(self) -> bool:
        """Whether the header says anything at all about how the series was acquired."""
        return self != Acquisition()


@dataclass(frozen=True, slots=True)
class SourceImage:
    """A DICOM image, or one frame of it, that a slice was read from.

    Attributes
    ----------
    sop_class_uid, sop_instance_uid : str
    frame : int or None
        Counted from 1; None for an image of one frame.
    position_mm : tuple of float or None
        LPS centre of its first pixel; None where the slice is only a part of the picture.
    """

    sop_class_uid: str
    sop_instance_uid: str
    frame: int | None = None
    position_mm: tuple[float, float, float] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One image volume that can be read when needed.

    ``refusal`` says why the series cannot be loaded (`load` raises it); empty if it can.
    ``values`` says what the voxels mean and how they come from stored ones; ``alternatives`` reads
    them otherwise, by name, e.g. "stored". ``study_uid`` and ``images`` are empty where the source
    is no DICOM.
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
    values: str = ""
    alternatives: Mapping[str, Callable[[], Volume]] = field(default_factory=dict, repr=False)
    study_uid: str = ""
    images: tuple[SourceImage, ...] = field(default=(), repr=False)

    def load(self, values: str = "") -> Volume:
        """Read the voxels; nothing is cached.

        Parameters
        ----------
        values : str
            One of `alternatives`; what `values` describes if empty.

        Raises
        ------
        ConfigurationError
            If the series offers no such values.
        """
        if not values:
            return self.reader()
        if values not in self.alternatives:
            offered = ", ".join(self.alternatives) or "nothing else"
            raise ConfigurationError(f"Values {values!r} are not offered here; {offered} can be.")
        return self.alternatives[values]()
