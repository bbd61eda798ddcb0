"""Voxels keep their exact real values in the smallest safe type."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import (
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from imgcompare.errors import SeriesError, UnreadableFileError
from imgcompare.loading import scan
from imgcompare.loading.decoding import decoders
from imgcompare.model import Quantity, Series, Volume
from tests.builders import make_geometry
from tests.loading.dicom_builder import SeriesSpec, write_series
from tests.loading.hard_cases import SYNTAXES, jpeg, rewrite

GRID = make_geometry((5, 12, 9))


def stored(low: int, high: int, dtype: Any) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).integers(low, high, GRID.shape, dtype=dtype)


def only(folder: Path) -> Series:
    (course,) = scan(folder).courses
    (series,) = [s for t in course.timepoints for s in (*t.series.values(), *t.others)]
    return series


def load(folder: Path, **spec: Any) -> Volume:
    write_series(folder, SeriesSpec(geometry=GRID, **spec))
    return only(folder).load()


@pytest.mark.parametrize("syntax", [None, ImplicitVRLittleEndian])
def test_hounsfield_units_stay_int16(tmp_path: Path, syntax: str | None) -> None:
    raw = stored(0, 4000, np.int16)
    more = {"syntax": syntax} if syntax else {}
    volume = load(tmp_path, array=raw, modality="CT", slope=1.0, intercept=-1024.0, **more)
    assert volume.array.dtype == np.int16
    assert volume.quantity is Quantity.HU
    np.testing.assert_array_equal(volume.array, raw - 1024)


@pytest.mark.parametrize(
    ("low", "high", "dtype", "intercept", "expected"),
    [
        (-32768, 32767, np.int16, 0.0, np.int16),
        (-32768, 32767, np.int16, -1024.0, np.int32),
        (0, 4000, np.uint16, -1024.0, np.int16),
        (0, 65535, np.uint16, 0.0, np.int32),
        (0, 65535, np.uint16, -32768.0, np.int16),
        (0, 255, np.uint8, 0.0, np.int16),
    ],
)
def test_values_never_wrap_around(
    tmp_path: Path, low: int, high: int, dtype: Any, intercept: float, expected: Any
) -> None:
    raw = stored(low, high, dtype)
    raw.flat[:2] = (low, high)
    volume = load(tmp_path, array=raw, slope=1.0, intercept=intercept)
    assert volume.array.dtype == expected
    np.testing.assert_array_equal(volume.array, raw.astype(np.int64) + int(intercept))


def test_slope_per_slice_gives_real_values(tmp_path: Path) -> None:
    raw = stored(0, 3000, np.uint16)
    slopes = [0.5, 0.25, 1.29035409, 2.0, 1.0]
    per_slice = {
        k: {"RescaleSlope": str(s), "RescaleIntercept": str(k)} for k, s in enumerate(slopes)
    }
    volume = load(tmp_path, array=raw, per_slice=per_slice)
    expected = raw * np.array(slopes)[:, None, None] + np.arange(5)[:, None, None]
    assert volume.array.dtype == np.float32
    np.testing.assert_allclose(volume.array, expected, rtol=1e-6)


@pytest.mark.parametrize("signed", [False, True])
def test_bits_above_bits_stored_are_dropped(tmp_path: Path, signed: bool) -> None:
    values = stored(-2048, 2047, np.int16) if signed else stored(0, 4095, np.int16)
    noisy = (values.astype(np.uint16) & 0x0FFF) | (stored(0, 15, np.uint16) << 12)
    raw = noisy.view(np.int16) if signed else noisy
    volume = load(tmp_path, array=raw, tags={"BitsStored": 12, "HighBit": 11})
    np.testing.assert_array_equal(volume.array, values)


def test_values_stored_in_the_high_bits(tmp_path: Path) -> None:
    values = stored(0, 4095, np.uint16)
    volume = load(tmp_path, array=values << 4, tags={"BitsStored": 12, "HighBit": 15})
    np.testing.assert_array_equal(volume.array, values)


ENCODERS = {
    JPEGLosslessSV1: lambda plane: imagecodecs.ljpeg_encode(plane),
    JPEGLSLossless: lambda plane: imagecodecs.jpegls_encode(plane),
    JPEG2000Lossless: lambda plane: imagecodecs.jpeg2k_encode(plane, codecformat="j2k", level=0),
    HTJ2KLossless: lambda plane: imagecodecs.htj2k_encode(plane),
}


@pytest.mark.parametrize("syntax", [*ENCODERS, RLELossless])
def test_compressed_planes_equal_plain_ones(tmp_path: Path, syntax: str) -> None:
    raw = stored(0, 4095, np.uint16)
    tags = {"BitsStored": 12, "HighBit": 11}
    paths = write_series(tmp_path, SeriesSpec(geometry=GRID, array=raw, tags=tags))
    for path, plane in zip(paths, raw, strict=True):
        dataset = pydicom.dcmread(path)
        if syntax == RLELossless:
            dataset.compress(RLELossless)
        else:
            dataset.PixelData = encapsulate([bytes(ENCODERS[syntax](plane))])
            dataset["PixelData"].is_undefined_length = True
            dataset.file_meta.TransferSyntaxUID = syntax
        dataset.save_as(path)
    np.testing.assert_array_equal(only(tmp_path).load().array, raw)


def test_damaged_compressed_plane_is_named(tmp_path: Path) -> None:
    paths = write_series(tmp_path, SeriesSpec(geometry=GRID))
    dataset = pydicom.dcmread(paths[2])
    dataset.PixelData = encapsulate([b"\xff\xd8 this is no picture"])
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = JPEGLSLossless
    dataset.save_as(paths[2])
    with pytest.raises(UnreadableFileError, match=paths[2].name):
        only(tmp_path).load()


def test_unknown_compression_is_refused_by_name(tmp_path: Path) -> None:
    paths = write_series(tmp_path, SeriesSpec(geometry=GRID))
    for path in paths:
        dataset = pydicom.dcmread(path)
        dataset.PixelData = encapsulate([b"movie "])
        dataset["PixelData"].is_undefined_length = True
        dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.102"
        dataset.save_as(path)
    with pytest.raises(UnreadableFileError, match="not supported"):
        only(tmp_path).load()


def test_file_removed_after_the_scan_is_named(tmp_path: Path) -> None:
    paths = write_series(tmp_path, SeriesSpec(geometry=GRID))
    series = only(tmp_path)
    paths[1].unlink()
    with pytest.raises(UnreadableFileError, match=paths[1].name):
        series.load()


def test_file_shortened_after_the_scan_is_named(tmp_path: Path) -> None:
    paths = write_series(tmp_path, SeriesSpec(geometry=GRID))
    series = only(tmp_path)
    paths[1].write_bytes(paths[1].read_bytes()[:-10])
    with pytest.raises(UnreadableFileError, match="truncated"):
        series.load()


def test_first_of_several_damaged_files_is_named_whichever_thread_meets_it(tmp_path: Path) -> None:
    grid = make_geometry((24, 3, 5))
    paths = write_series(tmp_path, SeriesSpec(geometry=grid))
    series = only(tmp_path)
    heights = [float(pydicom.dcmread(path).ImagePositionPatient[2]) for path in paths]
    up = [paths[n] for n in np.argsort(heights)]
    ordered = (
        up if grid.index_to_world((1, 0, 0))[2] > grid.index_to_world((0, 0, 0))[2] else up[::-1]
    )
    for path in ordered[5::3]:
        path.write_bytes(path.read_bytes()[:-10])
    for _ in range(5):
        with pytest.raises(UnreadableFileError, match=ordered[5].name):
            series.load()


def test_colour_images_are_refused(tmp_path: Path) -> None:
    tags = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    grid = make_geometry((3, 4, 6))
    raw = np.zeros((3, 4, 18), np.uint8)
    spec = SeriesSpec(geometry=grid, array=raw, tags={**tags, "Columns": 6})
    write_series(tmp_path, spec)
    with pytest.raises(SeriesError, match="colour"):
        only(tmp_path).load()


def test_colours_of_a_palette_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SeriesError, match="palette"):
        load(tmp_path, tags={"PhotometricInterpretation": "PALETTE COLOR"})


def test_floating_point_pixels_are_refused(tmp_path: Path) -> None:
    for path in write_series(tmp_path, SeriesSpec(geometry=GRID)):
        dataset = pydicom.dcmread(path)
        dataset.FloatPixelData = np.zeros(GRID.shape[1:], np.float32).tobytes()
        dataset.BitsAllocated = dataset.BitsStored = 32
        del dataset.PixelData
        dataset.save_as(path)
    with pytest.raises(SeriesError, match="floating-point"):
        only(tmp_path).load()


@pytest.mark.parametrize("largest", [2**31 - 1, 2**31])
def test_32_bits_without_sign_never_wrap_around(tmp_path: Path, largest: int) -> None:
    raw = stored(0, 100, np.uint32)
    raw.flat[7] = largest
    if largest > np.iinfo(np.int32).max:
        with pytest.raises(SeriesError, match="does not fit 32 bits"):
            load(tmp_path, array=raw)
    else:
        np.testing.assert_array_equal(load(tmp_path, array=raw).array, raw)


@pytest.mark.parametrize("bits", [12, 16])
@pytest.mark.parametrize("name", ["JPEG lossless (.70)", "JPEG-LS (.80)", "JPEG 2000 (.90)", "RLE"])
def test_compressed_negative_values_keep_their_sign(tmp_path: Path, name: str, bits: int) -> None:
    low = -(2 ** (bits - 1))
    raw = stored(low, -low, np.int16)
    raw.flat[:2] = (low, -low - 1)
    syntax, _, encode = SYNTAXES[name]
    mask = np.uint16(2**bits - 1)

    def unsigned(plane: np.ndarray[Any, Any]) -> bytes:
        assert encode is not None
        return encode(plane if "2000" in name else plane.view(np.uint16) & mask)

    spec = SeriesSpec(geometry=GRID, array=raw, tags={"BitsStored": bits, "HighBit": bits - 1})
    for path in write_series(tmp_path, spec):
        rewrite(path, syntax, unsigned if encode else None)
    np.testing.assert_array_equal(only(tmp_path).load().array, raw)


@pytest.mark.parametrize("predictor", range(1, 8))
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_lossless_jpeg_with_any_predictor(predictor: int, bits: int) -> None:
    """Three decoders agree, also on differences of half the range (SSSS 16)."""
    plane = np.random.default_rng(0).integers(0, 2**bits, (33, 47))
    plane = plane.astype(np.uint16 if bits > 8 else np.uint8)
    plane[3:9] = 2 ** (bits - 1)
    frame = jpeg(plane, lossless=True, predictor=predictor, bitspersample=bits)
    decoder = decoders()[JPEGLosslessSV1]
    np.testing.assert_array_equal(decoder(frame), plane)
    np.testing.assert_array_equal(imagecodecs.ljpeg_decode(frame), plane)
    np.testing.assert_array_equal(imagecodecs.jpegsof3_decode(frame), plane)


@pytest.mark.parametrize(
    ("tags", "syntax", "lossy"),
    [
        ({}, None, False),
        ({"LossyImageCompression": "00"}, None, False),
        ({"LossyImageCompression": "01"}, None, True),
        ({}, "JPEG extended, 12 bits (.51)", True),
        ({"LossyImageCompression": "00"}, "JPEG extended, 12 bits (.51)", True),
        ({}, "JPEG 2000 (.90)", False),
        ({"LossyImageCompression": "01"}, "JPEG 2000 (.90)", True),
        ({}, "JPEG 2000 lossy (.91)", True),
        ({"LossyImageCompression": "00"}, "JPEG 2000 lossy (.91)", True),
        ({}, "HTJ2K lossy (.203)", True),
    ],
)
def test_lossy_compression_is_flagged(
    tmp_path: Path, tags: dict[str, str], syntax: str | None, lossy: bool
) -> None:
    """Also compression of the past; a frame is believed more than its header."""
    array = stored(0, 4000, np.uint16)
    spec = SeriesSpec(geometry=GRID, array=array, tags={**tags, "BitsStored": 12, "HighBit": 11})
    for path in write_series(tmp_path, spec):
        if syntax:
            uid, _, encode = SYNTAXES[syntax]
            rewrite(path, uid, encode)
    series = only(tmp_path)
    assert series.acquisition.lossy is lossy
    assert ("lossy compression has changed its values" in series.problems) is lossy


def test_lossy_frames_are_flagged_against_their_header(tmp_path: Path) -> None:
    spec = SeriesSpec(geometry=GRID, array=stored(0, 4000, np.uint16))
    uid, _, encode = SYNTAXES["JPEG-LS near-lossless (.81)"]
    for path in write_series(tmp_path, replace(spec, tags={"LossyImageCompression": "00"})):
        rewrite(path, uid, encode)
    assert only(tmp_path).acquisition.lossy


def test_a_lossy_syntax_may_hold_exact_frames(tmp_path: Path) -> None:
    array = stored(0, 4000, np.uint16)
    tags = {"LossyImageCompression": "00"}
    for path in write_series(tmp_path, SeriesSpec(geometry=GRID, array=array, tags=tags)):
        rewrite(path, "1.2.840.10008.1.2.4.91", SYNTAXES["JPEG 2000 (.90)"][2])
    assert not only(tmp_path).acquisition.lossy


def test_one_lossy_slice_makes_a_series_lossy(tmp_path: Path) -> None:
    array = stored(0, 200, np.uint8)
    paths = write_series(tmp_path, SeriesSpec(geometry=GRID, array=array))
    uid, _, encode = SYNTAXES["JPEG baseline, 8 bits (.50)"]
    rewrite(paths[-1], uid, encode)
    assert only(tmp_path).acquisition.lossy


def test_header_that_claims_a_huge_image_is_refused_before_allocation(tmp_path: Path) -> None:
    write_series(tmp_path, SeriesSpec(geometry=GRID, tags={"Rows": 65535, "Columns": 65535}))
    with pytest.raises(SeriesError, match=r"truncated|claims"):
        only(tmp_path).load()


def test_loading_twice_gives_equal_independent_arrays(tmp_path: Path) -> None:
    write_series(tmp_path, SeriesSpec(geometry=GRID))
    series = only(tmp_path)
    first, second = series.load().array, series.load().array
    np.testing.assert_array_equal(first, second)
    assert not np.shares_memory(first, second)
    assert not first.flags.writeable
