import csv

import numpy as np
import pytest
import SimpleITK as sitk

from imgcompare.geometry import from_sitk
from imgcompare.measurement import measure_lesion
from imgcompare.measurement.shape import (
    mesh_diameters,
    mesh_volume_mm3,
    surface_area_mm2,
    voxel_volume_mm3,
)
from imgcompare.model import Tissue
from tests.builders import ellipsoid, make_geometry
from tests.measurement.shapes import LESION, aligned_with, segmentation_of

PYRADIOMICS_TOLERANCE = 0.03  # of its own test suite


def read(path, label=1):
    image = sitk.ReadImage(str(path))
    return sitk.GetArrayFromImage(image) == label, from_sitk(image)


def test_ibsi_digital_phantom(shared_data):
    with (shared_data / "ibsi" / "ibsi_1_dig_phantom.csv").open() as file:
        rows = csv.DictReader(file, delimiter=";")
        known = {
            r["tag"]: pytest.approx(float(r["reference value"]), abs=float(r["tolerance"]))
            for r in rows
            if r["reference value"]
        }
    folder = shared_data / "ibsi" / "ibsi_1_digital_phantom" / "nifti"
    mask, geometry = read(folder / "mask" / "mask.nii.gz")
    assert mesh_volume_mm3(mask, geometry) == known["morph_volume"]
    assert voxel_volume_mm3(mask, geometry) == known["morph_vol_approx"]
    assert surface_area_mm2(mask, geometry) == known["morph_area_mesh"]
    assert mesh_diameters(mask, geometry).any_direction == known["morph_diam"]
    fraction = mask.astype(np.float32)
    rows = measure_lesion(
        segmentation_of({Tissue.NON_ENHANCING: fraction}, geometry),
        aligned_with(fraction, geometry),
        lesion=LESION,
    )
    reported = {(m.compartment, m.quantity): m.value for m in rows}
    assert 1000.0 * reported["whole", "volume"] == known["morph_vol_approx"]
    assert reported["whole", "diameter_3d"] == known["morph_diam"]


@pytest.mark.parametrize("case", ["brain1", "brain2", "breast1", "lung1", "lung2"])
def test_pyradiomics_baseline(shared_data, case):
    folder = shared_data / "pyradiomics" / "data"
    with (folder / "baseline" / "baseline_shape.csv").open(newline="") as file:
        known = {r["featureName"]: r[case] for r in csv.DictReader(file)}
    mask, geometry = read(folder / f"{case}_label.nrrd")

    def shape(name, tolerance=1e-6):
        return pytest.approx(float(known[f"original_shape_{name}"]), rel=tolerance)

    found = mesh_diameters(mask, geometry)
    assert voxel_volume_mm3(mask, geometry) == shape("VoxelVolume")
    assert found.any_direction == shape("Maximum3DDiameter")
    assert found.in_slice == shape("Maximum2DDiameterSlice")
    assert found.in_row_plane == shape("Maximum2DDiameterColumn")
    assert found.in_column_plane == shape("Maximum2DDiameterRow")
    assert mesh_volume_mm3(mask, geometry) == shape("MeshVolume", PYRADIOMICS_TOLERANCE)
    assert surface_area_mm2(mask, geometry) == shape("SurfaceArea", PYRADIOMICS_TOLERANCE)
    assert mesh_volume_mm3(mask, geometry) != shape("VoxelVolume")


def test_shape_figures_do_not_depend_on_orientation():
    straight = make_geometry()
    mask = ellipsoid(straight, straight.centre_mm, (6.0, 5.0, 9.0))
    turned = make_geometry(oblique_deg=(10.0, 25.0, -40.0))
    for figure in (mesh_volume_mm3, surface_area_mm2, voxel_volume_mm3):
        assert figure(mask, turned) == pytest.approx(figure(mask, straight))
    assert mesh_diameters(mask, turned).in_slice == pytest.approx(
        mesh_diameters(mask, straight).in_slice
    )
    assert mesh_diameters(np.zeros_like(mask), straight).any_direction == 0.0
