"""Every error imgcompare raises on purpose, as one tree.

::

    ImgCompareError
    ├── InputError (ValueError)            what was given cannot be used
    │   ├── NothingFoundError (FileNotFoundError)   no files, no images, no such series
    │   ├── UnreadableFileError (OSError)  a file is damaged, truncated or no image
    │   ├── SeriesError                    a series cannot become a volume (gaps, mixed slices)
    │   ├── GeometryMismatchError          two grids that must agree do not
    │   ├── SeedError                      a seed lies outside the volume or in air
    │   ├── LabelSchemeError               a mask's labels have no agreed meaning
    │   └── ConfigurationError             an option, role or configuration value is unknown
    ├── RegistrationError (RuntimeError)   two images could not be aligned
    ├── SegmentationError (RuntimeError)   no lesion can be separated from the inputs given
    ├── MissingDependencyError (ImportError)  an optional library is not installed
    └── OutputError (OSError)              results cannot be written

A message says what is wrong, the value, and what to do. No message holds a patient's name or
identifier.
"""


class ImgCompareError(Exception):
    """Root of all errors raised on purpose by imgcompare."""


class InputError(ImgCompareError, ValueError):
    """What was given cannot be used."""


class NothingFoundError(InputError, FileNotFoundError):
    """No files, no images, or no such series."""


class UnreadableFileError(InputError, OSError):
    """A file is damaged, truncated, or not an image."""


class SeriesError(InputError):
    """A series cannot become a volume: missing slices, mixed orientations, impossible header."""


class GeometryMismatchError(InputError):
    """Two grids that must agree do not."""


class SeedError(InputError):
    """A seed lies outside the volume or in air."""


class LabelSchemeError(InputError):
    """A mask's label values have no agreed meaning."""


class ConfigurationError(InputError):
    """An option, role or configuration value is unknown or contradictory."""


class RegistrationError(ImgCompareError, RuntimeError):
    """Two images could not be aligned."""


class SegmentationError(ImgCompareError, RuntimeError):
    """No lesion or compartment can be separated from the inputs given."""


class MissingDependencyError(ImgCompareError, ImportError):
    """An optional library is not installed."""


class OutputError(ImgCompareError, OSError):
    """Results cannot be written."""
