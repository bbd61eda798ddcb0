"""Four readers' contours of one lung nodule (LIDC-IDRI 0001), and a sarcoma with a known size."""

import xml.etree.ElementTree as ET
from collections import defaultdict

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from skimage.draw import polygon2mask

from imgcompare.geometry import from_sitk, from_slices
from imgcompare.loading import load_course, read_lesions
from imgcompare.measurement import measure_lesion
from imgcompare.model import Tissue
from tests.measurement.shapes import LESION, aligned_with, segmentation_of

NAMESPACE = {"n": "http://www.nih.gov"}
READERS_MM = (32.2, 33.2, 32.0, 33.7)
READERS_MM3 = (7869, 6146, 6594, 7348)
SUBPIXELS = 8  # even, so that contour points fall between sample points


def read_stack(folder):
    slices = [pydicom.dcmread(path) for path in folder.rglob("*.dcm")]
    slices.sort(key=lambda s: float(s.ImagePositionPatient[2]))
    first = slices[0]
    return slices, from_slices(
        [s.ImagePositionPatient for s in slices],
        first.ImageOrientationPatient,
        first.PixelSpacing,
        (first.Rows, first.Columns),
    )


def covered(points, shape):
    """Part of each pixel inside a polygon of (row, column) pixel centres."""
    fine = (np.asarray(points, dtype=float) + 0.5) * SUBPIXELS - 0.5
    mask = polygon2mask((shape[0] * SUBPIXELS, shape[1] * SUBPIXELS), fine)
    return mask.reshape(shape[0], SUBPIXELS, shape[1], SUBPIXELS).mean(axis=(1, 3))


def text(element, name):
    return element.findtext(f"n:{name}", None, NAMESPACE)


def contours_by_reader(path):
    for session in ET.parse(path).getroot().findall("n:readingSession", NAMESPACE):
        by_position = defaultdict(list)
        for roi in session.findall("n:unblindedReadNodule/n:roi", NAMESPACE):
            points = [
                (int(text(p, "yCoord")), int(text(p, "xCoord")))
                for p in roi.findall("n:edgeMap", NAMESPACE)
            ]
            if len(points) > 2:
                included = text(roi, "inclusion") == "TRUE"
                by_position[float(text(roi, "imageZposition"))].append((included, points))
        yield by_position


def test_four_readers_contours_give_a_size_inside_their_spread(shared_data):
    folder = shared_data / "lidc_0001"
    slices, geometry = read_stack(folder / "dicom_small")
    corner, size = (330, 280), (100, 80)
    crop = geometry.crop((0, *corner), (len(slices), corner[0] + size[0], corner[1] + size[1]))
    image = np.zeros(crop.shape, np.float32)
    lengths, volumes = [], []
    for contours in contours_by_reader(next(folder.rglob("*.xml"))):
        fraction = np.zeros(crop.shape, np.float32)
        for k, s in enumerate(slices):
            for included, points in contours.get(float(s.ImagePositionPatient[2]), []):
                part = covered(np.array(points) - corner, size)
                fraction[k] = np.clip(fraction[k] + (part if included else -part), 0.0, 1.0)
        assert fraction.any()
        rows = measure_lesion(
            segmentation_of({Tissue.NON_ENHANCING: fraction}, crop),
            aligned_with(image, crop),
            lesion=LESION,
        )
        table = {(m.compartment, m.quantity): m.value for m in rows}
        lengths.append(table["whole", "longest_diameter"])
        volumes.append(1000.0 * table["whole", "volume"])
    assert lengths == pytest.approx(READERS_MM, rel=0.03)
    assert volumes == pytest.approx(READERS_MM3, rel=0.01)
    assert min(READERS_MM) <= np.median(lengths) <= max(READERS_MM)
    assert min(READERS_MM3) <= np.median(volumes) <= max(READERS_MM3)


@pytest.mark.parametrize("modality", ["CT", "MR_T1"])
def test_sarcoma_has_its_known_volume_and_longest_diameter(shared_data, modality):
    folder = shared_data / "ibsi" / "sts_008" / "nifti"
    mask = sitk.ReadImage(str(folder / f"{modality}_mask.nii.gz"))
    fraction = (sitk.GetArrayFromImage(mask) > 0).astype(np.float32)
    geometry = from_sitk(mask)
    rows = measure_lesion(
        segmentation_of({Tissue.NON_ENHANCING: fraction}, geometry),
        aligned_with(fraction, geometry),
        lesion=LESION,
    )
    table = {(m.compartment, m.quantity): m for m in rows}
    assert table["whole", "volume"].value == pytest.approx(27.6, rel=0.05)
    longest = table["whole", "longest_diameter"]
    assert longest.value == pytest.approx(39.0, rel=0.03)
    assert "anti-aliased" in longest.method


@pytest.mark.parametrize("modality", ["CT", "MR_T1", "PET"])
def test_sarcoma_from_its_contours(shared_data, modality):
    """Parts of voxels from the RTSTRUCT; PET voxels are 4.7 mm wide."""
    folder = shared_data / "ibsi" / "sts_008" / "dicom" / modality
    (timepoint,) = load_course(folder / "image").timepoints
    geometry = next(iter([*timepoint.series.values(), *timepoint.others])).geometry
    (lesion,) = read_lesions(folder / "mask" / "RS.dcm", onto=geometry)
    fraction = np.zeros(geometry.shape, np.float32)
    start = lesion.fill.geometry.offset_in(geometry)
    box = tuple(slice(a, a + n) for a, n in zip(start, lesion.fill.array.shape, strict=True))
    fraction[box] = lesion.fill.array
    rows = measure_lesion(
        segmentation_of({Tissue.NON_ENHANCING: fraction}, geometry),
        aligned_with(fraction, geometry),
        lesion=LESION,
    )
    table = {(m.compartment, m.quantity): m for m in rows}
    assert table["whole", "volume"].value == pytest.approx(27.6, rel=0.02)
    assert table["whole", "longest_diameter"].value == pytest.approx(39.0, abs=1.0)
