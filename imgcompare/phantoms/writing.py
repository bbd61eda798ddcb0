"""Cases on disk: DICOM files that tell nothing by name, and the truth beside them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from imgcompare.errors import OutputError
from imgcompare.model import Progress, Quantity, Role, Steps, Volume
from imgcompare.phantoms.cases import PhantomCase, build_case
from imgcompare.phantoms.dicom import (
    SERIES_MINUTES,
    SeriesPlan,
    patient_id,
    write_localizer,
    write_series,
)
from imgcompare.phantoms.protocols import full_protocol
from imgcompare.phantoms.settings import ScanSettings
from imgcompare.phantoms.simulation import Settings, acquire, settings_for
from imgcompare.phantoms.truth import longest_diameter_mm, true_volumes

VERSION = 1
"""Raised whenever the same case would be drawn or written differently."""

TRUTH_NAME = "truth.json"

_FOLDERS_PER_STUDY = 3


def write_case(case: PhantomCase, folder: Path, *, settings: Settings | None = None) -> Steps[Path]:
    """Scan all timepoints of a case and write them as classic DICOM.

    Parameters
    ----------
    case : PhantomCase
        From ``build_case``.
    folder : Path
        Made if missing. Files get meaningless hexadecimal names and lie mixed in a few folders.
    settings : ScanSettings or mapping of Role to ScanSettings, optional
        By default the full-size protocol.

    Returns
    -------
    Steps of Path
        One Progress per series; returns ``folder``.

    Raises
    ------
    OutputError
        If the folder cannot be written.

    Notes
    -----
    ``truth.json`` holds::

        format: 1                   version of this layout and of the drawings
        case, body, description, seed: as in PhantomCase
        patient_id: PatientID of every file
        reference_role: series whose space lesion positions and diameters refer to
        timepoints: in order of date, each with
          index, date (YYYY-MM-DD), study_uid, frame_of_reference_uid
          series: role -> {series_uid, files, to_anatomy}; to_anatomy is the 4x4 matrix, by rows,
            from that series' scanner LPS mm to the anatomy LPS mm shared by all timepoints
          lesions: each with
            id                      the same lesion at every timepoint
            status                  present, new (first seen here) or absent
            site                    in words
            centre_lps_mm           a point inside the lesion, reference scanner LPS mm; null if
                                    absent
            volumes_ml              compartment -> mL, exact to 0.2 %; whole is all but oedema;
                                    compartments not listed are 0
            longest_diameter_mm     of the whole lesion in the planes of the reference series
    """
    protocol = settings if settings is not None else full_protocol(case.body)
    series_count = len(case.dates) * (len(case.roles) + 1)
    variant = _variant(protocol, case)
    truths: list[dict[str, Any]] = []
    step = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for timepoint, date in enumerate(case.dates):
            names = _Names(case, timepoint, folder)
            roles = sorted((Role.LOCALIZER, *case.roles), key=SERIES_MINUTES.__getitem__)
            series: dict[str, Any] = {}
            for number, role in enumerate(roles, start=1):
                yield Progress(step, series_count, f"Writing {role} of {date.isoformat()}")
                step += 1
                scan = _settings(protocol, case, role)
                plan = SeriesPlan(case, timepoint, role, number, scan, variant)
                if role is Role.LOCALIZER:
                    volumes = _localizer(plan)
                    count = sum(v.geometry.shape[0] for v in volumes)
                    write_localizer(plan, volumes, names.take(count))
                    continue
                volume = acquire(
                    case, timepoint, role, settings=plan.settings, frame_uid=plan.frame_uid
                )
                paths = names.take(volume.geometry.shape[0])
                write_series(plan, volume, paths)
                matrix = case.matrix(timepoint, role, motion=plan.settings.motion)
                series[str(role)] = {
                    "series_uid": plan.series_uid,
                    "files": len(paths),
                    "to_anatomy": [[round(float(v), 9) for v in row] for row in matrix],
                }
            truths.append(_timepoint_truth(case, timepoint, protocol, series))
        _write_json(folder / TRUTH_NAME, _case_truth(case, truths))
    except OSError as error:
        raise OutputError(f"The phantom cannot be written to {folder}: {error.strerror}.") from None
    return folder


def _variant(protocol: Settings, case: PhantomCase) -> str:
    """Tell scan protocols apart, so that two scans of one case never share a UID."""
    return repr([settings_for(protocol, role) for role in case.roles])


def _settings(protocol: Settings, case: PhantomCase, role: Role) -> ScanSettings:
    if role is not Role.LOCALIZER:
        return settings_for(protocol, role)
    motion = settings_for(protocol, case.reference).motion
    return ScanSettings(spacing_mm=(20.0, 2.5, 2.5), thickness_mm=8.0, motion=motion)


class _Names:
    """Hands out shuffled file names in a few folders of one study."""

    def __init__(self, case: PhantomCase, timepoint: int, folder: Path) -> None:
        source = [case.seed, timepoint, *case.name.encode(), *case.body.encode()]
        self.random = np.random.default_rng(source)
        study = folder / self._hex(4)
        self.folders = [study / self._hex(2) for _ in range(_FOLDERS_PER_STUDY)]
        for path in self.folders:
            path.mkdir(parents=True, exist_ok=True)

    def _hex(self, length: int) -> str:
        return self.random.bytes(length).hex()

    def take(self, count: int) -> list[Path]:
        """Give paths for the slices of one series."""
        choice = self.random.integers(0, len(self.folders), count)
        return [self.folders[c] / self._hex(8) for c in choice]


def _localizer(plan: SeriesPlan) -> list[Volume]:
    """Acquire three slices in each of three planes, or a CT's single projection."""
    case, motion = plan.case, plan.settings.motion
    role = case.roles[0]
    if case.body == "abdomen":
        settings = ScanSettings(
            spacing_mm=(30.0, 3.0, 3.0),
            supersampling=(6, 2, 2),
            plane="coronal",
            noise_hu=2.0,
            motion=motion,
        )
        volume = acquire(case, plan.timepoint, role, settings=settings, frame_uid=plan.frame_uid)
        middle = volume.geometry.shape[0] // 2
        mean = np.rint(volume.array.mean(axis=0, keepdims=True)).astype(np.int16)
        _, rows, columns = volume.geometry.shape
        grid = volume.geometry.crop((middle, 0, 0), (middle + 1, rows, columns))
        return [Volume(mean, grid, Quantity.HU)]
    planes = []
    for plane in ("axial", "sagittal", "coronal"):
        settings = ScanSettings(
            spacing_mm=(20.0, 3.75, 3.75),
            matrix=(3, 64, 64),
            plane=plane,
            thickness_mm=8.0,
            motion=motion,
        )
        planes.append(
            acquire(case, plan.timepoint, role, settings=settings, frame_uid=plan.frame_uid)
        )
    return planes


def _timepoint_truth(
    case: PhantomCase, timepoint: int, protocol: Settings, series: Mapping[str, Any]
) -> dict[str, Any]:
    settings = settings_for(protocol, case.reference)
    plan = SeriesPlan(case, timepoint, case.reference, 0, settings, _variant(protocol, case))
    to_anatomy = case.matrix(timepoint, case.reference, motion=settings.motion)
    back = np.linalg.inv(to_anatomy)
    volumes = true_volumes(case, timepoint)
    lesions = []
    for lesion in case.lesions:
        present = lesion.id in volumes
        centre = (back @ np.array([*lesion.centre_mm, 1.0]))[:3]
        diameter = (
            longest_diameter_mm(case, timepoint, lesion.id, settings=settings) if present else 0.0
        )
        lesions.append(
            {
                "id": lesion.id,
                "status": lesion.status(timepoint),
                "site": lesion.site,
                "centre_lps_mm": [round(float(x), 2) for x in centre] if present else None,
                "volumes_ml": {k: round(v, 4) for k, v in volumes.get(lesion.id, {}).items()},
                "longest_diameter_mm": round(diameter, 2),
            }
        )
    return {
        "index": timepoint,
        "date": case.dates[timepoint].isoformat(),
        "study_uid": plan.study_uid,
        "frame_of_reference_uid": plan.frame_uid,
        "series": dict(series),
        "lesions": lesions,
    }


def _case_truth(case: PhantomCase, timepoints: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "format": VERSION,
        "case": case.name,
        "body": case.body,
        "description": case.description,
        "seed": case.seed,
        "patient_id": patient_id(case),
        "reference_role": str(case.reference),
        "timepoints": timepoints,
    }


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def demo_case(name: str, *, timepoints: int = 2, cache: Path | None = None) -> Steps[Path]:
    """Give the folder of a full-size head case, written on first use.

    Parameters
    ----------
    name : str
        One of CASES.
    timepoints : int
        2 or 3.
    cache : Path, optional
        Where cases are kept; by default the user's cache folder.

    Returns
    -------
    Steps of Path
        Folder with DICOM files and ``truth.json``. No Progress if it was there already.

    Raises
    ------
    ConfigurationError
        If there is no such case.
    OutputError
        If the cache cannot be written; nothing half-written stays under the final name.
    """
    case = build_case(name, timepoints=timepoints)
    root = cache or Path(platformdirs.user_cache_dir("imgcompare")) / "phantoms"
    final = root / f"{name}-{timepoints}-v{VERSION}"
    if (final / TRUTH_NAME).is_file():
        return final
    partial = root / f".{final.name}-{os.getpid()}"
    try:
        yield from write_case(case, partial)
        try:
            partial.rename(final)
        except OSError as error:
            if not (final / TRUTH_NAME).is_file():  # else another process was faster
                raise OutputError(f"The demo cannot be kept in {root}: {error.strerror}.") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return final
