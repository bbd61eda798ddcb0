"""Every message that docs/loading.md quotes is one that the loader gives, and all kinds are quoted.

Numbers and file names in the page are examples: messages are compared without them.
"""

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest

from imgcompare.errors import ImgCompareError
from imgcompare.loading import scan
from tests.builders import make_geometry
from tests.loading.dicom_builder import SeriesSpec, write_series
from tests.loading.enhanced_builder import item
from tests.loading.hard_cases import PET_TAGS, dose
from tests.loading.odd_frames import concatenation
from tests.loading.scanned import sheared, write_at

PAGE = Path(__file__).resolve().parents[2] / "docs" / "loading.md"


def plain(text: str) -> str:
    """A message without its numbers, file names and lists of gaps."""
    text = re.sub(r"\(([^()]*(?:\.dcm|04[0-9a-f]{4,}|IM\d+|edited|other)[^()]*)\)", "()", text)
    text = re.sub(r"gaps of (?:[\d.]+ mm \(\d+×\)(?:, )?)+", "gaps of ", text)
    text = re.sub(r"0(?:, 0)+", "0", re.sub(r"-?\d[\d,.]*\d|\d", "0", text))
    return " ".join(re.sub(r"\b[\w/.]+\.(?:zip|dcm|tar|tgz|7z|hdr)\b", "FILE", text).split())


QUOTED = [plain(q) for q in re.findall(r"`([^`]+)`", PAGE.read_text(encoding="utf-8"))]


def is_quoted(message: str) -> bool:
    """Whether the page quotes a message, or a good part of it."""
    said = plain(message)
    return any(q == said or (len(q) >= 20 and q in said) for q in QUOTED)


def messages(folder: Path) -> list[str]:
    """Everything that a scan says: problems, refusals, decisions on splits and grids."""
    try:
        result = scan(folder)
    except ImgCompareError as error:
        return [str(error)]
    found = list(result.problems)
    for course in result.courses:
        found += [p for p in course.problems if "series " not in p and "file(s)" not in p]
        found += [d.reason for d in course.decisions if "split" in d.choice or "even" in d.choice]
        for timepoint in course.timepoints:
            for series in (*timepoint.series.values(), *timepoint.others):
                found += [*series.problems, series.refusal]
    return [m for m in found if m and not m.startswith("role doubtful")]


def two_kinds(folder: Path, first: dict[str, object], second: dict[str, object]) -> None:
    for n, tags in enumerate((first, second)):
        spec = SeriesSpec(series_uid="1.2", study_uid="1", tags=tags, start_number=1 + 50 * n)
        write_series(folder, spec, seed=n)


def localizer(folder: Path) -> None:
    for n, angle in enumerate((0.0, 90.0)):
        grid = make_geometry((3, 6, 6), oblique_deg=(angle, 0.0, 0.0))
        write_series(folder, SeriesSpec("scout", geometry=grid, series_uid="1.2"), seed=n)


def cut(folder: Path) -> None:
    path = write_series(folder, SeriesSpec())[6]
    path.write_bytes(path.read_bytes()[:-100])


def broken(folder: Path) -> None:
    path = write_series(folder, SeriesSpec())[6]
    path.with_name("broken.dcm").write_bytes(path.read_bytes()[:300])


def copies(folder: Path, **changes: object) -> None:
    dataset = pydicom.dcmread(write_series(folder, SeriesSpec(slope=1.0))[4])
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    dataset.save_as(folder / "other")


def too_deep(folder: Path) -> None:
    data = b""
    for name in "edcb":
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as outer:
            outer.writestr(f"{name}.zip", data)
        data = file.getvalue()
    (folder / "a.zip").write_bytes(data)


def two_dates(folder: Path) -> None:
    for n in range(2):
        spec = SeriesSpec(study_uid="1.1", date=f"2024011{n}")
        write_series(folder, spec, seed=n)


def visits(folder: Path, tags: dict[str, object]) -> None:
    for n in range(2):
        write_series(folder / str(n), SeriesSpec(tags=tags))


def two_names(folder: Path) -> None:
    for n, name in enumerate(("A^B", "C^D")):
        write_series(folder, SeriesSpec(date=f"2024011{n}", tags={"PatientName": name}), seed=n)


def some_state(folder: Path) -> None:
    for path in write_series(folder, SeriesSpec(tags={"EchoTime": 12}))[::2]:
        dataset = pydicom.dcmread(path)
        del dataset.EchoTime
        dataset.save_as(path)


def stations(folder: Path) -> None:
    for n in range(3):
        grid = make_geometry((6, 4, 5), origin_mm=(0.0, 0.0, 12.0 * n))
        spec = SeriesSpec(
            geometry=grid,
            series_uid="1.2",
            study_uid="1",
            tags={"AcquisitionNumber": n},
            start_number=1 + 6 * n,
        )
        write_series(folder, spec, seed=n)


def lost(folder: Path, which: slice) -> None:
    tags = {"ImagesInAcquisition": 9, "NumberOfSlices": 9, "SpacingBetweenSlices": 3.0}
    paths = write_series(folder, SeriesSpec(geometry=make_geometry((9, 4, 5)), tags=tags))
    for path in set(paths) - set(paths[which]):
        path.unlink()


def lost_phase(folder: Path) -> None:
    for n in range(2):
        tags = {"TemporalPositionIdentifier": n + 1, "NumberOfTemporalPositions": 3}
        spec = SeriesSpec(series_uid="1.2", study_uid="1", tags=tags, start_number=1 + 11 * n)
        write_series(folder, spec, seed=n)


def no_number(folder: Path) -> None:
    for path in write_series(folder, SeriesSpec(slope=2.5)):
        path.write_bytes(path.read_bytes().replace(b"2.5 ", b"2,5 "))


def nifti_nowhere(folder: Path) -> None:
    image = nibabel.Nifti1Image(np.zeros((4, 5, 6), np.int16), None)
    image.header.set_xyzt_units("micron")
    nibabel.save(image, folder / "t1.nii.gz")


def locked(folder: Path) -> None:
    with zipfile.ZipFile(folder / "locked.zip", "w") as file:
        file.writestr("a", b"")
    data = bytearray((folder / "locked.zip").read_bytes())
    data[data.rfind(b"PK\1\2") + 8] |= 1
    (folder / "locked.zip").write_bytes(data)


def series(**spec: object) -> Callable[[Path], object]:
    return lambda folder: write_series(folder, SeriesSpec(**spec))  # type: ignore[arg-type]


def thickness(value: str) -> dict[int, dict[str, str]]:
    return {k: {"SliceThickness": value} for k in range(9)}


WEIGHTLESS = {
    **PET_TAGS,
    "PatientWeight": 0,
    "RadiopharmaceuticalInformationSequence": [dose()],
}
UNEVEN = (0.0, 2.5, 5.5, 8.5, 11.2, 14.2, 17.0)
TILTED = sheared((5, 6, 7), (0.0, 1.0, 3.0))

SITUATIONS: dict[str, Callable[[Path], object]] = {
    "not opened": lambda folder: (folder / "scans.7z").write_bytes(b"x"),
    "damaged tar": lambda folder: (folder / "scans.tar").write_bytes(b"x"),
    "too deep": too_deep,
    "two dates": two_dates,
    "no times": lambda f: visits(f, {"StudyDate": "19000101", "StudyTime": "000000"}),
    "no dates": lambda f: visits(f, {"StudyDate": None, "StudyTime": None}),
    "two names": two_names,
    "some state": some_state,
    "stations": stations,
    "lost at an end": lambda f: lost(f, slice(0, 4)),
    "every second": lambda f: lost(f, slice(0, None, 2)),
    "slope of 0": series(slope=0.0, intercept=1.0),
    "no number": no_number,
    "table": series(tags={"ModalityLUTSequence": [item(ModalityLUTType="HU")]}),
    "frames": series(tags={"NumberOfFrames": 2}),
    "no bits": series(tags={"BitsStored": 0}),
    "concatenation": lambda f: concatenation(f, without=2),
    "lost phase": lost_phase,
    "PET without weight": lambda f: write_series(
        f, SeriesSpec("FDG", modality="PT", tags=WEIGHTLESS)
    ),
    "no position in NIfTI": nifti_nowhere,
    "pair": lambda folder: (folder / "t1.hdr").write_bytes(bytes(348)),
    "locked": locked,
    "broken": broken,
    "localizer": localizer,
    "kinds": lambda f: two_kinds(
        f,
        {"EchoTime": 12, "ImageType": ["ORIGINAL", "PRIMARY"]},
        {"EchoTime": 90, "ImageType": ["DERIVED", "PRIMARY"]},
    ),
    "phases": lambda f: two_kinds(f, {"ContentTime": "1010"}, {"ContentTime": "1020"}),
    "instance order": lambda f: two_kinds(f, {}, {}),
    "thickness": lambda f: write_at(
        f,
        [0, 4, 8, 12, 19, 26, 33],
        tags={k: {"SliceThickness": "4" if k < 4 else "7"} for k in range(7)},
    ),
    "spacing": lambda f: write_at(f, [0, 4, 8, 12, 16, 23, 30, 37], tags=thickness("4")),
    "gap": lambda f: write_at(f, [0, 3, 6, 9, 14, 17, 20, 23]),
    "copies": lambda f: copies(f),
    "other content": lambda f: copies(f, RescaleSlope="2"),
    "one uid": series(tags={"SOPInstanceUID": "1.2.3"}),
    "tilt": series(geometry=TILTED, modality="CT"),
    "tilt tag": series(tags={"GantryDetectorTilt": "15"}),
    "gaps": series(tags={"SliceThickness": "2"}),
    "stated spacing": series(tags={"SpacingBetweenSlices": "4.5"}),
    "one slice": series(geometry=make_geometry((1, 8, 9))),
    "missing": series(skip=(4,)),
    "cut": cut,
    "uneven": lambda f: write_at(f, UNEVEN),
    "large gaps": lambda f: write_at(f, UNEVEN, tags=thickness("2.5")),
    "sideways": series(per_slice={4: {"ImagePositionPatient": [-10.0, 7.0, 43.0]}}),
    "no place": series(tags={"ImagePositionPatient": None}),
    "cosines": series(tags={"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}),
    "nothing tells apart": lambda f: write_at(f, [0.0, 3.0, 3.0, 6.0]),
    "lossy": series(tags={"LossyImageCompression": "01"}),
    "inverted": series(tags={"PhotometricInterpretation": "MONOCHROME1"}),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_what_the_loader_says_is_in_the_page(tmp_path: Path, situation: str) -> None:
    SITUATIONS[situation](tmp_path)
    said = messages(tmp_path)
    assert said
    assert [m for m in said if not is_quoted(m)] == []


def test_a_message_that_is_not_in_the_page_would_be_seen() -> None:
    assert not is_quoted("has slices of green cheese")


def test_the_page_is_linked() -> None:
    root = PAGE.parents[1]
    assert "docs/loading.md" in (root / "README.md").read_text(encoding="utf-8")
    assert "loading.md" in (PAGE.parent / "compare-your-scans.md").read_text(encoding="utf-8")
