"""One comparison of the committed case, shared by the tests that only look at it."""

import json
from pathlib import Path

import pytest

from imgcompare.model import Comparison
from imgcompare.options import CompareOptions, Seed
from imgcompare.pipeline import compare

SAMPLE = Path(__file__).resolve().parents[2] / "sample_scans" / "pseudoprogression_tiny"


@pytest.fixture(scope="session")
def truth() -> dict:  # type: ignore[type-arg]
    """What the committed case really holds."""
    return json.loads((SAMPLE / "truth.json").read_text())


def true_seed(truth: dict, timepoint: int, lesion: int = 0) -> Seed:  # type: ignore[type-arg]
    """Point inside a lesion, from the truth."""
    centre = truth["timepoints"][timepoint]["lesions"][lesion]["centre_lps_mm"]
    return Seed(str(timepoint), tuple(centre))


@pytest.fixture(scope="session")
def followed(truth: dict, tmp_path_factory: pytest.TempPathFactory) -> Comparison:  # type: ignore[type-arg]
    """Both lesions from a seed at baseline only, with what happened to the patient."""
    seeds = (true_seed(truth, 0, 0), true_seed(truth, 0, 1))
    events = tmp_path_factory.mktemp("events") / "events.csv"
    events.write_text("date,event,value\n2024-01-01,radiotherapy_end,60 Gy\n")
    return compare([SAMPLE], options=CompareOptions(seeds=seeds, clinical=events))
