"""Segments of a DICOM SEG land on the voxels that they were drawn on, or are refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEGLSLossless, RLELossless

from imgcompare.errors import (
    GeometryMismatchError,
    InputError,
    LabelSchemeError,
    UnreadableFileError,
)
from imgcompare.geometry import Geometry
from imgcompare.loading import load_course, read_lesions, read_mask
from tests.builders import make_geometry
from tests.loading.dicom_builder import NAME
from tests.loading.fuzz.samples import deflate
from tests.loading.mask_builder import SegSpec, write_seg

GRID = make_geometry((9, 13, 11), oblique_deg=(15.0, -10.0, 30.0))
NAMES = {1: "GTV", 2: "Node", 3: "Necrosis"}
Array = np.ndarray[Any, Any]


def blocks() -> dict[int, Array]:
    """Three asymmetric segments, the first two of which overlap."""
    made = {n: np.zeros(GRID.shape, bool) for n in (1, 2, 3)}
    made[1][1:4, 2:9, 3:6] = True
    made[1][2, 9, 4] = True
    made[2][3:7, 5:11, 4:10] = True
    made[3][8, 0:2, 0] = True
    return made


def regions(path: Any, **options: Any) -> list[Array]:
    found = read_lesions(path, onto=GRID, label_scheme="instances", **options)
    return [np.asarray(lesion.region.array) for lesion in found]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("keep_empty", [False, True])
def test_overlapping_sparse_segments_in_any_order(
    tmp_path: Path, keep_empty: bool, reverse: bool
) -> None:
    spec = SegSpec(GRID, blocks(), NAMES, keep_empty=keep_empty, reverse=reverse)
    path = write_seg(tmp_path / "seg.dcm", spec)
    for found, drawn in zip(regions(path), blocks().values(), strict=True):
        np.testing.assert_array_equal(found, drawn)
    with pytest.raises(InputError, match="overlap"):
        read_mask(path, onto=GRID)
    with pytest.raises(LabelSchemeError, match="3 segments: 1 GTV, 2 Node, 3 Necrosis"):
        read_lesions(path, onto=GRID)
    (chosen,) = read_lesions(f"{path}#node", onto=GRID)
    np.testing.assert_array_equal(chosen.region.array, blocks()[2])
    assert chosen.name == "2 Node"
    assert chosen.fill is None
    (joined,) = read_lesions(path, onto=GRID, label_scheme="binary")
    np.testing.assert_array_equal(joined.region.array, np.any(list(blocks().values()), axis=0))


@pytest.mark.parametrize("padding", [None, 5])
def test_label_maps_and_their_background(tmp_path: Path, padding: int | None) -> None:
    apart = {n: a for n, a in blocks().items() if n != 2}
    spec = SegSpec(
        GRID, apart, NAMES, kind="LABELMAP", padding=padding, background=7, keep_empty=True
    )
    path = write_seg(tmp_path / "seg.dcm", spec)
    labels = read_mask(path, onto=GRID)
    np.testing.assert_array_equal(labels.array, apart[1] + 3 * apart[3].astype(np.uint8))
    assert len(regions(path)) == 2


def test_label_that_is_no_segment_is_refused(tmp_path: Path) -> None:
    path = write_seg(tmp_path / "seg.dcm", SegSpec(GRID, blocks(), NAMES, kind="LABELMAP"))
    ds = pydicom.dcmread(path)
    ds.PixelData = ds.PixelData.replace(b"\x03", b"\x09")
    ds.save_as(path)
    with pytest.raises(UnreadableFileError, match="label 9, which is none of its segments"):
        regions(path)


def test_occupancy_is_partial_volume_and_probability_is_not(tmp_path: Path) -> None:
    part = blocks()[1] * np.linspace(0.1, 1.0, GRID.shape[1])[:, None]
    part = np.rint(part * 200) / 200
    spec = SegSpec(GRID, {1: part}, NAMES, kind="FRACTIONAL", maximum=200)
    (lesion,) = read_lesions(write_seg(tmp_path / "a.dcm", spec), onto=GRID)
    assert lesion.fill is not None
    start = lesion.fill.geometry.offset_in(GRID)
    box = tuple(slice(a, a + n) for a, n in zip(start, lesion.fill.array.shape, strict=True))
    np.testing.assert_allclose(lesion.fill.array, part[box], atol=1e-6)
    assert lesion.fill.array.sum() == pytest.approx(part.sum(), rel=1e-5)
    assert "occupancies" in lesion.notes[0]
    spec = SegSpec(GRID, {1: part}, NAMES, kind="FRACTIONAL", fractional="PROBABILITY")
    (lesion,) = read_lesions(write_seg(tmp_path / "b.dcm", spec), onto=GRID)
    assert lesion.fill is None
    np.testing.assert_array_equal(lesion.region.array, part >= 0.5)
    assert "probabilities: voxels of 50% or more" in lesion.notes[0]


def test_fraction_above_the_stated_maximum_is_refused(tmp_path: Path) -> None:
    spec = SegSpec(GRID, {1: blocks()[1]}, NAMES, kind="FRACTIONAL", maximum=200)
    path = write_seg(tmp_path / "seg.dcm", spec)
    ds = pydicom.dcmread(path)
    ds.MaximumFractionalValue = 100
    ds.save_as(path)
    with pytest.raises(UnreadableFileError, match="fractions of 200"):
        regions(path)


def test_cropped_and_turned_frames_coincide(tmp_path: Path) -> None:
    """Part of the image, stored with other rows, columns and slices, is exact."""
    drawn = blocks()[1]
    affine = GRID.affine.copy()
    affine[:3, 3] = GRID.index_to_world((6, 1, 10))
    affine[:3, :3] = GRID.affine[:3, :3] @ np.array([[-1, 0, 0], [0, 0, 1], [0, -1, 0]])
    turned = drawn[6:0:-1, 1:12, 10:1:-1].transpose(0, 2, 1)
    grid = Geometry(turned.shape, affine, GRID.frame_of_reference_uid)
    path = write_seg(tmp_path / "seg.dcm", SegSpec(grid, {1: turned}, NAMES))
    (found,) = regions(path)
    np.testing.assert_array_equal(found, drawn)


def test_frames_across_the_slices(tmp_path: Path) -> None:
    """A segmentation drawn on sagittal planes of an axial image lands on its voxels."""
    drawn = blocks()[2]
    order = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]])  # slice, row, column from i, k, j
    affine = GRID.affine.copy()
    affine[:3, :3] = GRID.affine[:3, :3] @ np.linalg.inv(order)
    array = np.transpose(drawn, (2, 0, 1))
    grid = Geometry(array.shape, affine, GRID.frame_of_reference_uid)
    np.testing.assert_allclose(grid.index_to_world((1, 2, 3)), GRID.index_to_world((2, 3, 1)))
    path = write_seg(tmp_path / "seg.dcm", SegSpec(grid, {1: array}, NAMES))
    (found,) = regions(path)
    np.testing.assert_array_equal(found, drawn)


@pytest.mark.parametrize("what", ["spacing", "shift", "turn", "outside"])
def test_another_grid_is_refused_naming_both(tmp_path: Path, what: str) -> None:
    affine = GRID.affine.copy()
    if what == "spacing":
        affine[:3, 1] *= 1.1
    elif what == "turn":
        affine = make_geometry(GRID.shape, oblique_deg=(15.0, -10.0, 32.0)).affine
    else:
        affine[:3, 3] += affine[:3, 2] * (0.2 if what == "shift" else 7)
    grid = Geometry(GRID.shape, affine, "")  # without a frame of reference nothing is resampled
    path = write_seg(tmp_path / "seg.dcm", SegSpec(grid, {2: blocks()[2]}, NAMES))
    with pytest.raises(GeometryMismatchError) as caught:
        read_lesions(path, onto=GRID, what="T1C of 2024-01-10")
    for part in ("seg.dcm", "T1C of 2024-01-10", str(GRID), "1x13x11 voxels"):
        assert part in str(caught.value)


def test_writers_rounding_is_no_other_grid(tmp_path: Path) -> None:
    affine = np.round(GRID.affine, 3)
    grid = Geometry(GRID.shape, affine, GRID.frame_of_reference_uid)
    path = write_seg(tmp_path / "seg.dcm", SegSpec(grid, {2: blocks()[2]}, NAMES))
    (found,) = regions(path)
    np.testing.assert_array_equal(found, blocks()[2])


def test_another_frame_of_reference_is_refused_naming_both(tmp_path: Path) -> None:
    grid = Geometry(GRID.shape, GRID.affine, "1.2.3")
    path = write_seg(tmp_path / "seg.dcm", SegSpec(grid, blocks(), NAMES))
    with pytest.raises(GeometryMismatchError) as caught:
        regions(path, what="T1C")
    for part in ("seg.dcm", "T1C", "1.2.3", GRID.frame_of_reference_uid):
        assert part in str(caught.value)


def damaged(path: Path, **values: Any) -> Path:
    ds = pydicom.dcmread(path)
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    ds.save_as(path)
    return path


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"Rows": 65535, "Columns": 65535, "NumberOfFrames": 10000}, "claims 42,948,362,250,000"),
        ({"NumberOfFrames": 3}, "describes 9 frames but claims 3"),
        ({"PixelData": bytes(4)}, "is truncated"),
        ({"SegmentationType": "OTHER"}, "unknown segmentation type"),
        ({"BitsAllocated": 12}, "12 bits"),
        ({"SegmentSequence": []}, "no segment"),
        ({"SharedFunctionalGroupsSequence": []}, "no PixelMeasuresSequence"),
    ],
)
def test_headers_that_lie_are_refused(tmp_path: Path, values: dict[str, Any], message: str) -> None:
    path = write_seg(tmp_path / "seg.dcm", SegSpec(GRID, {1: blocks()[1]}, NAMES, keep_empty=True))
    with pytest.raises(InputError, match=message):
        regions(damaged(path, **values))


def test_names_hold_no_patient(tmp_path: Path) -> None:
    names = {1: f"GTV of {NAME.split('^')[0]}", 2: "two\nlines"}
    drawn = {n: a for n, a in blocks().items() if n < 3}
    path = write_seg(tmp_path / "seg.dcm", SegSpec(GRID, drawn, names))
    with pytest.raises(LabelSchemeError, match=r"1 GTV of \[hidden\], 2 two lines"):
        read_lesions(path, onto=GRID)


def test_images_and_other_objects_are_no_masks(tmp_path: Path) -> None:
    from tests.loading.dicom_builder import SeriesSpec, write_series

    path = write_series(tmp_path, SeriesSpec())[0]
    with pytest.raises(InputError, match="holds no outlines"):
        read_lesions(path, onto=GRID)
    (tmp_path / "notes.txt").write_text("no mask")
    with pytest.raises(UnreadableFileError, match="neither DICOM nor NIfTI"):
        read_lesions(tmp_path / "notes.txt", onto=GRID)


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
@pytest.mark.parametrize("syntax", ["deflated", "deflated frames", "RLE"])
def test_compressed_segmentations(tmp_path: Path, kind: str, syntax: str) -> None:
    drawn = {1: blocks()[1], 2: blocks()[2] & ~blocks()[1]}
    path = write_seg(tmp_path / "seg.dcm", SegSpec(GRID, drawn, NAMES, kind=kind))
    ds = pydicom.dcmread(path)
    if syntax == "deflated":
        ds.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    elif syntax == "RLE":
        if kind == "BINARY":
            pytest.skip("RLE packs bytes, not bits")
        ds.compress(RLELossless)
    else:
        frames = np.atleast_3d(ds.pixel_array)
        planes = [
            np.packbits(f, bitorder="little") if kind == "BINARY" else f.astype(np.uint8)
            for f in frames
        ]
        ds.PixelData = encapsulate([deflate(p.tobytes()) for p in planes])
        ds["PixelData"].is_undefined_length = True
        ds.file_meta.TransferSyntaxUID = JPEGLSLossless  # as long as the one that pydicom knows not
    ds.save_as(path)
    if syntax == "deflated frames":
        packed = path.read_bytes().replace(JPEGLSLossless.encode(), b"1.2.840.10008.1.2.8.1\0")
        path.write_bytes(packed)
    for found, array in zip(regions(path), drawn.values(), strict=True):
        np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize(
    ("kind", "packed"),
    [("BINARY", False), ("FRACTIONAL", False), ("LABELMAP", False), ("LABELMAP", True)],
)
def test_segmentations_of_highdicom(tmp_path: Path, kind: str, packed: bool) -> None:
    highdicom = pytest.importorskip("highdicom")
    from pydicom.sr.codedict import codes
    from pydicom.uid import ExplicitVRLittleEndian

    from tests.loading.dicom_builder import SeriesSpec, write_series

    sources = [pydicom.dcmread(p) for p in write_series(tmp_path / "mr", SeriesSpec(geometry=GRID))]
    for source in sources:
        source.PatientSex = source.StudyID = source.ReferringPhysicianName = ""
    described = [
        highdicom.seg.SegmentDescription(
            segment_number=n,
            segment_label=NAMES[n],
            segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
            segmented_property_type=codes.SCT.Neoplasm,
            algorithm_type="MANUAL",
        )
        for n in (1, 2)
    ]
    drawn = {1: blocks()[1], 2: blocks()[2] & ~blocks()[1]}
    pixels = np.stack(list(drawn.values()), axis=-1).astype(
        np.float32 if kind == "FRACTIONAL" else np.uint8
    )
    made = highdicom.seg.Segmentation(
        sources,
        pixels,
        segmentation_type=kind,
        segment_descriptions=described,
        series_instance_uid="1.2.3",
        series_number=2,
        sop_instance_uid="1.2.4",
        instance_number=1,
        manufacturer="maker",
        manufacturer_model_name="model",
        software_versions="1",
        device_serial_number="1",
        transfer_syntax_uid=JPEGLSLossless if packed else ExplicitVRLittleEndian,
    )
    made.save_as(tmp_path / "seg.dcm")
    (series,) = [*load_course(tmp_path / "mr").timepoints[0].series.values()]
    found = read_lesions(tmp_path / "seg.dcm", onto=series.geometry, label_scheme="instances")
    for lesion, array in zip(found, drawn.values(), strict=True):
        np.testing.assert_array_equal(lesion.region.array, array)


def series_of(folder: Path) -> Geometry:
    (timepoint,) = load_course(folder).timepoints
    return next(iter([*timepoint.series.values(), *timepoint.others])).geometry


@pytest.mark.parametrize(
    ("seg", "image", "expected"),
    [
        ("liver.dcm", "ct-3slice", {1: ("liver_seg.nrrd", 1)}),
        (
            "partial_overlaps.dcm",
            "ct-3slice",
            {
                1: ("partial_overlaps-1.nrrd", 1),
                2: ("partial_overlaps-2.nrrd", 2),
                3: ("partial_overlaps-3.nrrd", 3),
                4: ("partial_overlaps-1.nrrd", 4),
                5: ("partial_overlaps-1.nrrd", 5),
            },
        ),
        ("24x38x3/seg/label.seg", "24x38x3/image", {1: ("24x38x3/nrrd/label.nrrd", 1)}),
        ("23x38x3/seg/label.seg", "23x38x3/image", {1: ("23x38x3/nrrd/label.nrrd", 1)}),
        ("sparse-labelmap-noppv.dcm", "24x38x3/image", {1: ("sparse_labelmap_noppv_seg.nrrd", 1)}),
        ("sparse-labelmap-ppv5.dcm", "24x38x3/image", {1: ("sparse_labelmap_ppv5_seg.nrrd", 1)}),
    ],
)
def test_label_maps_beside_dcmqis_segmentations(
    shared_data: Path, seg: str, image: str, expected: dict[int, tuple[str, int]]
) -> None:
    folder = shared_data / "dcmqi" / "data" / "segmentations"
    found = read_lesions(folder / seg, onto=series_of(folder / image), label_scheme="instances")
    assert [int(lesion.name.split()[0]) for lesion in found] == list(expected)
    for lesion, (name, value) in zip(found, expected.values(), strict=True):
        truth = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / name))) == value
        np.testing.assert_array_equal(lesion.region.array, truth)


def test_liver_of_another_series_is_refused(shared_data: Path) -> None:
    folder = shared_data / "dcmqi" / "data" / "segmentations"
    onto = series_of(folder / "23x38x3" / "image")
    with pytest.raises(GeometryMismatchError, match="different frames of reference"):
        read_lesions(folder / "24x38x3" / "seg" / "label.seg", onto=onto)


def test_overlapping_segments_are_placed_as_highdicom_places_them(shared_data: Path) -> None:
    highdicom = pytest.importorskip("highdicom")
    folder = shared_data / "dcmqi" / "data" / "segmentations"
    onto = series_of(folder / "ct-3slice")
    found = read_lesions(folder / "partial_overlaps.dcm", onto=onto, label_scheme="instances")
    placed = highdicom.seg.segread(folder / "partial_overlaps.dcm").get_volume()
    for n, lesion in enumerate(found):
        # its affine maps (slice, row, column) to LPS, as ours does, from the other end
        voxels = np.stack(np.nonzero(placed.array[..., n]), axis=1)
        index = onto.world_to_index(voxels @ placed.affine[:3, :3].T + placed.affine[:3, 3])
        drawn = np.zeros(onto.shape, bool)
        drawn[tuple(np.rint(index).astype(int).T)] = True
        np.testing.assert_array_equal(lesion.region.array, drawn)


def test_fractional_breast_mask_of_ucsf(shared_data: Path) -> None:
    """Frames at their own positions, of 42 of the image's 60 slices (highdicom cannot read it)."""
    path = shared_data / "ucsf_dce_06" / "UCSF-BR-06" / "mask" / "1-1.dcm"
    onto = series_of(shared_data / "ucsf_dce_06" / "UCSF-BR-06" / "image_dce_pe1")
    (lesion,) = read_lesions(path, onto=onto)
    ds = pydicom.dcmread(path)
    drawn = np.zeros(onto.shape, bool)
    for group, frame in zip(ds.PerFrameFunctionalGroupsSequence, ds.pixel_array, strict=True):
        place = group.PlanePositionSequence[0].ImagePositionPatient
        slice_index, row, column = np.rint(onto.world_to_index(place)).astype(int)
        assert (row, column) == (0, 0)
        drawn[slice_index] = frame == 255
    np.testing.assert_array_equal(lesion.region.array, drawn)
    assert lesion.fill is not None
    assert float(lesion.fill.array.sum()) == drawn.sum() > 0
    assert "occupancies" in lesion.notes[0]
