"""Recognises what is DICOM but no image volume, and lists it: reports, captures, outlines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from imgcompare.loading.identity import Scrubber
from imgcompare.loading.instances import Patient, SeriesFacts
from imgcompare.model import Course

_STORAGE = "1.2.840.10008.5.1.4.1.1."

DIRECTORY_CLASS: Final = "1.2.840.10008.1.3.10"

SECONDARY_CAPTURE: Final = "secondary capture"
DOSE_REPORT: Final = "dose report"

KINDS: Final[Mapping[str, str]] = {
    "7": SECONDARY_CAPTURE,
    "11": "presentation state",
    "88": "structured report",
    "88.59": "key object selection",
    "88.67": DOSE_REPORT,
    "88.68": DOSE_REPORT,
    "88.73": DOSE_REPORT,
    "66": "raw data",
    "66.1": "registration",
    "66.2": "fiducials",
    "66.3": "registration",
    "66.4": "segmentation",
    "66.5": "surface segmentation",
    "66.6": "tractography",
    "66.7": "segmentation",
    "67": "real world value mapping",
    "4.2": "spectroscopy",
    "9": "waveform",
    "30": "parametric map",
    "104": "encapsulated document",
    "481.1": "RT image",
    "481.2": "RT dose",
    "481.3": "RT structure set",
    "481.5": "RT plan",
    "481.8": "RT plan",
}
"""What objects are, by the end of their SOP class; a shorter end covers its family (PS3.4 B.5)."""

SIEMENS_NON_IMAGE: Final = "1.3.12.2.1107.5.9.1"


@dataclass(frozen=True, slots=True)
class ListedObject:
    """DICOM objects of one kind in one series that are no image volume; listed, never stacked.

    ``subject`` and ``timepoint`` are those of the images of the same study, else empty.
    """

    kind: str
    modality: str
    description: str
    number: int | None
    count: int
    study_uid: str
    series_uid: str
    subject: str = ""
    timepoint: str = ""
    files: tuple[Path, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class FoundObject:
    """One such file as it was found."""

    path: Path
    facts: SeriesFacts

    @property
    def kind(self) -> str:
        """What it is."""
        return kind_of(self.facts)


def kind_of(facts: SeriesFacts) -> str:
    """Name the kind of an object by its SOP class, else by its modality."""
    if facts.sop_class == SIEMENS_NON_IMAGE:
        return "raw data"
    parts = facts.sop_class.removeprefix(_STORAGE).split(".")
    ends = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    known = next((KINDS[end] for end in ends if end in KINDS), None)
    if known is None or not facts.sop_class.startswith(_STORAGE):
        return f"{facts.modality or 'unnamed'} object"
    dose = any("DOSE" in t for t in (*facts.image_type, facts.description.upper()))
    return DOSE_REPORT if known == SECONDARY_CAPTURE and dose else known


def list_objects(
    found: Iterable[FoundObject],
    courses: Sequence[Course],
    scrub: Scrubber,
    *,
    images: Iterable[SeriesFacts] = (),
) -> tuple[ListedObject, ...]:
    """Count objects by series and kind, each beside the images of its study or patient.

    Parameters
    ----------
    found : iterable of FoundObject
        In any order.
    courses : sequence of Course
        What the images were arranged into.
    scrub : Scrubber
        Hides names in descriptions.
    images : iterable of SeriesFacts
        Facts of the images, which tell the patients of the courses.
    """
    groups: dict[tuple[str, str, str, int | None], list[FoundObject]] = defaultdict(list)
    for item in found:
        facts = item.facts
        groups[(facts.study_uid, facts.series_uid, item.kind, facts.number)].append(item)
    places = {
        uid: (course.subject, timepoint.name)
        for course in courses
        for timepoint in course.timepoints
        for uid in timepoint.study_uids
    }
    subjects = {_key(f.patient): places.get(f.study_uid, ("", ""))[0] for f in images}
    listed = []
    for (study, series, kind, number), items in groups.items():
        facts = items[0].facts
        date = facts.study_date.isoformat() if facts.study_date else ""
        subject, timepoint = places.get(study) or (subjects.get(_key(facts.patient), ""), date)
        listed.append(
            ListedObject(
                kind=kind,
                modality=facts.modality,
                description=scrub(facts.description),
                number=number,
                count=len(items),
                study_uid=study,
                series_uid=series,
                subject=subject,
                timepoint=timepoint,
                files=tuple(dict.fromkeys(i.path for i in items)),
            )
        )
    return tuple(sorted(listed, key=lambda o: (o.subject, o.timepoint, o.number or 0, o.kind)))


def _key(patient: Patient) -> str:
    """Give what patients are told apart by here: the identifier, else the name."""
    return patient.id or patient.name.rstrip("^").lower()


def objects_text(listed: Iterable[ListedObject]) -> list[str]:
    """Say what was recognised and is no image volume, one text per kind."""
    counts: dict[str, int] = defaultdict(int)
    for item in listed:
        counts[item.kind] += item.count
    return [
        f"{count} {_plural(kind, count)} recognised, not stacked" for kind, count in counts.items()
    ]


def _plural(kind: str, count: int) -> str:
    return kind if count == 1 or kind.endswith(("s", "data")) else f"{kind}s"
