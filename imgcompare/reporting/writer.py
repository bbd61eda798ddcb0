"""Write everything one comparison found into a folder, complete or not at all."""

from __future__ import annotations

import json
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from imgcompare.model import Comparison, Progress, Steps
from imgcompare.reporting import tables
from imgcompare.reporting.atomic import MANIFEST, staged
from imgcompare.reporting.dicom_objects import dicom_files
from imgcompare.reporting.html import report_html
from imgcompare.reporting.labels import (
    LESIONS_DESCRIPTION,
    TISSUES_DESCRIPTION,
    code_table,
    lesion_map,
    tissue_map,
)
from imgcompare.reporting.nifti import nifti_bytes
from imgcompare.reporting.provenance import input_series, provenance_document, series_digest
from imgcompare.reporting.sdtm import sdtm_files
from imgcompare.reporting.session import content_of, session_files
from imgcompare.reporting.transforms import file_stem, transform_files

HASHING_THREADS = 2

TOTAL_STEPS = 6


def write_comparison(comparison: Comparison, folder: Path) -> Steps[Path]:
    """Write tables, provenance, label maps, transforms, DICOM objects and the report.

    Parameters
    ----------
    comparison : Comparison
        What was found.
    folder : Path
        Where to write; made if missing. Files of an earlier run are replaced, files that
        imgcompare did not write are kept.

    Yields
    ------
    Progress
        Before each part.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    OutputError
        If the folder cannot be written to; it is then left as it was.
    """
    folder = Path(folder).absolute()
    with ThreadPoolExecutor(HASHING_THREADS) as pool, staged(folder) as staging:
        jobs = {s.uid: pool.submit(series_digest, s.files) for s in input_series(comparison)}
        try:
            yield from _write_all(comparison, staging, jobs)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    return folder


def _write_all(
    comparison: Comparison, staging: Path, jobs: dict[str, Future[str | None]]
) -> Generator[Progress, None, None]:
    yield Progress(0, TOTAL_STEPS, "writing tables")
    _write_tables(comparison, staging)
    yield Progress(1, TOTAL_STEPS, "writing label maps")
    _write_labels(comparison, staging)
    yield Progress(2, TOTAL_STEPS, "writing transforms")
    for name, text in transform_files(comparison).items():
        _write_text(staging / "transforms" / name, text)
    session_files(content_of(comparison), staging)
    yield Progress(3, TOTAL_STEPS, "writing DICOM objects")
    objects = dicom_files(comparison)
    for name, content in objects.files.items():
        _write_bytes(staging / name, content)
    comparison = replace(comparison, decisions=(*comparison.decisions, *objects.decisions))
    yield Progress(4, TOTAL_STEPS, "drawing the report")
    page = yield from _sub_steps(report_html(comparison), 4)
    _write_text(staging / "report.html", page)
    yield Progress(5, TOTAL_STEPS, "recording provenance")
    files = [p.relative_to(staging).as_posix() for p in staging.rglob("*") if p.is_file()]
    digests = {uid: job.result() for uid, job in jobs.items()}
    document = provenance_document(comparison, digests, sorted([*files, MANIFEST]))
    _write_json(staging / MANIFEST, document)


def _sub_steps(steps: Steps[str], step: int) -> Steps[str]:
    """Pass on the messages of a longer part as one step of the whole."""
    while True:
        try:
            inner = next(steps)
        except StopIteration as stop:
            text: str = stop.value
            return text
        yield Progress(step, TOTAL_STEPS, inner.message)


def _write_tables(comparison: Comparison, staging: Path) -> None:
    for name, columns, rows in (
        ("measurements", tables.MEASUREMENT_COLUMNS, tables.measurement_rows(comparison)),
        ("changes", tables.CHANGE_COLUMNS, tables.change_rows(comparison)),
        ("assessments", tables.ASSESSMENT_COLUMNS, tables.assessment_rows(comparison)),
        ("responses", tables.RESPONSE_COLUMNS, tables.response_rows(comparison)),
    ):
        _write_text(staging / f"{name}.csv", tables.csv_text(columns, rows))
    _write_json(staging / "assessments.json", tables.assessments_document(comparison))
    for name, text in sdtm_files([comparison]).items():
        _write_text(staging / "sdtm" / name, text)


def _write_labels(comparison: Comparison, staging: Path) -> None:
    folder = staging / "labels"
    for result in comparison.results:
        grid, stem = result.aligned.geometry, file_stem(comparison, result.index)
        tissues = nifti_bytes(tissue_map(result), grid, description=TISSUES_DESCRIPTION)
        _write_bytes(folder / f"{stem}_tissues.nii.gz", tissues)
        lesions = nifti_bytes(lesion_map(result), grid, description=LESIONS_DESCRIPTION)
        _write_bytes(folder / f"{stem}_lesions.nii.gz", lesions)
    _write_text(folder / "codes.csv", code_table())


def _write_json(path: Path, document: dict[str, Any]) -> None:
    _write_text(path, json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _write_text(path: Path, text: str) -> None:
    _write_bytes(path, text.encode("utf-8"))


def _write_bytes(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
