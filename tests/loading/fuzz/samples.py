"""Sound files of every kind that loading reads, small enough to be damaged by the thousand."""

from __future__ import annotations

import contextlib
import gzip
import io
import itertools
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.fileset import FileSet
from pydicom.uid import UID, ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless

from imgcompare.geometry import Geometry, to_sitk
from tests.builders import make_geometry
from tests.loading.dicom_builder import SeriesSpec, write_series
from tests.loading.enhanced_builder import item, write_enhanced
from tests.loading.mask_builder import SegSpec, write_rtstruct, write_seg

GRID = make_geometry((4, 10, 8), oblique_deg=(20.0, 5.0, -10.0))
DEFLATED = "1.2.840.10008.1.2.1.99"


@dataclass(frozen=True)
class Sample:
    """Files by name, the one to damage, and the grid that it outlines if it is a mask."""

    name: str
    files: dict[str, bytes]
    target: str
    onto: Geometry | None = None

    @property
    def is_dicom(self) -> bool:
        return self.files[self.target][128:132] == b"DICM"


def built_samples(*names: str) -> list[Sample]:
    """Everything that can be made in code, or what is named."""
    made = []
    with tempfile.TemporaryDirectory() as folder, _same_uids():
        for n, (name, build) in enumerate(_BUILDERS.items()):
            if names and name not in names:
                continue
            place = Path(folder) / str(n)
            place.mkdir()
            onto = build(place)
            made.append(_collect(name, place, onto))
    return made


@contextlib.contextmanager
def _same_uids() -> Iterator[None]:
    """Number UIDs instead of drawing them, so that a case is the same every day."""
    count = itertools.count(1)

    def uid(*_: object, **__: object) -> UID:
        return UID(f"1.2.826.0.1.3680043.8.498.1{next(count):08d}")

    with contextlib.ExitStack() as stack:
        for module in ("dicom_builder", "enhanced_builder", "mask_builder"):
            stack.enter_context(mock.patch(f"tests.loading.{module}.generate_uid", uid))
        stack.enter_context(mock.patch("pydicom.fileset.generate_uid", uid))
        yield


def _collect(name: str, folder: Path, onto: Geometry | None) -> Sample:
    files = {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }
    target = next(
        (f for f in files if f.startswith(("target", "DICOMDIR"))), sorted(files)[len(files) // 2]
    )
    return Sample(name, files, target, onto)


def _series(folder: Path, **values: object) -> list[Path]:
    return write_series(folder, SeriesSpec(geometry=GRID, **values))  # type: ignore[arg-type]


def _plain(folder: Path) -> None:
    _series(folder, modality="CT", slope=1.0, intercept=-1024.0)


def _implicit(folder: Path) -> None:
    _series(folder, syntax=ImplicitVRLittleEndian)


def _big_endian(folder: Path) -> None:
    for path in _series(folder):
        ds = pydicom.dcmread(path)
        ds.PixelData = np.frombuffer(ds.PixelData, "<i2").astype(">i2").tobytes()
        ds.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
        pydicom.dcmwrite(path, ds, little_endian=False, implicit_vr=False)


def _deflated(folder: Path) -> None:
    _series(folder, syntax=DEFLATED)


def _rle(folder: Path) -> None:
    for path in _series(folder):
        ds = pydicom.dcmread(path)
        ds.compress(RLELossless, generate_instance_uid=False)
        ds.save_as(path)


def _encapsulated(syntax: str, encode: Callable[[np.ndarray], bytes]) -> Callable[[Path], None]:  # type: ignore[type-arg]
    def build(folder: Path) -> None:
        from pydicom.encaps import encapsulate

        values = np.random.default_rng(0).integers(0, 255, GRID.shape).astype(np.uint8)
        for n, path in enumerate(_series(folder, array=values)):
            ds = pydicom.dcmread(path)
            ds.PixelData = encapsulate([encode(values[n])])
            ds["PixelData"].is_undefined_length = True
            ds["PixelData"].VR = "OB"
            ds.file_meta.TransferSyntaxUID = syntax
            ds.save_as(path)

    return build


def _codec(name: str) -> Callable[[np.ndarray], bytes]:  # type: ignore[type-arg]
    def encode(plane: np.ndarray) -> bytes:  # type: ignore[type-arg]
        import imagecodecs

        return bytes(getattr(imagecodecs, f"{name}_encode")(plane))

    return encode


def _enhanced(folder: Path) -> None:
    write_enhanced(folder / "target", order=[0, 1, 2, 3], grid=GRID)
    with contextlib.suppress(FileNotFoundError):
        (folder / "classic").rmdir()


def _enhanced_rle(folder: Path) -> None:
    _enhanced(folder)
    ds = pydicom.dcmread(folder / "target")
    ds.compress(RLELossless, generate_instance_uid=False)
    ds.save_as(folder / "target")


def _segments() -> dict[int, np.ndarray]:  # type: ignore[type-arg]
    first, second = np.zeros((2, *GRID.shape), bool)
    first[1:3, 2:6, 2:5] = True
    second[2:4, 4:9, 3:7] = True
    return {1: first, 2: second}


def _seg(kind: str) -> Callable[[Path], Geometry]:
    def build(folder: Path) -> Geometry:
        names = {1: "GTV", 2: "Node"}
        write_seg(folder / "target.dcm", SegSpec(GRID, _segments(), names, kind=kind))
        return GRID

    return build


def _structures(folder: Path) -> Geometry:
    turn = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    ring = np.stack([np.full(16, 0.0), 4 + 2.5 * np.sin(turn), 4 + 2 * np.cos(turn)], axis=1)
    contours = [GRID.index_to_world(ring + np.array([k, 0, 0])) for k in (1, 2)]
    write_rtstruct(
        folder / "target.dcm",
        {"GTV": contours, "Node": contours[:1]},
        frame_uid=GRID.frame_of_reference_uid,
    )
    return GRID


def _volume(name: str, *, mask: bool = False) -> Callable[[Path], Geometry | None]:
    def build(folder: Path) -> Geometry | None:
        array = _segments()[1].astype(np.uint8) + 2 * _segments()[2].astype(np.uint8)
        values = array if mask else np.arange(array.size, dtype=np.int16).reshape(array.shape)
        sitk.WriteImage(to_sitk(values, GRID), str(folder / f"target_T1{name}"))
        return GRID if mask else None

    return build


def _zip(folder: Path) -> None:
    paths = _series(folder / "in")
    files = {f"study/{path.name}": path.read_bytes() for path in paths}
    (folder / "target.zip").write_bytes(packed(files))
    for path in paths:
        path.unlink()


def _tar(folder: Path) -> None:
    paths = _series(folder / "in")
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for path in paths:
            member = tarfile.TarInfo(f"study/{path.name}")
            member.size = path.stat().st_size
            archive.addfile(member, io.BytesIO(path.read_bytes()))
            path.unlink()
    (folder / "target.tar.gz").write_bytes(gzip.compress(stream.getvalue(), mtime=0))


def _archives_inside(folder: Path) -> None:
    """A zip archive of a zip archive, of a packed file, and of a mask."""
    first, *others = _series(folder / "in")
    inner = packed({path.name: path.read_bytes() for path in others})
    files = {"inner.zip": inner, "first.dcm.gz": gzip.compress(first.read_bytes(), mtime=0)}
    (folder / "target.zip").write_bytes(packed(files))
    for path in (first, *others):
        path.unlink()


def _mask_inside(folder: Path) -> Geometry:
    write_seg(folder / "seg.dcm", SegSpec(GRID, _segments(), {}))
    (folder / "target.zip").write_bytes(packed({"seg.dcm": (folder / "seg.dcm").read_bytes()}))
    (folder / "seg.dcm").unlink()
    return GRID


def _volumes_in_one_file(folder: Path) -> None:
    """Two stacks and times, told apart by dimensions, as one part of a concatenation."""
    write_enhanced(folder / "target", order=[0, 1, 2, 3], phases=3, grid=GRID)
    ds = pydicom.dcmread(folder / "target")
    for n, frame in enumerate(ds.PerFrameFunctionalGroupsSequence):
        frame.FrameContentSequence[0].StackID = str(1 + n // 8)
        frame.MRImageFrameTypeSequence = [item(ComplexImageComponent="PHASE" if n < 4 else "")]
    ds.ConcatenationUID, ds.InConcatenationNumber, ds.InConcatenationTotalNumber = "1.2", 1, 1
    ds.save_as(folder / "target")
    with contextlib.suppress(FileNotFoundError):
        (folder / "classic").rmdir()


def _seg_elsewhere(folder: Path) -> Geometry:
    """A segmentation of finer voxels in the same frame of reference."""
    affine = GRID.affine.copy()
    affine[:3, 1:3] /= 2
    fine = Geometry((4, 20, 16), affine, GRID.frame_of_reference_uid)
    segments = {n: a.repeat(2, 1).repeat(2, 2) for n, a in _segments().items()}
    segments = {n: np.roll(a, (2, 2), (1, 2)) for n, a in segments.items()}
    write_seg(folder / "target.dcm", SegSpec(fine, segments, {1: "GTV", 2: "Node"}))
    return GRID


def _directory(folder: Path) -> None:
    made = FileSet()
    for path in _series(folder / "in", tags={"StudyID": "1"}):
        made.add(path)
    made.write(folder)
    made._stage["t"].cleanup()  # or a warning says later that it was left behind
    for path in (folder / "in").iterdir():
        path.unlink()


_J = "1.2.840.10008.1.2.4."
_BUILDERS: dict[str, Callable[[Path], Geometry | None]] = {
    "plain CT": _plain,
    "implicit MR": _implicit,
    "big-endian MR": _big_endian,
    "deflated MR": _deflated,
    "RLE MR": _rle,
    "JPEG 8 bit": _encapsulated(f"{_J}50", _codec("jpeg8")),
    "JPEG lossless": _encapsulated(f"{_J}70", _codec("ljpeg")),
    "JPEG-LS": _encapsulated(f"{_J}80", _codec("jpegls")),
    "JPEG 2000": _encapsulated(f"{_J}90", _codec("jpeg2k")),
    "HTJ2K": _encapsulated(f"{_J}201", _codec("htj2k")),
    "enhanced MR": _enhanced,
    "enhanced RLE": _enhanced_rle,
    "SEG binary": _seg("BINARY"),
    "SEG fractional": _seg("FRACTIONAL"),
    "SEG label map": _seg("LABELMAP"),
    "RTSTRUCT": _structures,
    "NIfTI": _volume(".nii"),
    "NIfTI gz": _volume(".nii.gz"),
    "NRRD": _volume(".nrrd"),
    "MetaImage": _volume(".mha"),
    "NRRD detached": _volume(".nhdr"),
    "mask NIfTI": _volume(".nii", mask=True),
    "mask NRRD": _volume(".nrrd", mask=True),
    "zip": _zip,
    "tar": _tar,
    "archives inside": _archives_inside,
    "mask inside": _mask_inside,
    "enhanced volumes": _volumes_in_one_file,
    "SEG elsewhere": _seg_elsewhere,
    "DICOMDIR": _directory,
}

_REAL = (
    ("dcm_variety/pydicom_data/emri_small.dcm",),
    ("dcm_variety/pydicom_data/emri_small_RLE.dcm",),
    ("dcm_variety/pydicom_data/emri_small_big_endian.dcm",),
    ("dcm_variety/ge_ct_tilt/0[1-4].dcm",),
    ("dcm_variety/dicom2nifti/generic/anatomical/001/*",),
    ("dcm_variety/dicom2nifti/generic/anatomical/001_implicit/*",),
    ("dcm_variety/dicom2nifti/generic/compressed/001/*",),
    ("dcm_variety/dicom2nifti/generic/compressed_j2k/001/*",),
    ("dcm_variety/dicom2nifti/generic/compressed_jpeg/001/*",),
    ("dcm_variety/dicom2nifti/generic/compressed_jpegls/001/*",),
    ("dcm_variety/dicom2nifti/generic/compressed_rle/001/*",),
    ("dcm_variety/dcm_qa_enh/In/Siemens/XA10/*",),
    ("dcm_variety/dcm_qa_philips/In/Magdeburg_2014/fmri/*_0001_0[14].dcm",),
    ("cmb_crc_mr/SCAN_001/adc_image/1-0[1-4].dcm",),
    ("ibsi/sts_008/dicom/PET/image/00000[0-3].dcm",),
    ("ibsi/ibsi_1_digital_phantom/nifti/image/*.gz",),
    ("dcmqi/data/segmentations/24x38x3/seg/*", "24x38x3"),
    ("dcmqi/data/segmentations/sparse-labelmap-ppv5.dcm", "24x38x3"),
    ("dcmqi/data/segmentations/liver.dcm", "ct-3slice"),
    ("dcmqi/data/segmentations/partial_overlaps.dcm", "ct-3slice"),
    ("ibsi/sts_008/dicom/PET/mask/RS.dcm", "PET"),
)
"""Real files, with the series that a mask belongs to."""

_IMAGES = {
    "24x38x3": "dcmqi/data/segmentations/24x38x3/image",
    "ct-3slice": "dcmqi/data/segmentations/ct-3slice",
    "PET": "ibsi/sts_008/dicom/PET/image",
}


def real_samples(data: Path) -> Iterator[Sample]:
    """Samples from the shared data, where it is present."""
    from imgcompare.loading import load_course

    for pattern, *image in _REAL:
        paths = sorted(data.glob(pattern))[:4]
        if not paths:
            continue
        onto = None
        if image:
            (timepoint,) = load_course(data / _IMAGES[image[0]]).timepoints
            every = [*timepoint.series.values(), *timepoint.others]
            onto = every[0].geometry
        files = {f"{n}{path.name[-12:]}": path.read_bytes() for n, path in enumerate(paths)}
        yield Sample(pattern, files, next(iter(files)), onto)


def packed(files: dict[str, bytes]) -> bytes:
    """Zip files into one archive, the same on every day."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            member = zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, data)
    return stream.getvalue()


def deflate(data: bytes) -> bytes:
    """Compress a data set as transfer syntax DEFLATED wants it."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()
