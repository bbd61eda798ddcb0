"""Volumes as classic DICOM, with the attributes a scanner writes."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    generate_uid,
)

from imgcompare.geometry import Geometry
from imgcompare.model import Quantity, Role, Volume
from imgcompare.phantoms.cases import PhantomCase
from imgcompare.phantoms.sequences import MR_ROLES, Sequence, sequence_for
from imgcompare.phantoms.settings import ScanSettings

RESCALE_INTERCEPT = -1024
FIELD_STRENGTH_T = 3.0

SERIES_MINUTES = {
    Role.LOCALIZER: 0.0,
    Role.T1: 4.0,
    Role.T2: 10.0,
    Role.FLAIR: 16.0,
    Role.T1C: 29.0,
    Role.CT_PRE: 2.0,
    Role.CT_ARTERIAL: 6.0 + 35.0 / 60.0,
    Role.CT_PORTAL: 6.0 + 70.0 / 60.0,
}
"""When each series begins, minutes after the study."""

_CONTRAST_MINUTES = {"head": 24.0, "abdomen": 6.0}

_CT_TEXT = {
    Role.LOCALIZER: "Topogram 0.6 T20f",
    Role.CT_PRE: "Abdomen nativ 2.0 B30f",
    Role.CT_ARTERIAL: "Abdomen art 2.0 B30f",
    Role.CT_PORTAL: "Abdomen pv 2.0 B30f",
}


@dataclass(frozen=True, slots=True)
class SeriesPlan:
    """Which series of which study a volume becomes; ``variant`` tells scan protocols apart."""

    case: PhantomCase
    timepoint: int
    role: Role
    number: int
    settings: ScanSettings
    variant: str = ""

    def uid(self, *what: str) -> UID:
        """Give a UID that depends on the case, what it names, and nothing else."""
        case = self.case
        source = [case.name, case.body, str(case.seed), str(len(case.dates)), str(self.timepoint)]
        source.append(self.variant)
        return generate_uid(entropy_srcs=["imgcompare phantom", *source, *what])

    @property
    def study_uid(self) -> UID:
        """UID of the study."""
        return self.uid("study")

    @property
    def series_uid(self) -> UID:
        """UID of the series."""
        return self.uid("series", str(self.role))

    @property
    def frame_uid(self) -> UID:
        """UID of the frame of reference: one for all series of a study."""
        return self.uid("frame")


def patient_id(case: PhantomCase) -> str:
    """Give an obviously invented patient identifier."""
    return f"PHANTOM-{case.name[:6].upper()}-{case.body[:2].upper()}{case.seed}"


def write_series(plan: SeriesPlan, volume: Volume, paths: list[Path]) -> None:
    """Write one file per slice.

    Parameters
    ----------
    plan : SeriesPlan
        Study, series and how it was acquired.
    volume : Volume
        HU or MR signal, whole numbers.
    paths : list of Path
        Where each slice goes.
    """
    geometry = volume.geometry
    writer = _SliceWriter(plan, _template(plan, volume))
    stored = volume.array
    if volume.quantity is Quantity.HU:
        stored = np.clip(stored.astype(np.int32) - RESCALE_INTERCEPT, 0, 4095)
    for index, path in enumerate(paths):
        position = geometry.index_to_world((index, 0, 0))
        writer.write(path, index + 1, position, geometry, stored[index].astype("<u2"))


class _SliceWriter:
    """Writes slices that share all but a few attributes."""

    def __init__(self, plan: SeriesPlan, template: Dataset, label: str = "") -> None:
        self.plan = plan
        self.dataset = template
        self.label = label

    def write(
        self,
        path: Path,
        number: int,
        position: npt.NDArray[np.float64],
        geometry: Geometry,
        pixels: npt.NDArray[np.uint16],
    ) -> None:
        """Write one slice at a position."""
        dataset, plan = self.dataset, self.plan
        uid = plan.uid("instance", str(plan.role), self.label, str(number))
        dataset.SOPInstanceUID = uid
        dataset.file_meta.MediaStorageSOPInstanceUID = uid
        dataset.InstanceNumber = number
        row, column = geometry.directions[:, 2], geometry.directions[:, 1]
        normal = np.cross(row, column)
        dataset.ImagePositionPatient = [_decimal(x) for x in position]
        dataset.ImageOrientationPatient = [_decimal(x) for x in (*row, *column)]
        dataset.SliceLocation = _decimal(float(normal @ position))
        dataset.Rows, dataset.Columns = pixels.shape
        dataset.SmallestImagePixelValue = int(pixels.min())
        dataset.LargestImagePixelValue = int(pixels.max())
        dataset.PixelData = pixels.tobytes()
        dataset.save_as(path, enforce_file_format=True)


def write_localizer(plan: SeriesPlan, volumes: list[Volume], paths: list[Path]) -> None:
    """Write slices of several planes as one series, as a scanner's localizer is."""
    number = 0
    for volume in volumes:
        writer = _SliceWriter(plan, _template(plan, volume))
        stored = volume.array
        if volume.quantity is Quantity.HU:
            stored = np.clip(stored.astype(np.int32) - RESCALE_INTERCEPT, 0, 4095)
        for index in range(volume.geometry.shape[0]):
            position = volume.geometry.index_to_world((index, 0, 0))
            pixels = stored[index].astype("<u2")
            writer.write(paths[number], number + 1, position, volume.geometry, pixels)
            number += 1


def _decimal(value: float) -> str:
    """Write a number as a DICOM decimal string of at most 16 characters."""
    text = f"{value:.8f}".rstrip("0").rstrip(".")
    text = text if len(text) <= 16 else f"{value:.6f}"[:16]
    return "0" if text in ("-0", "") else text


def _template(plan: SeriesPlan, volume: Volume) -> Dataset:
    """Attributes shared by all slices of a series."""
    is_mr = plan.case.body == "head"
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = MRImageStorage if is_mr else CTImageStorage
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.ImplementationVersionName = "IMGCOMPARE"
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.SOPClassUID = MRImageStorage if is_mr else CTImageStorage
    _patient_and_study(dataset, plan)
    _series_and_equipment(dataset, plan)
    _plane_and_pixels(dataset, plan, volume)
    if is_mr:
        _mr(dataset, plan, volume)
    else:
        _ct(dataset, plan, volume)
    _contrast(dataset, plan)
    return dataset


def _start(plan: SeriesPlan, minutes: float) -> dt.datetime:
    begin = dt.datetime.combine(plan.case.dates[plan.timepoint], dt.time(9, 12, 41))
    return begin + dt.timedelta(minutes=minutes, hours=2 * plan.timepoint)


def _patient_and_study(dataset: Dataset, plan: SeriesPlan) -> None:
    case = plan.case
    start = _start(plan, 0.0)
    label = case.name.replace("_", "").upper()
    dataset.PatientName = f"PHANTOM^{label}"
    dataset.PatientID = patient_id(case)
    dataset.PatientBirthDate = "19620705"
    dataset.PatientSex = "O"
    dataset.PatientAge = "061Y"
    dataset.PatientWeight = "71"
    dataset.PatientComments = "Digital reference object; not a person"
    dataset.StudyInstanceUID = plan.study_uid
    dataset.StudyDate = start.strftime("%Y%m%d")
    dataset.StudyTime = start.strftime("%H%M%S.000000")
    dataset.AccessionNumber = f"P{case.seed:03d}{plan.timepoint:02d}"
    dataset.ReferringPhysicianName = ""
    dataset.StudyID = str(plan.timepoint + 1)
    head = "MR HEAD WITHOUT AND WITH CONTRAST"
    dataset.StudyDescription = head if case.body == "head" else "CT ABDOMEN MULTIPHASE"


def _series_and_equipment(dataset: Dataset, plan: SeriesPlan) -> None:
    start = _start(plan, SERIES_MINUTES[plan.role])
    is_mr = plan.case.body == "head"
    dataset.Modality = "MR" if is_mr else "CT"
    dataset.SeriesInstanceUID = plan.series_uid
    dataset.SeriesNumber = plan.number
    dataset.SeriesDate = dataset.AcquisitionDate = dataset.ContentDate = start.strftime("%Y%m%d")
    time = start.strftime("%H%M%S.%f")
    dataset.SeriesTime = dataset.AcquisitionTime = dataset.ContentTime = time
    dataset.InstanceCreationDate, dataset.InstanceCreationTime = dataset.SeriesDate, time
    dataset.SeriesDescription = _description(plan)
    dataset.ProtocolName = dataset.SeriesDescription
    dataset.OperatorsName = ""
    dataset.BodyPartExamined = "HEAD" if is_mr else "ABDOMEN"
    dataset.PatientPosition = "HFS"
    dataset.FrameOfReferenceUID = plan.frame_uid
    dataset.PositionReferenceIndicator = ""
    dataset.Manufacturer = "imgcompare"
    dataset.ManufacturerModelName = "Analytic MR" if is_mr else "Analytic CT"
    dataset.InstitutionName = "Digital reference objects"
    dataset.StationName = "PHANTOM1"
    dataset.DeviceSerialNumber = "0001"
    dataset.SoftwareVersions = "phantoms 1"
    dataset.AcquisitionNumber = 1
    dataset.PerformedProcedureStepStartDate = dataset.StudyDate
    dataset.PerformedProcedureStepStartTime = dataset.StudyTime


def _description(plan: SeriesPlan) -> str:
    if plan.case.body == "abdomen":
        return _CT_TEXT[plan.role]
    if plan.role is Role.LOCALIZER:
        return "localizer"
    plane = {"axial": "tra", "sagittal": "sag", "coronal": "cor"}[plan.settings.plane]
    return f"{_sequence(plan).description}_{plane}"


def _sequence(plan: SeriesPlan) -> Sequence:
    role = plan.role if plan.role in MR_ROLES else Role.T1
    return sequence_for(role, plan.settings.spacing_mm[0])


def _plane_and_pixels(dataset: Dataset, plan: SeriesPlan, volume: Volume) -> None:
    settings = plan.settings
    slices, rows, columns = volume.geometry.spacing_mm
    thickness = settings.thickness_mm or settings.spacing_mm[0]
    top = int(volume.array.max())
    is_ct = volume.quantity is Quantity.HU
    dataset.PixelSpacing = [_decimal(rows), _decimal(columns)]
    dataset.SliceThickness = _decimal(thickness)
    dataset.SpacingBetweenSlices = _decimal(slices)
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = 16
    dataset.BitsStored = 12 if is_ct or top < 4096 else 16
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = 0
    dataset.BurnedInAnnotation = "NO"
    dataset.LossyImageCompression = "00"
    dataset.ImageComments = "Simulated"
    if is_ct:
        dataset.WindowCenter, dataset.WindowWidth = "60", "360"
    else:
        bright = float(np.percentile(volume.array, 99.5))
        dataset.WindowCenter, dataset.WindowWidth = f"{bright / 2:.0f}", f"{max(bright, 1.0):.0f}"


def _mr(dataset: Dataset, plan: SeriesPlan, volume: Volume) -> None:
    sequence = _sequence(plan)
    _, rows, columns = volume.geometry.shape
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND"]
    dataset.ScanningSequence = ["SE", "IR"] if sequence.scanning == "IR" else sequence.scanning
    dataset.SequenceVariant = sequence.variant
    dataset.ScanOptions = sequence.options
    dataset.MRAcquisitionType = sequence.acquisition
    dataset.SequenceName = sequence.name
    dataset.AngioFlag = "N"
    dataset.RepetitionTime = _decimal(sequence.tr_ms)
    dataset.EchoTime = _decimal(sequence.te_ms)
    dataset.EchoTrainLength = sequence.echo_train
    if sequence.ti_ms is not None:
        dataset.InversionTime = _decimal(sequence.ti_ms)
    dataset.FlipAngle = _decimal(sequence.flip_deg)
    dataset.NumberOfAverages = "1"
    dataset.ImagingFrequency = _decimal(42.577478 * FIELD_STRENGTH_T)
    dataset.ImagedNucleus = "1H"
    dataset.EchoNumbers = 1
    dataset.MagneticFieldStrength = _decimal(FIELD_STRENGTH_T)
    dataset.NumberOfPhaseEncodingSteps = rows
    dataset.PercentSampling = "100"
    dataset.PercentPhaseFieldOfView = "100"
    dataset.PixelBandwidth = "220"
    dataset.TransmitCoilName = "Body"
    dataset.ReceiveCoilName = "HeadNeck_64"
    dataset.AcquisitionMatrix = [0, rows, columns, 0]
    dataset.InPlanePhaseEncodingDirection = "COL"
    dataset.SAR = "0.6"


def _ct(dataset: Dataset, plan: SeriesPlan, volume: Volume) -> None:
    localizer = plan.role is Role.LOCALIZER
    width = volume.geometry.shape[2] * volume.geometry.spacing_mm[2]
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER" if localizer else "AXIAL"]
    dataset.RescaleIntercept = str(RESCALE_INTERCEPT)
    dataset.RescaleSlope = "1"
    dataset.RescaleType = "HU"
    dataset.KVP = "120"
    dataset.XRayTubeCurrent = 210
    dataset.ExposureTime = 500
    dataset.Exposure = 105
    dataset.GeneratorPower = 40
    dataset.FilterType = "BODY"
    dataset.FocalSpots = "1.2"
    dataset.ConvolutionKernel = "T20f" if localizer else "B30f"
    dataset.ScanOptions = "SCOUT MODE" if localizer else "HELICAL MODE"
    dataset.GantryDetectorTilt = "0"
    dataset.TableHeight = "148"
    dataset.RotationDirection = "CW"
    dataset.DataCollectionDiameter = "500"
    dataset.ReconstructionDiameter = _decimal(round(width, 3))
    dataset.DistanceSourceToDetector = "1085.6"
    dataset.DistanceSourceToPatient = "595"
    dataset.SpiralPitchFactor = 1.0
    dataset.CTDIvol = 7.1


def _contrast(dataset: Dataset, plan: SeriesPlan) -> None:
    """Add the contrast module to series acquired after the injection."""
    minutes = _CONTRAST_MINUTES[plan.case.body]
    if SERIES_MINUTES[plan.role] < minutes:
        return
    start = _start(plan, minutes)
    is_mr = plan.case.body == "head"
    volume_ml, seconds = (7.5, 4) if is_mr else (100.0, 33)
    dataset.ContrastBolusAgent = "Gadobutrol" if is_mr else "Iomeprol 400"
    dataset.ContrastBolusRoute = "IV"
    dataset.ContrastBolusVolume = _decimal(volume_ml)
    dataset.ContrastBolusTotalDose = _decimal(volume_ml)
    dataset.ContrastBolusStartTime = start.strftime("%H%M%S.%f")
    dataset.ContrastBolusStopTime = (start + dt.timedelta(seconds=seconds)).strftime("%H%M%S.%f")
    dataset.ContrastBolusIngredient = "GADOLINIUM" if is_mr else "IODINE"
    dataset.ContrastBolusIngredientConcentration = "604" if is_mr else "400"
