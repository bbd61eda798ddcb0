"""One comparison shared by the tests that only look at it."""

from pathlib import Path

import pytest

from imgcompare.model import Comparison, finish
from imgcompare.reporting import write_comparison
from imgcompare.reporting.dicom_objects import DicomFiles, dicom_files
from tests.reporting.builders import make_comparison
from tests.reporting.dicom_case import make_case, write_visits


@pytest.fixture(scope="session")
def input_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("input")


@pytest.fixture(scope="session")
def comparison(input_folder: Path) -> Comparison:
    return make_comparison(folder=input_folder)


@pytest.fixture(scope="session")
def written(comparison: Comparison, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return finish(write_comparison(comparison, tmp_path_factory.mktemp("out") / "results"))


@pytest.fixture(scope="session")
def dicom_case(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    return make_case(write_visits(tmp_path_factory.mktemp("visits")))


@pytest.fixture(scope="session")
def objects(dicom_case: Comparison) -> DicomFiles:
    pytest.importorskip("highdicom")
    return dicom_files(dicom_case)
