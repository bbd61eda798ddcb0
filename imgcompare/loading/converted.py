"""Arranges NIfTI and NRRD files into timepoints: one per folder, by file name, or by a TOML file.

The TOML file names files, dates and roles; paths are relative to it::

    subject = "any name"            # optional
    [[timepoint]]
    date = 2024-01-10               # optional: a date, or leave the order of the file
    label = "before surgery"        # optional
    [timepoint.files]
    T1 = "visit1/t1.nii.gz"
    T1C = "visit1/t1_gd.nii.gz"
"""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from imgcompare.errors import ConfigurationError, ImgCompareError, InputError
from imgcompare.loading import words
from imgcompare.loading.choice import Candidate
from imgcompare.loading.courses import Study, Subject
from imgcompare.loading.files import is_volume_file, natural_key, shown
from imgcompare.loading.identity import Scrubber
from imgcompare.loading.overrides import parse_roles
from imgcompare.loading.roles import Evidence, RoleGuess, guess_role
from imgcompare.loading.volumes import inspect, read_array, signed, stem
from imgcompare.model import Acquisition, Quantity, Role, Series, Volume

GENERIC_FOLDERS: Final = frozenset(
    ("anat", "nifti", "nii", "nrrd", "images", "image", "converted", "mr", "mri", "ct", "dwi")
)
"""Folders that sort files of one visit; the visit is the folder above."""

_MASK_WORDS = words.word(
    r"seg\w*|mask\w*|brain ?mask|labels?|gt|roi\w*|lesions?|tumou?r ?mask|annotation\w*|contour\w*"
)
_CT_WORDS = words.word(r"ct\w*|ncct|cect|nect|hu")
_PET_WORDS = words.word(r"pet|suv\w*|pt|fdg")
_FIRST_WORDS = words.word(r"baseline|bl|pre\w*|initial|screening|before|vor")
_LAST_WORDS = words.word(r"post\w*|follow\w*|fu|after|nach")
_DATES = (
    (re.compile(r"(?<!\d)(\d{4})[-_.]?(\d{2})[-_.]?(\d{2})(?!\d)"), (1, 2, 3)),
    (re.compile(r"(?<!\d)(\d{2})[-_.](\d{2})[-_.](\d{4})(?!\d)"), (3, 2, 1)),
)
_BIDS_ENTITY = re.compile(r"(?:sub|ses|run)-[A-Za-z0-9]+_?")
_CT_ROLES = frozenset((Role.CT, Role.CT_PRE, Role.CT_ARTERIAL, Role.CT_PORTAL, Role.CT_DELAYED))


@dataclass(slots=True)
class ConvertedFiles:
    """Volume and TOML files found by a walk."""

    volumes: list[tuple[Path, Path]] = field(default_factory=list)
    tables: list[tuple[Path, dict[str, Any]]] = field(default_factory=list)

    @staticmethod
    def takes(name: str) -> bool:
        """Whether a file is, by its name, one that `add` looks at."""
        return is_volume_file(name) or name.lower().endswith(".toml")

    def add(self, name: str, root: Path) -> bool:
        """Take a file if it is a volume, or a TOML file that names timepoints."""
        if is_volume_file(name):
            self.volumes.append((Path(name), root))
            return True
        if not name.lower().endswith(".toml"):
            return False
        path = Path(name)
        table = _read_toml(path, required=path == root)
        if table is None:
            return False
        self.tables.append((path, table))
        return True

    def make_subjects(
        self, *, without: set[Path], scrub: Scrubber
    ) -> tuple[list[Subject], list[str]]:
        """Group the files into subjects.

        Parameters
        ----------
        without : set of Path
            Folders with DICOM images, which win over converted copies.
        scrub : Scrubber
            Hides names in texts.

        Returns
        -------
        tuple of (list of Subject, list of str)
            Subjects, and what was left out and why.
        """
        subjects = [_subject_from_table(path, table) for path, table in self.tables]
        named = [path.parent for path, _ in self.tables]
        free, copies = [], Counter[str]()
        for path, root in self.volumes:
            if any(folder == path.parent or folder in path.parents for folder in named):
                continue
            if _beside_dicom(path, root, without) and not is_mask_name(path):
                copies[scrub(shown(path.parent, root))] += 1
            else:
                free.append((path, root))
        more, problems = _subjects_from_folders(free, scrub)
        problems += [
            f"{count} NIfTI or NRRD file(s) in {folder} left out: the DICOM images are used"
            for folder, count in copies.items()
        ]
        return subjects + more, problems


def _beside_dicom(path: Path, root: Path, dicom_folders: set[Path]) -> bool:
    """Whether DICOM images lie in, above or below the visit, or elsewhere in the subject."""
    subject, visit = _place(path, root)
    top = root if root.is_dir() else root.parent
    inside = [visit] + ([subject] if subject == top or top in subject.parents else [])
    around = {path.parent, *path.parent.parents}
    return any(
        folder in around or any(f == folder or f in folder.parents for f in inside)
        for folder in dicom_folders
    )


def is_mask_name(path: Path) -> bool:
    """Whether a file name says that it holds outlines, not an image."""
    return bool(_MASK_WORDS.search(words.normalise(stem(path))))


def _read_toml(path: Path, *, required: bool) -> dict[str, Any] | None:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        if required:
            raise ConfigurationError(f"{path.name} is no valid TOML file: {error}.") from None
        return None
    if "timepoint" not in table and not required:
        return None
    return table


def _subject_from_table(path: Path, table: dict[str, Any]) -> Subject:
    """Build a subject from a TOML file; every mistake in it is an error."""
    known = {"subject", "timepoint"}
    entries = table.get("timepoint")
    if not isinstance(entries, list) or not entries or set(table) - known:
        raise ConfigurationError(
            f"{path.name} needs [[timepoint]] tables, each with files, and may hold a subject; it "
            f"has {', '.join(sorted(table)) or 'nothing'}."
        )
    studies = tuple(_study_from_entry(path, n, entry) for n, entry in enumerate(entries))
    return Subject(str(table.get("subject", "")), studies)


def _study_from_entry(path: Path, n: int, entry: dict[str, Any]) -> Study:
    unknown = set(entry) - {"date", "label", "files"}
    files = entry.get("files")
    if unknown or not isinstance(files, dict) or not files:
        raise ConfigurationError(
            f'{path.name}, timepoint {n}: needs [timepoint.files] with ROLE = "file", and may '
            f"hold date and label" + (f"; not {', '.join(sorted(unknown))}." if unknown else ".")
        )
    when = entry.get("date")
    if isinstance(when, dt.datetime):
        when = when.date()
    if isinstance(when, str):
        when = date_in(when)
    if "date" in entry and not isinstance(when, dt.date):
        raise ConfigurationError(f"{path.name}, timepoint {n}: date must be like 2024-01-10.")
    roles = parse_roles({name: name for name in files})
    candidates = tuple(
        _candidate(
            path.parent / str(files[name]), RoleGuess(role, f"given in {path.name}"), k, Scrubber()
        )
        for k, (name, role) in enumerate(roles.items(), start=1)
    )
    return Study("", when, None, candidates, str(entry.get("label", "")), n)


def date_in(text: str) -> dt.date | None:
    """Find a date in a name: 2024-01-10, 20240110, 2024_01_10 or 10.01.2024."""
    for pattern, (year, month, day) in _DATES:
        for found in pattern.finditer(text):
            try:
                return dt.date(*(int(found.group(g)) for g in (year, month, day)))
            except ValueError:
                continue
    return None


def _subjects_from_folders(
    files: Iterable[tuple[Path, Path]], scrub: Scrubber
) -> tuple[list[Subject], list[str]]:
    """Take each folder as a visit and the folder above as the subject."""
    problems: list[str] = []
    by_visit: dict[tuple[Path, Path], list[Path]] = defaultdict(list)
    for path, root in files:
        if is_mask_name(path):
            name = scrub(shown(path, root))
            problems.append(f"file {name} looks like a mask, no image; give it with --mask")
            continue
        by_visit[_place(path, root)].append(path)
    by_subject: dict[Path, list[Study]] = defaultdict(list)
    for (subject, visit), paths in by_visit.items():
        studies, notes = _visit_studies(visit, paths, scrub)
        # A folder whose file names tell several visits is itself the subject.
        by_subject[visit if len(studies) > 1 else subject] += studies
        problems += notes
    subjects = []
    for folder, studies in by_subject.items():
        ordered = sorted(studies, key=lambda s: _label_order(s.label))
        numbered = tuple(
            Study("", s.date, None, s.candidates, s.label, n) for n, s in enumerate(ordered)
        )
        subjects.append(Subject(folder.name, numbered))
    return subjects, problems


def _place(path: Path, root: Path) -> tuple[Path, Path]:
    """Subject folder and visit folder of a file; BIDS entities win."""
    top = root if root.is_dir() else root.parent
    visit = path.parent
    below = [p for p in (visit, *visit.parents) if p == top or top in p.parents]
    subject = next((p for p in below if re.match(r"sub-", p.name)), None)
    session = next((p for p in below if re.match(r"ses-", p.name)), None)
    if subject or session:
        return subject or (session or visit).parent, session or subject or visit
    while visit.name.lower() in GENERIC_FOLDERS and visit != top:
        visit = visit.parent
    return visit.parent, visit


def _label_order(label: str) -> tuple[int, tuple[tuple[int, int, str], ...]]:
    line = words.normalise(label)
    rank = 0 if _FIRST_WORDS.search(line) else (2 if _LAST_WORDS.search(line) else 1)
    return rank, natural_key(label)


def _visit_studies(
    visit: Path, paths: Sequence[Path], scrub: Scrubber
) -> tuple[list[Study], list[str]]:
    """Make one study, or several where names repeat roles (study1_T1, study2_T1)."""
    problems, candidates = [], []
    for n, path in enumerate(sorted(paths, key=lambda p: natural_key(p.name)), start=1):
        try:
            candidates.append((path, _candidate(path, role_of_name(path), n, scrub)))
        except InputError as error:
            problems.append(scrub(str(error)))
    counts = Counter(c.role for _, c in candidates if c.role is not Role.OTHER)
    if not counts or max(counts.values()) == 1:
        groups = {visit.name: [c for _, c in candidates]}
    else:
        groups = defaultdict(list)
        for path, candidate in candidates:
            groups[_rest_of_name(path) or visit.name].append(candidate)
    studies = [
        Study("", date_in(label) or date_in(visit.name), None, tuple(group), scrub(label))
        for label, group in groups.items()
        if group
    ]
    return studies, problems


def _rest_of_name(path: Path) -> str:
    """Give what a file name says besides its role."""
    kept = [
        token
        for token in words.normalise(stem(path)).split()
        if guess_role(Evidence("MR", token)).role is Role.OTHER
        and not _CT_WORDS.search(f" {token} ")
    ]
    return " ".join(kept)


def role_of_name(path: Path) -> RoleGuess:
    """Name the role of a converted file from its name, else from its folder's."""
    for text in (_BIDS_ENTITY.sub("", stem(path)), path.parent.name):
        line = words.normalise(text)
        mr = guess_role(Evidence("MR", text))
        if mr.role not in (Role.OTHER, Role.LOCALIZER):
            return mr
        ct = guess_role(Evidence("CT", text))
        if _CT_WORDS.search(line) or ct.role not in (Role.CT, Role.OTHER, Role.LOCALIZER):
            return ct
        if _PET_WORDS.search(line):
            return RoleGuess(Role.PET, f"“{text}” names PET")
    return RoleGuess(Role.OTHER, "the file name names no role")


def _candidate(path: Path, guess: RoleGuess, number: int, scrub: Scrubber) -> Candidate:
    """Describe one volume file as a series."""
    found = inspect(path)
    is_ct = guess.role in _CT_ROLES
    modality = "CT" if is_ct else ("PT" if guess.role is Role.PET else "MR")
    quantity = Quantity.HU if is_ct else Quantity.MR_SIGNAL
    if guess.role is Role.PET:
        quantity = Quantity.DIMENSIONLESS
    geometry = found.geometry

    def read() -> Volume:
        try:
            return Volume(signed(read_array(path)), geometry, quantity)
        except ImgCompareError as error:
            raise type(error)(scrub(str(error))) from None

    problems = (f"cannot be loaded: it {found.refusal}",) if found.refusal else ()
    series = Series(
        uid="",
        modality=modality,
        role=guess.role,
        role_reason=guess.reason,
        description=scrub(stem(path)),
        geometry=geometry,
        acquisition=Acquisition(),
        files=(path,),
        reader=read,
        problems=(*problems, *found.notes),
        number=number,
        refusal=found.refusal,
    )
    return Candidate(series, guess)
