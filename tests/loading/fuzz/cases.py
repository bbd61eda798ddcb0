"""Makes a damaged folder from a case's number, and loads it as a user would."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from imgcompare.errors import ImgCompareError
from imgcompare.loading import read_lesions, read_mask, scan, scan_as_dict
from tests.loading.fuzz.dicom_mutations import damage_dicom
from tests.loading.fuzz.samples import Sample, built_samples, real_samples
from tests.loading.fuzz.text_mutations import damage_volume


@dataclass(frozen=True)
class Case:
    """What was damaged and how, and the files that came of it."""

    number: int
    sample: Sample
    how: str
    files: dict[str, bytes]

    def __str__(self) -> str:
        return f"case {self.number}: {self.sample.name}, {self.sample.target}: {self.how}"


def all_samples(data: Path | None) -> list[Sample]:
    """Built samples, and real ones where there are any."""
    return [*built_samples(), *(real_samples(data) if data is not None and data.is_dir() else ())]


def make_case(number: int, samples: Sequence[Sample]) -> Case:
    """Make the case of a number; the same one in every process and on every day."""
    dice = random.Random(number)
    sample = samples[number % len(samples)]
    data = sample.files[sample.target]
    if sample.is_dicom:
        damaged, how = damage_dicom(data, dice)
    else:
        damaged, how = damage_volume(sample.target, data, dice)
    return Case(number, sample, how, {**sample.files, sample.target: damaged})


def start(data: str | None) -> Callable[[int], tuple[str, Callable[[], str]]]:
    """Make the samples, load each once (so that every library is there), and give the cases."""
    samples = all_samples(Path(data) if data else None)
    folder = Path(tempfile.mkdtemp(prefix="imgcompare-fuzz-"))
    for n, sample in enumerate(samples):
        run_case(Case(n, sample, "sound", sample.files), folder)

    def make(number: int) -> tuple[str, Callable[[], str]]:
        case = make_case(number, samples)
        return str(case), lambda: run_case(case, folder)

    return make


def run_case(case: Case, folder: Path) -> str:
    """Load everything in a damaged folder; say how it ended.

    Returns
    -------
    str
        ``volume``, or ``refused`` for an ImgCompareError. Any other exception is a finding, and
        leaves here.
    """
    shutil.rmtree(folder, ignore_errors=True)
    for name, data in case.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    loaded = [_load(folder)]
    if case.sample.onto is not None:
        loaded.append(_outline(folder / case.sample.target, case.sample))
    return "volume" if any(loaded) else "refused"


def _load(folder: Path) -> bool:
    """Scan a folder and read every series of it; tell whether any gave a volume."""
    try:
        result = scan(folder)
    except ImgCompareError as error:
        _require_message(error)
        return False
    scan_as_dict(result)
    volumes = 0
    for course in result.courses:
        for timepoint in course.timepoints:
            for series in (*timepoint.series.values(), *timepoint.others):
                try:
                    volume = series.load()
                except ImgCompareError as error:
                    _require_message(error)
                    continue
                assert volume.array.shape == volume.geometry.shape
                volumes += 1
    return volumes > 0


def _outline(path: Path, sample: Sample) -> bool:
    """Read a mask in both ways; tell whether it gave a lesion."""
    assert sample.onto is not None
    found = 0
    for read in (
        lambda: read_lesions(path, onto=sample.onto, label_scheme="instances"),
        lambda: read_lesions(path, onto=sample.onto),
        lambda: [read_mask(path, onto=sample.onto)],
    ):
        try:
            found += len(read())
        except ImgCompareError as error:
            _require_message(error)
    return found > 0


def _require_message(error: ImgCompareError) -> None:
    """An error says something, on one line."""
    text = str(error)
    assert text.strip(), "an error without a message"
    assert "\n" not in text, f"a message of several lines: {text!r}"
