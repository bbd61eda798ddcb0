"""One comparison shared by the tests that only look at it."""

from pathlib import Path

import pytest

from imgcompare.model import Comparison, finish
from imgcompare.reporting import write_comparison
from tests.reporting.builders import make_comparison


@pytest.fixture(scope="session")
def input_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("input")


@pytest.fixture(scope="session")
def comparison(input_folder: Path) -> Comparison:
    return make_comparison(folder=input_folder)


@pytest.fixture(scope="session")
def written(comparison: Comparison, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return finish(write_comparison(comparison, tmp_path_factory.mktemp("out") / "results"))
