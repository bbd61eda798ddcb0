"""Labels go back to DICOM on the scan they belong to, whatever they were shown beside."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from napari_imgcompare import linked, overlays
from napari_imgcompare.writer import write_labels

from imgcompare.errors import OutputError
from imgcompare.loading import read_mask
from imgcompare.model import Comparison, LabelMap, Role, Transform
from tests.builders import rotation
from tests.loading.dicom_builder import IDENTIFIER, NAME
from tests.reporting.dicom_case import FRAMES, drawn, make_case, write_visits

pytest.importorskip("highdicom")


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """A follow-up that lies askew beside the baseline, its lesion still in view."""
    made = make_case(write_visits(tmp_path_factory.mktemp("visits")))
    matrix = np.eye(4)
    matrix[:3, :3] = rotation((1.0, 2.0, -3.0))
    first, second = made.results
    aligned = replace(second.aligned, to_baseline=Transform(matrix, FRAMES[1], FRAMES[0]))
    return replace(made, results=(first, replace(second, aligned=aligned)))


def tissues_layer(case: Comparison, visit: int) -> Any:
    from napari.layers import Layer

    scene = linked.scene_of({r.index: r.aligned for r in case.results}, 0)
    result = case.results[visit]
    return Layer.create(*overlays.tissues_layer(scene, result.aligned, result.lesions))


def saved(layer: Any, path: Path) -> Path:
    assert write_labels(str(path), *layer.as_layer_data_tuple()[:2]) == [str(path)]
    return path


@pytest.mark.parametrize("visit", [0, 1])
def test_tissues_of_any_visit_are_saved_on_their_own_scan(
    visit: int, case: Comparison, tmp_path: Path
) -> None:
    path = saved(tissues_layer(case, visit), tmp_path / "tissues.dcm")
    result = case.results[visit]
    series = result.aligned.timepoint.series[Role.T1C]
    labels = read_mask(path, onto=series.geometry).array
    made = pydicom.dcmread(path)
    numbers = {s.SegmentLabel: s.SegmentNumber for s in made.SegmentSequence}
    for tissue in ("enhancing", "necrotic", "oedema"):
        expected = np.any([drawn(result, i, tissue) for i in result.lesions], axis=0)
        np.testing.assert_array_equal(labels == numbers[tissue], expected)
    assert made.StudyInstanceUID == series.study_uid
    text = path.read_bytes().decode("latin-1")
    assert not [s for s in (*NAME.split("^"), IDENTIFIER) if s in text]


def test_what_is_painted_is_saved(case: Comparison, tmp_path: Path) -> None:
    layer = tissues_layer(case, 1)
    middle = np.argwhere(layer.data == 2).mean(axis=0).astype(int)
    layer.data[tuple(slice(m - 1, m + 2) for m in middle)] = 5
    grid = case.results[1].aligned.geometry
    path = saved(layer, tmp_path / "edited.dcm")
    labels = [s.SegmentLabel for s in pydicom.dcmread(path).SegmentSequence]
    assert "haemorrhage" in labels
    before = read_mask(saved(tissues_layer(case, 1), tmp_path / "before.dcm"), onto=grid)
    after = read_mask(path, onto=grid)
    assert 0 < (before.array != after.array).sum() < 60


def test_labels_without_a_known_scan_say_what_to_do(tmp_path: Path) -> None:
    from napari.layers import Labels

    layer = Labels(np.ones((3, 4, 5), dtype=np.uint8))
    with pytest.raises(OutputError, match="Save as NIfTI"):
        saved(layer, tmp_path / "x.dcm")
    assert not (tmp_path / "x.dcm").exists()


def test_an_empty_layer_is_no_segmentation(case: Comparison, tmp_path: Path) -> None:
    layer = tissues_layer(case, 0)
    about = layer.metadata["imgcompare"]
    nothing = LabelMap(np.zeros_like(about["labels"].array), about["labels"].geometry)
    layer.metadata["imgcompare"] = {**about, "labels": nothing}
    with pytest.raises(OutputError, match="empty"):
        saved(layer, tmp_path / "x.dcm")
