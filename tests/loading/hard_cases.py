"""Series that readers get wrong, made in code with their known answer."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import imagecodecs
import numpy as np
import pydicom
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    RLELossless,
    generate_uid,
)

from imgcompare.geometry import Geometry
from imgcompare.model import Volume
from tests.builders import make_geometry
from tests.loading.dicom_builder import SeriesSpec, write_series
from tests.loading.enhanced_builder import GRID, item, write_enhanced

SHAPE: Final = (6, 12, 9)
PLAIN: Final = make_geometry(SHAPE)

Truth = list[Volume] | str
"""The volumes that are right, or part of the reason why there is none."""


@dataclass(frozen=True)
class HardCase:
    """One situation: what it is, what is right, and how to make it.

    ``why`` says what peers do otherwise. Where a ``judge`` is named, that peer knows the truth:
    what a lossy codestream stands for is defined by its standard, not by what was compressed.
    """

    name: str
    expected: str
    build: Callable[[Path], Truth]
    why: dict[str, str] = field(default_factory=dict)
    ask_peers: bool = True
    judge: str = ""


def _series(folder: Path, grid: Geometry = PLAIN, **spec: Any) -> list[Volume]:
    """Write a series; give it as it should be read."""
    made = SeriesSpec(geometry=grid, **spec)
    write_series(folder, made)
    values = made.values() * (made.slope or 1.0) + (made.intercept or 0.0)
    return [Volume(values, grid)]


def _ct(folder: Path, grid: Geometry = PLAIN, **spec: Any) -> list[Volume]:
    tags = {"SpecificCharacterSet": "ISO_IR 100", **spec.pop("tags", {})}
    return _series(folder, grid, modality="CT", slope=1.0, intercept=-1024.0, tags=tags, **spec)


def _turned(*degrees: float, **more: Any) -> Geometry:
    return make_geometry(SHAPE, oblique_deg=(degrees[0], degrees[1], degrees[2]), **more)


def _tilted(folder: Path, **tags: Any) -> list[Volume]:
    affine = PLAIN.affine.copy()
    affine[:3, 0] += np.tan(np.radians(15.0)) * PLAIN.spacing_mm[0] * PLAIN.directions[:, 1]
    return _ct(folder, Geometry(SHAPE, affine, PLAIN.frame_of_reference_uid), tags=tags)


def _uneven(folder: Path) -> list[Volume]:
    heights = np.array([0.0, 2.0, 5.0, 7.0, 9.0])
    grid = make_geometry((5, 12, 9), spacing_mm=(2.25, 0.9, 0.7))
    ramp = np.broadcast_to((100 * heights)[:, None, None], grid.shape).astype(np.int16)
    places = {
        k: {"ImagePositionPatient": [-12.0, 7.0, 31.0 + float(h)]} for k, h in enumerate(heights)
    }
    tags = {"SliceThickness": 3.0}
    write_series(folder, SeriesSpec(geometry=grid, array=ramp, per_slice=places, tags=tags))
    even = 225.0 * np.arange(5.0)
    return [Volume(np.broadcast_to(even[:, None, None], grid.shape), grid)]


def _missing(folder: Path) -> str:
    write_series(folder, SeriesSpec(geometry=PLAIN, skip=(3,)))
    return "missing"


def _duplicates(folder: Path) -> list[Volume]:
    truth = _series(folder)
    for n, path in enumerate(sorted(folder.iterdir())[:3]):
        shutil.copy(path, folder / f"copy{n}")
    return truth


def _phases(folder: Path, tag: str, values: Sequence[Any]) -> list[Volume]:
    """One series of several phases at the same positions."""
    uid, truth = generate_uid(), []
    for n, value in enumerate(values):
        array = SeriesSpec(geometry=PLAIN).values() + 1000 * n
        spec = SeriesSpec(
            geometry=PLAIN, array=array, series_uid=uid, study_uid="1.2.3.9", tags={tag: value}
        )
        spec.start_number = 1 + n * SHAPE[0]
        write_series(folder, spec, seed=n)
        truth.append(Volume(array, PLAIN))
    return truth


def _together(folder: Path, specs: Sequence[SeriesSpec]) -> list[Volume]:
    """Several stacks under one Series Instance UID."""
    uid = generate_uid()
    for n, spec in enumerate(specs):
        spec.series_uid, spec.study_uid = uid, "1.2.3.9"
        spec.start_number = 1 + n * 20
        write_series(folder, spec, seed=n)
    return [Volume(spec.values(), spec.geometry) for spec in specs]


def _localizer(folder: Path) -> list[Volume]:
    grids = [_turned(0, 0, 0), _turned(0, 90, 0), _turned(90, 0, 0)]
    return _together(folder, [SeriesSpec(geometry=g) for g in grids])


def _echoes(folder: Path) -> list[Volume]:
    specs = [
        SeriesSpec(
            geometry=PLAIN,
            array=SeriesSpec(geometry=PLAIN).values() + 500 * n,
            tags={"EchoTime": time, "EchoNumbers": n + 1},
        )
        for n, time in enumerate((20.0, 80.0))
    ]
    return _together(folder, specs)


def _frames_of_reference(folder: Path) -> list[Volume]:
    other = make_geometry(SHAPE, origin_mm=(-12.0, 7.0, 49.0), frame_uid="1.2.826.0.1.3680043.2")
    return _together(folder, [SeriesSpec(geometry=PLAIN), SeriesSpec(geometry=other)])


def _slope_by_slice(folder: Path) -> list[Volume]:
    raw = np.random.default_rng(0).integers(0, 3000, SHAPE).astype(np.uint16)
    slopes = [0.5, 0.25, 1.29035409, 2.0, 1.0, 0.125]
    lines = {k: {"RescaleSlope": f"{s}", "RescaleIntercept": f"{k}"} for k, s in enumerate(slopes)}
    write_series(folder, SeriesSpec(geometry=PLAIN, array=raw, per_slice=lines))
    real = raw * np.array(slopes)[:, None, None] + np.arange(6.0)[:, None, None]
    return [Volume(real.astype(np.float32), PLAIN)]


def _twelve_bits(folder: Path) -> list[Volume]:
    rng = np.random.default_rng(0)
    values = rng.integers(-2048, 2047, SHAPE, dtype=np.int16)
    overlay = rng.integers(0, 16, SHAPE, dtype=np.uint16) << 12
    raw = ((values.view(np.uint16) & 0x0FFF) | overlay).view(np.int16)
    tags = {"BitsStored": 12, "HighBit": 11}
    write_series(folder, SeriesSpec(geometry=PLAIN, array=raw, tags=tags))
    return [Volume(values, PLAIN)]


def _wide_unsigned(folder: Path) -> list[Volume]:
    raw = np.random.default_rng(0).integers(0, 65536, SHAPE).astype(np.uint16)
    raw.flat[:2] = (0, 65535)
    return _ct(folder, array=raw)


def _padding(folder: Path) -> list[Volume]:
    raw = SeriesSpec(geometry=PLAIN).values()
    raw[:, :2, :] = -2000
    return _ct(folder, array=raw, tags={"PixelPaddingValue": -2000})


PET_TAGS: Final[dict[str, Any]] = {
    "Units": "BQML",
    "CorrectedImage": ["DECY", "ATTN", "SCAT"],
    "DecayCorrection": "START",
    "PatientWeight": 70.0,
    "SeriesDate": "20240110",
    "SeriesTime": "110000",
    "AcquisitionDate": "20240110",
    "AcquisitionTime": "110000",
}


def dose(**values: Any) -> pydicom.Dataset:
    """Make the item that says what was injected: 350 MBq of F-18 an hour before 11:00."""
    given = {
        "RadionuclideTotalDose": 350e6,
        "RadionuclideHalfLife": 6586.2,
        "RadiopharmaceuticalStartTime": "100000",
    }
    return item(**{k: v for k, v in {**given, **values}.items() if v is not None})


def _pet(folder: Path) -> list[Volume]:
    raw = np.random.default_rng(0).integers(0, 20000, SHAPE).astype(np.int16)
    tags = {**PET_TAGS, "RadiopharmaceuticalInformationSequence": [dose()]}
    write_series(
        folder,
        SeriesSpec("FDG", modality="PT", geometry=PLAIN, array=raw, slope=1.5, tags=tags),
    )
    left = 350e6 * 0.5 ** (3600.0 / 6586.2)
    return [Volume((raw * 1.5 * 70.0 * 1000.0 / left).astype(np.float32), PLAIN)]


def _philips(folder: Path) -> list[Volume]:
    truth = _series(folder, slope=1.25, intercept=0.0, tags={"Manufacturer": "Philips"})
    for path in folder.iterdir():
        dataset = pydicom.dcmread(path)
        block = dataset.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
        block.add_new(0x0D, "FL", 0.0)
        block.add_new(0x0E, "FL", 0.0125)
        dataset.save_as(path)
    return truth


def csa(count: int, normal: Sequence[float]) -> bytes:
    """Make a Siemens private header that says how many slices a mosaic holds and where."""
    fields = {"NumberOfImagesInMosaic": [f"{count}"], "SliceNormalVector": [f"{n}" for n in normal]}
    out = b"SV10\x04\x03\x02\x01" + struct.pack("<II", len(fields), 77)
    for name, values in fields.items():
        out += struct.pack("<64si4siii", name.encode(), len(values), b"FD", 4, len(values), 77)
        for value in values:
            text = value.encode() + b"\0"
            out += struct.pack("<4i", len(text), len(text), 77, len(text))
            out += text + bytes(-len(text) % 4)
    return out


def write_mosaic(folder: Path, grid: Geometry, *, private: bool = True) -> list[Volume]:
    """Write all slices of a volume as one picture, as Siemens does for EPI."""
    values = SeriesSpec(geometry=grid).values()
    count, rows, columns = grid.shape
    side = int(np.ceil(np.sqrt(count)))
    picture = np.zeros((1, side * rows, side * columns), np.int16)
    for n in range(count):
        r, c = divmod(n, side)
        picture[0, r * rows : (r + 1) * rows, c * columns : (c + 1) * columns] = values[n]
    corner = grid.origin_mm.copy()
    corner -= grid.affine[:3, 1] * (side - 1) * rows / 2
    corner -= grid.affine[:3, 2] * (side - 1) * columns / 2
    affine = grid.affine.copy()
    affine[:3, 3] = corner
    wide = Geometry(picture.shape, affine, grid.frame_of_reference_uid)
    tags = {
        "ImageType": ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"],
        "SpacingBetweenSlices": grid.spacing_mm[0],
        "Manufacturer": "SIEMENS",
    }
    (path,) = write_series(folder, SeriesSpec(geometry=wide, array=picture, tags=tags))
    if private:
        dataset = pydicom.dcmread(path)
        block = dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
        block.add_new(0x10, "OB", csa(count, grid.directions[:, 0].tolist()))
        dataset.save_as(path)
    return [Volume(values, grid)]


def _mosaic_without_header(folder: Path) -> str:
    write_mosaic(folder, _turned(10, 0, 0), private=False)
    return "private header"


def _enhanced(folder: Path) -> list[Volume]:
    return [Volume(write_enhanced(folder / "e", order=[2, 0, 3, 1]), GRID)]


def _enhanced_slopes(folder: Path) -> list[Volume]:
    values = write_enhanced(folder / "e", order=[3, 1, 0, 2], slopes=[0.5, 2.0, 1.0, 0.1])
    return [Volume(values.astype(np.float32), GRID)]


def _enhanced_phases(folder: Path) -> list[Volume]:
    values = write_enhanced(folder / "e", order=[0, 2, 1, 3], phases=3)
    return [Volume(values + 1000 * n, GRID) for n in range(3)]


def _colour(folder: Path) -> str:
    tags = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    grid = make_geometry((3, 4, 6))
    raw = np.zeros((3, 4, 18), np.uint8)
    write_series(folder, SeriesSpec(geometry=grid, array=raw, tags={**tags, "Columns": 6}))
    return "colour"


def _cut(folder: Path) -> str:
    path = write_series(folder, SeriesSpec(geometry=PLAIN))[2]
    path.write_bytes(path.read_bytes()[:-60])
    return "truncated"


def _claims(folder: Path) -> str:
    write_series(folder, SeriesSpec(geometry=PLAIN, tags={"Rows": 65535, "Columns": 65535}))
    return "truncated"


def _unplaced(folder: Path) -> str:
    tags = {"ImagePositionPatient": None, "ImageOrientationPatient": None}
    write_series(folder, SeriesSpec(geometry=PLAIN, tags=tags))
    return "position"


def jpeg(plane: np.ndarray[Any, Any], **options: Any) -> bytes:
    """Encode with libjpeg-turbo."""
    return bytes(imagecodecs.jpeg8_encode(plane, **options))


def _transfer(name: str) -> Callable[[Path], list[Volume]]:
    """Make a builder of a CT in a transfer syntax."""
    syntax, bits, encode = SYNTAXES[name]

    def build(folder: Path) -> list[Volume]:
        rng = np.random.default_rng(1)
        k, j, i = np.indices((4, 40, 56))
        raw = 400 * k + 20 * j + 7 * i + rng.integers(0, 30, k.shape)
        raw = (raw * (2**bits - 1) // raw.max()).astype(np.uint16 if bits > 8 else np.uint8)
        grid = make_geometry((4, 40, 56))
        tags = {"BitsStored": bits, "HighBit": bits - 1}
        truth = _ct(folder, grid, array=raw, tags=tags)
        paths = sorted(folder.iterdir())
        for path in paths:
            rewrite(path, syntax, encode)
        return truth

    return build


def rewrite(path: Path, syntax: str, encode: Callable[..., bytes] | None) -> None:
    """Change the transfer syntax of a file of one frame."""
    dataset = pydicom.dcmread(path)
    plane = dataset.pixel_array
    dataset.file_meta.TransferSyntaxUID = syntax
    if encode is not None:
        dataset.PixelData = encapsulate([encode(plane)])
        dataset["PixelData"].is_undefined_length = True
        dataset["PixelData"].VR = "OB"
    elif syntax == RLELossless:
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        dataset.compress(RLELossless)
    elif syntax == ExplicitVRBigEndian:
        dataset.PixelData = plane.astype(plane.dtype.newbyteorder(">")).tobytes()
        pydicom.dcmwrite(path, dataset, implicit_vr=False, little_endian=False)
        return
    elif syntax == ImplicitVRLittleEndian:
        pydicom.dcmwrite(path, dataset, implicit_vr=True, little_endian=True)
        return
    dataset.save_as(path)


_JPEG: Final = "1.2.840.10008.1.2.4."
SYNTAXES: Final[dict[str, tuple[str, int, Callable[..., bytes] | None]]] = {
    "implicit": (ImplicitVRLittleEndian, 16, None),
    "big-endian": (ExplicitVRBigEndian, 16, None),
    "deflated": (DeflatedExplicitVRLittleEndian, 16, None),
    "RLE": (RLELossless, 16, None),
    "JPEG lossless (.57, predictor 4)": (
        f"{_JPEG}57",
        16,
        lambda p: jpeg(p, lossless=True, predictor=4, bitspersample=16),
    ),
    "JPEG lossless (.70)": (
        f"{_JPEG}70",
        16,
        lambda p: jpeg(p, lossless=True, predictor=1, bitspersample=16),
    ),
    "JPEG baseline, 8 bits (.50)": (f"{_JPEG}50", 8, lambda p: jpeg(p, level=95)),
    "JPEG extended, 12 bits (.51)": (
        f"{_JPEG}51",
        12,
        lambda p: jpeg(p, level=95, bitspersample=12),
    ),
    "JPEG-LS (.80)": (f"{_JPEG}80", 16, lambda p: bytes(imagecodecs.jpegls_encode(p))),
    "JPEG-LS near-lossless (.81)": (
        f"{_JPEG}81",
        12,
        lambda p: bytes(imagecodecs.jpegls_encode(p, level=3)),
    ),
    "JPEG 2000 (.90)": (
        f"{_JPEG}90",
        16,
        lambda p: bytes(imagecodecs.jpeg2k_encode(p, codecformat="j2k", level=0)),
    ),
    "JPEG 2000 lossy (.91)": (
        f"{_JPEG}91",
        12,
        lambda p: bytes(
            imagecodecs.jpeg2k_encode(p, codecformat="j2k", level=60, reversible=False)
        ),
    ),
    "HTJ2K (.201)": (f"{_JPEG}201", 16, lambda p: bytes(imagecodecs.htj2k_encode(p))),
    "HTJ2K with RPCL (.202)": (f"{_JPEG}202", 16, lambda p: bytes(imagecodecs.htj2k_encode(p))),
    "HTJ2K lossy (.203)": (
        f"{_JPEG}203",
        12,
        lambda p: bytes(imagecodecs.htj2k_encode(p, level=0.001, reversible=False)),
    ),
}
LOSSY: Final = frozenset(n for n in SYNTAXES if any(s in n for s in ("lossy", "bits", "near")))

_NO_JPEG_PLUGIN: Final = {"highdicom": "needs a decoder that is not installed with it"}
_NO_12_BITS: Final = {"dcm2niix": "has no decoder for 12 bits", **_NO_JPEG_PLUGIN}
_NO_HTJ2K: Final = {"dcm2niix": "has no decoder for HTJ2K", **_NO_JPEG_PLUGIN}
_SHEAR: Final = {
    "dcm2niix": "writes the slices as if they were not tilted, and a resampled copy",
    "SimpleITK": "drops the shear, which its images cannot hold",
    "highdicom": "its volumes cannot be sheared",
}
_ONE_STACK: Final = {
    "SimpleITK": "stacks whatever has one Series Instance UID",
    "highdicom": "does not split a series",
}
_NO_GAPS: Final = {
    "dcm2niix": "stacks the slices as if they were even, and adds an interpolated copy",
    "SimpleITK": "stacks the slices as if they were even",
}
_NO_FRAMES: Final = {"SimpleITK": "reads enhanced files as frames without a place"}
_LS: Final = {"dcm2niix": "this build has no JPEG-LS"}
_BECQUERELS: Final = dict.fromkeys(("dcm2niix", "SimpleITK", "highdicom"), "gives Bq/mL")
_ANY_PICTURE: Final = dict.fromkeys(("dcm2niix", "SimpleITK"), "stacks them somewhere")

HARD_CASES: Final = (
    HardCase("axial CT, file names and numbers tell nothing", "as placed", _ct),
    HardCase(
        "oblique MR, voxels of 4×6.4 mm",
        "non-square pixels and direction cosines kept",
        lambda f: _series(f, _turned(20.0, -15.0, 30.0, spacing_mm=(5.0, 4.0, 6.4))),
    ),
    HardCase("sagittal", "as placed", lambda f: _series(f, _turned(0.0, 90.0, 0.0))),
    HardCase("coronal", "as placed", lambda f: _series(f, _turned(90.0, 0.0, 0.0))),
    HardCase(
        "feet first, prone (FFP)",
        "positions decide, PatientPosition is ignored",
        lambda f: _ct(f, _turned(180.0, 0.0, 0.0), tags={"PatientPosition": "FFP"}),
    ),
    HardCase(
        "decubitus (HFDL)",
        "positions decide, PatientPosition is ignored",
        lambda f: _ct(f, _turned(0.0, 0.0, 90.0), tags={"PatientPosition": "HFDL"}),
    ),
    HardCase(
        "SliceThickness and SpacingBetweenSlices that contradict the positions",
        "positions win",
        lambda f: _ct(f, tags={"SliceThickness": 10.0, "SpacingBetweenSlices": 10.0}),
    ),
    HardCase("overlapping slices", "as placed", lambda f: _ct(f, tags={"SliceThickness": 6.0})),
    HardCase("one slice only", "one slice", lambda f: _ct(f, make_geometry((1, 12, 9)))),
    HardCase(
        "gantry tilt with its tag",
        "the exact sheared grid",
        lambda f: _tilted(f, GantryDetectorTilt=-15.0),
        _SHEAR,
    ),
    HardCase("gantry tilt without its tag", "the exact sheared grid", _tilted, _SHEAR),
    HardCase("a slice is missing", "refused, the place named", _missing, _NO_GAPS),
    HardCase(
        "uneven spacing of slices that touch",
        "resampled to even slices, with the numbers",
        _uneven,
        {**_NO_GAPS, "highdicom": "needs even slices"},
    ),
    HardCase(
        "files copied twice under other names",
        "each instance once",
        _duplicates,
        {"SimpleITK": "stacks the copies too", "highdicom": "refuses copies"},
    ),
    HardCase(
        "three phases in one series, told apart by acquisition time",
        "three volumes",
        lambda f: _phases(f, "AcquisitionTime", ["101500", "101700", "102000"]),
        _ONE_STACK,
    ),
    HardCase(
        "three phases in one series, told apart by trigger time",
        "three volumes",
        lambda f: _phases(f, "TriggerTime", [0.0, 60.0, 120.0]),
        _ONE_STACK,
    ),
    HardCase("three orientations in one series", "three volumes", _localizer, _ONE_STACK),
    HardCase("two echoes in one series", "two volumes", _echoes, _ONE_STACK),
    HardCase(
        "two frames of reference in one series",
        "two volumes",
        _frames_of_reference,
        {**_ONE_STACK, "dcm2niix": "does not look at the frame of reference"},
    ),
    HardCase("rescale slope of its own in each slice", "each slice by its own", _slope_by_slice),
    HardCase(
        "12 signed bits in 16, overlay in the others",
        "the 12 bits, with their sign",
        _twelve_bits,
        {"dcm2niix": "this version keeps the overlay bits; later ones do not"},
    ),
    HardCase("unsigned 16 bits with intercept −1024", "no wrap-around", _wide_unsigned),
    HardCase(
        "MONOCHROME1",
        "values as stored; display is no measurement",
        lambda f: _series(f, tags={"PhotometricInterpretation": "MONOCHROME1"}),
        dict.fromkeys(("SimpleITK", "highdicom"), "inverts the values for display"),
    ),
    HardCase("padding value", "scaled like any other, said in `values`", _padding),
    HardCase(
        "PET in Bq/mL with dose, weight and times",
        "SUV by body weight; Bq/mL on request",
        _pet,
        _BECQUERELS,
    ),
    HardCase(
        "Philips private scale",
        "rescaled values; “precise” ones on request",
        _philips,
        {"dcm2niix": "gives the precise values"},
    ),
    HardCase(
        "Siemens mosaic",
        "slices, moved in from the corner of the picture",
        lambda f: write_mosaic(f, _turned(10.0, 20.0, 0.0)),
        dict.fromkeys(("SimpleITK", "highdicom"), "gives the picture as one slice"),
    ),
    HardCase(
        "Siemens mosaic without private header",
        "refused: nothing says how many slices it holds",
        _mosaic_without_header,
        dict.fromkeys(("dcm2niix", "SimpleITK", "highdicom"), "gives the picture as one slice"),
    ),
    HardCase("enhanced MR, frames in any order", "ordered by position", _enhanced, _NO_FRAMES),
    HardCase(
        "enhanced MR, rescale by frame",
        "each frame by its own",
        _enhanced_slopes,
        {**_NO_FRAMES, "dcm2niix": "gives all frames one rescale"},
    ),
    HardCase(
        "enhanced MR, three temporal positions",
        "three volumes",
        _enhanced_phases,
        {
            **_NO_FRAMES,
            "dcm2niix": "mixes the frames of three positions",
            "highdicom": "does not split a file",
        },
    ),
    HardCase("colour images", "refused", _colour),
    HardCase("a file is cut off", "refused, the file named", _cut, {"SimpleITK": "leaves it out"}),
    HardCase("header claims 65535×65535", "refused before allocation", _claims, ask_peers=False),
    HardCase("no position in the header", "refused", _unplaced, _ANY_PICTURE),
    HardCase("implicit", "bit for bit", _transfer("implicit")),
    HardCase("big-endian", "bit for bit", _transfer("big-endian")),
    HardCase(
        "deflated",
        "bit for bit",
        _transfer("deflated"),
        {"dcm2niix": "does not read deflated files"},
    ),
    HardCase("RLE", "bit for bit", _transfer("RLE")),
    *(
        HardCase(
            name,
            "flagged as lossy" if name in LOSSY else "bit for bit",
            _transfer(name),
            dict(why),
            judge="SimpleITK" if name in LOSSY else "",
        )
        for name, why in (
            ("JPEG lossless (.57, predictor 4)", _NO_JPEG_PLUGIN),
            ("JPEG lossless (.70)", _NO_JPEG_PLUGIN),
            ("JPEG baseline, 8 bits (.50)", {"dcm2niix": "a decoder of its own, off by rounding"}),
            ("JPEG extended, 12 bits (.51)", _NO_12_BITS),
            ("JPEG-LS (.80)", _LS),
            ("JPEG-LS near-lossless (.81)", _LS),
            ("JPEG 2000 (.90)", {}),
            ("JPEG 2000 lossy (.91)", {}),
            ("HTJ2K (.201)", _NO_HTJ2K),
            ("HTJ2K with RPCL (.202)", _NO_HTJ2K),
            ("HTJ2K lossy (.203)", _NO_HTJ2K),
        )
    ),
)
