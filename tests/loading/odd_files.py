"""Files that programs write against the letter of the standard, made in code with their answer."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import imagecodecs
import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless

from imgcompare.loading.header import GE_SWAPPED
from imgcompare.model import Volume
from tests.builders import make_geometry
from tests.loading.dicom_builder import SeriesSpec, write_series
from tests.loading.enhanced_builder import item
from tests.loading.hard_cases import PET_TAGS, PLAIN, SHAPE, HardCase, Truth, dose

_UNDEFINED, _NOTHING = b"\xff" * 4, bytes(4)
_ITEM, _ITEM_END, _SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0"


def written(folder: Path, **spec: Any) -> tuple[list[Path], list[Volume]]:
    """Write a series; give its files and how it should be read."""
    made = SeriesSpec(**{"geometry": PLAIN, **spec})
    paths = write_series(folder, made)
    values = made.values().astype(np.float64) * (made.slope or 1.0) + (made.intercept or 0.0)
    return paths, [Volume(values.astype(np.float32), made.geometry)]


def changed(change: Callable[[bytes], bytes], **spec: Any) -> Callable[[Path], Truth]:
    """Make a series whose files are changed byte by byte, but not in their meaning."""

    def build(folder: Path) -> Truth:
        paths, truth = written(folder, **spec)
        for path in paths:
            path.write_bytes(change(path.read_bytes()))
        return truth

    return build


def edited(edit: Callable[[Dataset], None], **spec: Any) -> Callable[[Path], Truth]:
    """Make a series whose data sets are changed in what does not matter."""

    def build(folder: Path) -> Truth:
        paths, truth = written(folder, **spec)
        for path in paths:
            dataset = pydicom.dcmread(path)
            edit(dataset)
            dataset.save_as(path)
        return truth

    return build


def refused(build: Callable[[Path], Truth], word: str) -> Callable[[Path], Truth]:
    """Make what must be refused for a reason that holds a word."""

    def make(folder: Path) -> Truth:
        build(folder)
        return word

    return make


def without_meta(data: bytes) -> bytes:
    """Leave out preamble and file meta information."""
    return data[144 + struct.unpack_from("<I", data, 140)[0] :]


def with_syntax(data: bytes, syntax: str) -> bytes:
    """Claim another transfer syntax."""
    at = data.index(b"\x02\x00\x10\x00UI")
    old = struct.unpack_from("<H", data, at + 6)[0]
    uid = syntax.encode() + b"\0" * (len(syntax) % 2)
    length = struct.unpack_from("<I", data, 140)[0] - old + len(uid)
    start = data[:140] + struct.pack("<I", length) + data[144 : at + 6]
    return start + struct.pack("<H", len(uid)) + uid + data[at + 8 + old :]


def as_unknown(data: bytes, *tags: int) -> bytes:
    """Give short elements the VR UN, as programs do that do not know them."""
    for tag in tags:
        at = data.index(struct.pack("<HH", tag >> 16, tag & 0xFFFF), 144)
        length = struct.unpack_from("<H", data, at + 6)[0]
        data = data[: at + 4] + b"UN\0\0" + struct.pack("<I", length) + data[at + 8 :]
    return data


def with_value(data: bytes, tag: int, vr: bytes, value: bytes) -> bytes:
    """Write another VR and value into a short element."""
    at = data.index(struct.pack("<HH", tag >> 16, tag & 0xFFFF), 144)
    length = struct.unpack_from("<H", data, at + 6)[0]
    return data[: at + 4] + vr + struct.pack("<H", len(value)) + value + data[at + 8 + length :]


def _implicit(folder: Path) -> list[Path]:
    paths, _ = written(folder)
    for path in paths:
        dataset = pydicom.dcmread(path)
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        pydicom.dcmwrite(path, dataset, implicit_vr=True, little_endian=True)
    return paths


def _implicit_called(syntax: str, *, swapped: bool = False) -> Callable[[Path], Truth]:
    """Files with implicit headers that claim another syntax; pixels may be big-endian."""

    def build(folder: Path) -> Truth:
        for path in _implicit(folder):
            data = path.read_bytes()
            if swapped:
                size = 2 * SHAPE[1] * SHAPE[2]
                pixels = np.frombuffer(data[-size:], "<i2").astype(">i2").tobytes()
                data = data[:-size] + pixels
            path.write_bytes(with_syntax(data, syntax))
        return [Volume(SeriesSpec(geometry=PLAIN).values(), PLAIN)]

    return build


def _unknown_sequence(data: bytes) -> bytes:
    """Put in a sequence of undefined length within UN, its items implicit (PS3.5 6.2.2, CP-246)."""
    inner = b"\x08\x00\x50\x11" + struct.pack("<I", 8) + b"1.2.3.4\0"
    nested = b"\x08\x00\x15\x11" + _UNDEFINED + _ITEM + _UNDEFINED + inner
    nested += _ITEM_END + _NOTHING + _SEQUENCE_END + _NOTHING
    items = _ITEM + _UNDEFINED + inner + nested + _ITEM_END + _NOTHING
    sequence = b"\x08\x00\x40\x11UN\0\0" + _UNDEFINED + items + _SEQUENCE_END + _NOTHING
    at = data.index(b"\x10\x00\x10\x00PN")
    return data[:at] + sequence + data[at:]


def _unknown_dose(folder: Path) -> Truth:
    """PET whose injection lies within UN: what it holds is implicit."""
    tags = {**PET_TAGS, "RadiopharmaceuticalInformationSequence": [dose()]}
    raw = (np.arange(np.prod(SHAPE)) * 30).reshape(SHAPE).astype(np.int16)
    paths, _ = written(folder, modality="PT", array=raw, slope=1.5, tags=tags)
    for path in paths:
        sequence = pydicom.dcmread(path)["RadiopharmaceuticalInformationSequence"]
        stream = DicomBytesIO()
        stream.is_little_endian, stream.is_implicit_VR = True, True
        part = Dataset()
        part.add(sequence)
        write_dataset(stream, part)
        value = stream.getvalue()[8:]
        data = path.read_bytes()
        at = data.index(b"\x54\x00\x16\x00SQ")
        end = at + 12 + struct.unpack_from("<I", data, at + 8)[0]
        head = data[: at + 4] + b"UN\0\0" + struct.pack("<I", len(value))
        path.write_bytes(head + value + data[end:])
    left = 350e6 * 0.5 ** (3600.0 / 6586.2)
    return [Volume((raw * 1.5 * 70.0 * 1000.0 / left).astype(np.float32), PLAIN)]


def _odd_pixels(folder: Path) -> Truth:
    grid = make_geometry((5, 7, 9))
    array = (np.arange(315) % 200).reshape(grid.shape).astype(np.uint8)
    paths, truth = written(folder, geometry=grid, array=array)
    for path in paths:
        data = path.read_bytes()
        at = data.index(b"\xe0\x7f\x10\x00O")
        path.write_bytes(data[: at + 8] + struct.pack("<I", 63) + data[at + 12 : at + 75])
    return truth


def _ten_bits(folder: Path) -> Truth:
    """Ten bits that end at bit 12, with others above and below."""
    rng = np.random.default_rng(1)
    values = rng.integers(0, 1024, SHAPE).astype(np.uint16)
    other = rng.integers(0, 8, (2, *SHAPE)).astype(np.uint16)
    written(
        folder,
        array=(values << 3) | other[0] | (other[1] << 13),
        tags={"BitsStored": 10, "HighBit": 12},
    )
    return [Volume(values, PLAIN)]


def coded(
    encode: Callable[[Any], bytes], array: np.ndarray[Any, Any], *, every: int = 1, **tags: Any
) -> Callable[[Path], Truth]:
    """Make a series of JPEG 2000 frames in two fragments, or of some such frames."""

    def build(folder: Path) -> Truth:
        grid = make_geometry(array.shape)
        paths, truth = written(folder, geometry=grid, array=array, tags=tags)
        for path in paths[::every]:
            dataset = pydicom.dcmread(path)
            frame = encode(dataset.pixel_array)
            dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
            dataset.PixelData = encapsulate([frame], fragments_per_frame=2)
            dataset["PixelData"].is_undefined_length = True
            dataset["PixelData"].VR = "OW"  # some write OW, which only OB may be
            dataset.save_as(path)
        return truth

    return build


SIGNED: Final = (np.arange(6 * 40 * 56) * 7 % 3000 - 1500).reshape(6, 40, 56).astype(np.int16)


def j2k(plane: Any) -> bytes:
    """Encode without loss."""
    return bytes(imagecodecs.jpeg2k_encode(plane, codecformat="j2k", level=0))


def jp2(plane: Any) -> bytes:
    """Encode without loss, in the boxes of a JP2 file, which DICOM does not allow."""
    return bytes(imagecodecs.jpeg2k_encode(plane, codecformat="jp2", level=0))


def _table(dataset: Dataset) -> None:
    table = item(LUTDescriptor=[1024, 0, 16], ModalityLUTType="HU")
    table.add_new(0x00283006, "OW", (np.arange(1024) ** 2 % 65536).astype("<u2").tobytes())
    dataset.ModalityLUTSequence = [table]


def _icon(dataset: Dataset) -> None:
    icon = item(Rows=2, Columns=2, SamplesPerPixel=1, PhotometricInterpretation="MONOCHROME2")
    icon.BitsAllocated, icon.BitsStored, icon.HighBit, icon.PixelRepresentation = 8, 8, 7, 0
    icon.add_new("PixelData", "OB", b"abcd")
    icon.is_undefined_length_sequence_item = True
    dataset.IconImageSequence = [icon]
    dataset["IconImageSequence"].is_undefined_length = True


def _large_sequence(dataset: Dataset) -> None:
    block = dataset.private_block(0x0029, "LARGE", create=True)
    block.add_new(0x10, "SQ", [item(ProtocolName="x") for _ in range(300)])


def _frames(dataset: Dataset) -> None:
    dataset.NumberOfFrames = 2
    dataset.PixelData = dataset.PixelData * 2


def _beside(folder: Path) -> Truth:
    """Files named as texts beside empty ones."""
    paths, truth = written(folder)
    for path in paths:
        path.rename(path.with_suffix(".txt"))
    for name in ("empty", "empty.dcm", "Thumbs.db"):
        (folder / name).write_bytes(b"")
    return truth


_HEADER: Final = (0x00280010, 0x00280011, 0x00281053, 0x00281052, 0x00200032, 0x00200037)
_SLOPE: Final = 0x00281053


_FINDS: Final = "knows files by their preamble"
_FRAGMENTS: Final = {"dcm2niix": "reads no frame in fragments"}
_BECQUERELS: Final = dict.fromkeys(("dcm2niix", "SimpleITK", "highdicom"), "gives Bq/mL")
_STORED: Final = "gives stored values"


def _case(name: str, expected: str, build: Callable[[Path], Truth], **why: str) -> HardCase:
    return HardCase(name, expected, build, why)


ODD_FILES: Final = (
    _case(
        "no preamble and no file meta information",
        "as placed",
        changed(without_meta),
        highdicom=_FINDS,
    ),
    _case(
        "file meta information without a preamble",
        "as placed",
        changed(lambda data: data[132:]),
        dcm2niix=_FINDS,
        SimpleITK=_FINDS,
        highdicom=_FINDS,
    ),
    _case(
        "implicit header, called explicit",
        "as placed",
        _implicit_called(str(ExplicitVRLittleEndian)),
    ),
    _case(
        "explicit header, called implicit",
        "as placed",
        changed(lambda data: with_syntax(data, str(ImplicitVRLittleEndian))),
        dcm2niix="believes the file meta information",
        SimpleITK="believes the file meta information",
    ),
    _case(
        "GE's private syntax: big-endian pixels behind an implicit header",
        "as placed",
        _implicit_called(GE_SWAPPED, swapped=True),
        dcm2niix="does not know it",
        highdicom="does not know it",
    ),
    _case(
        "known elements of VR UN",
        "as any other",
        changed(lambda data: as_unknown(data, *_HEADER), slope=2.0, intercept=-5.0),
    ),
    _case(
        "a sequence within UN, of undefined length",
        "stepped over",
        changed(_unknown_sequence),
        dcm2niix="does not step over it",
    ),
    _case("PET whose dose lies within UN", "SUV by body weight", _unknown_dose, **_BECQUERELS),
    _case("a picture within a sequence (icon)", "its pixels are not the image's", edited(_icon)),
    _case("a private sequence of 300 items", "stepped over", edited(_large_sequence)),
    _case(
        "data set trailing padding (FFFC,FFFC) and bytes behind it",
        "ignored",
        changed(lambda data: data + b"\xfc\xff\xfc\xffOB\0\0\x08\0\0\0" + bytes(333)),
        SimpleITK="stumbles over the bytes behind it",
    ),
    _case("pixels of odd length", "as placed", _odd_pixels),
    _case("files named .txt beside empty ones", "as placed", _beside),
    _case(
        "rescale slope with a decimal comma",
        "refused: it is no number",
        refused(
            changed(lambda d: with_value(d, _SLOPE, b"DS", b"2,50"), slope=2.5, intercept=0.0),
            "no number",
        ),
        dcm2niix="reads 2",
        SimpleITK="reads 2",
    ),
    _case(
        "rescale slope as a binary number (VR FD)",
        "read as what it is",
        changed(
            lambda d: with_value(d, _SLOPE, b"FD", struct.pack("<d", 2.5)),
            slope=2.5,
            intercept=0.0,
        ),
        dcm2niix="takes it for text",
        SimpleITK="takes it for text",
    ),
    _case(
        "rescale slope of 0",
        "taken as 1, and said",
        changed(lambda d: with_value(d, _SLOPE, b"DS", b"0 "), slope=1.0, intercept=0.0),
    ),
    _case(
        "a Modality LUT instead of a slope",
        "refused: no line maps the values",
        refused(edited(_table), "Modality LUT"),
        dcm2niix=_STORED,
        SimpleITK=_STORED,
        highdicom="gives stored values by default",
    ),
    _case(
        "no bit stored",
        "refused",
        refused(edited(lambda d: setattr(d, "BitsStored", 0)), "0 bits stored of 16"),
        dcm2niix=_STORED,
        SimpleITK=_STORED,
    ),
    _case(
        "two frames in a file of a classic kind",
        "refused: nothing says where the second lies",
        refused(edited(_frames), "a kind that holds one plane"),
        dcm2niix="takes the frames for slices",
    ),
    _case(
        "ten bits, the highest in bit 12",
        "the ten bits",
        _ten_bits,
        dcm2niix="keeps all bits",
        SimpleITK="takes other bits",
        highdicom="takes the lowest ten bits",
    ),
    _case(
        "negative values in JPEG 2000, fragments called OW",
        "bit for bit",
        coded(j2k, SIGNED),
        **_FRAGMENTS,
    ),
    _case(
        "JPEG 2000 without a sign where the header has one",
        "the header's sign",
        coded(lambda plane: j2k(plane.view(np.uint16)), SIGNED),
        **_FRAGMENTS,
    ),
    _case("JPEG 2000 in the boxes of a JP2 file", "bit for bit", coded(jp2, SIGNED), **_FRAGMENTS),
    _case(
        "every second file compressed",
        "one volume",
        coded(j2k, SIGNED, every=2),
        dcm2niix="reads no frame in fragments",
    ),
)
