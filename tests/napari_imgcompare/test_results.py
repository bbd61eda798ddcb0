"""A dropped result of `compare` shows the visits' images with what was found on them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari_imgcompare import layers, reader, results
from napari_imgcompare.overlays import Kind
from napari_imgcompare.spaces import to_world

from imgcompare.errors import InputError
from imgcompare.model import finish
from imgcompare.pipeline import places
from imgcompare.reporting import write_comparison


@pytest.fixture(scope="module")
def result(told: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `compare` writes."""
    folder = tmp_path_factory.mktemp("result")
    finish(write_comparison(told.result, folder))
    return folder


@pytest.fixture(autouse=True)
def own_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where studies lie is remembered here, not in the user's folder."""
    monkeypatch.setattr(places, "_file", lambda: tmp_path / "studies.json")


def kind_of(data: Any) -> str:
    return str(data[1]["metadata"][layers.KEY].get("kind"))


def test_images_lesions_tissues_and_diameters_of_every_visit_are_shown(
    result: Path, told: Any, study: Path, truth: Any
) -> None:
    places.remember_study(told.course, [study])
    found = reader.read(str(result))
    kinds = ["image", Kind.LESIONS, Kind.TISSUES, Kind.DIAMETERS]
    assert [kind_of(data) for data in found] == [*kinds, *kinds]
    assert found[0][1]["name"] == "T1C 2024-01-10"
    assert len(found[3][0]) == len(found[7][0]) == 3  # two diameters and their figures
    centre = to_world(truth[0]["lesions"][0]["centre_lps_mm"])
    for data, keywords, _ in (found[2], found[6]):  # both in the baseline's space
        middle = np.argwhere((data > 0) & (data < 6)).mean(axis=0)
        place = middle * keywords["scale"] + keywords["translate"]
        np.testing.assert_allclose(place, centre, atol=6)


def test_without_its_scans_a_result_shows_label_maps(result: Path) -> None:
    found = reader.read(str(result))
    assert [kind for *_, kind in found] == ["labels"] * 4
    assert sum(keywords.get("visible", True) for _, keywords, _ in found) == 1


def test_a_result_without_labels_is_one_sentence(result: Path, tmp_path: Path) -> None:
    (tmp_path / "session.toml").write_text('format = 1\n[study]\nuids = ["1.2"]\n')
    with pytest.raises(InputError, match="no label maps"):
        results.open_result(tmp_path)
