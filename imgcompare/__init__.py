"""Measure and compare tumours over time on raw DICOM."""

__version__ = "0.1.0"
