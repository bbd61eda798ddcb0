"""Digital reference objects: bodies with lesions of known volume, scanned and written as DICOM."""

from imgcompare.phantoms.cases import CASES, PhantomCase, build_case
from imgcompare.phantoms.settings import ScanSettings
from imgcompare.phantoms.simulation import SimulatedTimepoint, simulate
from imgcompare.phantoms.writing import demo_case, write_case

__all__ = [
    "CASES",
    "PhantomCase",
    "ScanSettings",
    "SimulatedTimepoint",
    "build_case",
    "demo_case",
    "simulate",
    "write_case",
]
