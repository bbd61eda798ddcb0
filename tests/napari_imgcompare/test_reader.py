"""Dropped paths: cheap to judge, never raising, opened the right way round."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from napari_imgcompare import layers, opening, reader
from napari_imgcompare.opening import Offer, offers, open_image, preferred
from napari_imgcompare.windows import window_tags
from napari_imgcompare.writer import write_labels

from imgcompare.errors import InputError, OutputError
from imgcompare.geometry import Geometry
from imgcompare.reporting.nifti import nifti_bytes
from tests.builders import make_geometry, make_volume
from tests.napari_imgcompare.conftest import SAMPLE


@given(
    path=st.one_of(st.none(), st.integers(), st.text(max_size=30), st.lists(st.text(), max_size=3))
)
def test_judging_a_path_never_raises(path: Any) -> None:
    assert reader.get_reader(path) is None or callable(reader.get_reader(path))


def test_a_text_file_is_left_to_others(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("no scan" * 50)
    assert reader.get_reader(str(other)) is None
    assert reader.get_reader(str(tmp_path)) is reader.read


def test_a_study_is_listed_by_visit_and_role() -> None:
    listed = offers([SAMPLE])
    assert {o.series[0].role.value for o in listed if o.preferred} == {"T1", "T1C", "T2", "FLAIR"}
    assert len(preferred(listed)) == opening.FEW


def test_many_series_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def choose(listed: Any) -> Any:
        asked.append(len(listed))
        return [o for o in listed if o.series[0].role == "T1C"]

    monkeypatch.setattr(reader, "_chooser", lambda: choose)
    found = reader.read(str(SAMPLE))
    assert asked == [len(offers([SAMPLE]))]
    assert [name["name"] for _, name, _ in found] == ["T1C 2024-01-10", "T1C 2024-03-06"]
    assert all(kind == "image" for *_, kind in found)


def test_closing_the_chooser_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_chooser", lambda: lambda listed: [])
    assert reader.read(str(SAMPLE)) == [(None,)]


@pytest.mark.parametrize("slices", [3, 4])
def test_a_few_sagittal_slices_are_no_colours(tmp_path: Path, slices: int) -> None:
    from napari.layers import Layer

    affine = np.array([[5.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
    grid = Geometry((slices, 20, 30), affine)
    voxels = np.arange(slices * 600, dtype=np.float32).reshape(grid.shape)
    file = tmp_path / "localizer.nii.gz"
    file.write_bytes(nifti_bytes(voxels, grid))
    volume = opening.open_image(file)
    stack = layers.stack_layer([volume[1]["metadata"][layers.KEY]["volume"]] * 2, "x", step="phase")
    for data, ndim in ((volume, 3), (stack, 4)):
        layer = Layer.create(*data)
        assert layer.ndim == ndim
        assert not layer.rgb


def test_a_file_stands_for_its_series() -> None:
    file = next(o for o in offers([SAMPLE]) if o.series[0].role == "FLAIR").series[0].files[0]
    (layer,) = reader.read(str(file))
    assert layer[1]["name"].startswith("FLAIR")


def test_grey_levels_come_from_the_window_tags() -> None:
    series = next(o for o in offers([SAMPLE]) if o.preferred).series[0]
    import pydicom

    middle = pydicom.dcmread(sorted(series.files)[len(series.files) // 2])
    low, high = window_tags(series)
    assert (low + high) / 2 == pytest.approx(float(middle.WindowCenter) - 0.5)
    assert high - low == pytest.approx(float(middle.WindowWidth) - 1)
    (layer,) = opening.open_offers([next(o for o in offers([SAMPLE]) if o.preferred)])
    assert layer[1]["contrast_limits"] == (low, high)


def test_an_empty_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is empty|Nothing"):
        reader.read(str(tmp_path))


def test_phases_on_one_grid_become_a_slider() -> None:
    listed = offers([SAMPLE])
    one = listed[0]
    (data, keywords, _) = opening._offer_layer(
        Offer(one.course, one.timepoint, (one.series[0], one.series[0]), False)
    )
    assert data.ndim == 4
    assert keywords["axis_labels"] == ("phase", "S", "P", "L")
    assert keywords["units"] == ("pixel", "mm", "mm", "mm")


@pytest.mark.parametrize("oblique", [(0.0, 0.0, 0.0), (12.0, 4.0, 0.0)])
def test_labels_are_saved_on_their_scans_grid(tmp_path: Path, oblique: Any) -> None:
    from napari.layers import Layer

    grid = make_geometry((11, 30, 34), oblique_deg=oblique)
    labels = np.zeros(grid.shape, dtype=np.uint8)
    labels[3:8, 8:22, 10:26] = 3
    file = tmp_path / "timepoint-0_tissues.nii.gz"
    file.write_bytes(nifti_bytes(labels, grid))
    layer = Layer.create(*open_image(file))
    target = tmp_path / "saved.nii.gz"
    write_labels(str(target), *layer.as_layer_data_tuple()[:2])
    again = Layer.create(*open_image(target))
    found = again.metadata["imgcompare"]["labels"]
    assert found.geometry == grid
    agreement = (found.array == labels).mean()
    assert agreement == 1.0 if oblique == (0.0, 0.0, 0.0) else agreement > 0.97


def test_a_drawn_layer_is_saved_where_it_lies(tmp_path: Path) -> None:
    from napari.layers import Labels

    drawn = np.zeros((6, 8, 10), dtype=np.uint8)
    drawn[2, 3, 4] = 1
    layer = Labels(drawn, scale=(3, 1, 2), translate=(10, 20, 30))
    target = tmp_path / "mask.nii.gz"
    write_labels(str(target), *layer.as_layer_data_tuple()[:2])
    import nibabel

    image = nibabel.load(target)
    (index,) = np.argwhere(np.asarray(image.dataobj) == 1)
    right, front, up = (image.affine @ [*index, 1])[:3]
    assert (-right, -front, up) == pytest.approx((30 + 4 * 2, 20 + 3 * 1, 10 + 2 * 3))


def test_a_4d_layer_is_not_saved_as_labels(tmp_path: Path) -> None:
    from napari.layers import Labels

    layer = Labels(np.zeros((2, 3, 4, 5), dtype=np.uint8))
    with pytest.raises(OutputError, match="three-dimensional"):
        write_labels(str(tmp_path / "x.nii.gz"), *layer.as_layer_data_tuple()[:2])


def test_an_image_file_opens_in_millimetres(tmp_path: Path) -> None:
    volume = make_volume()
    file = tmp_path / "t1.nii.gz"
    file.write_bytes(nifti_bytes(volume.array.astype(np.float32), volume.geometry))
    (data, keywords, kind) = open_image(file)
    assert kind == "image"
    assert keywords["units"] == ("mm",) * 3
    assert keywords["scale"] == pytest.approx(volume.geometry.spacing_mm)
    assert data.shape == volume.geometry.shape
