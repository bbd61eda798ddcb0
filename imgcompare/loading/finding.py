"""Sorts files by what their headers say they are: planes of images, other objects, directories."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from imgcompare.errors import UnreadableFileError
from imgcompare.loading.archives import MemberPath
from imgcompare.loading.dicomdir import is_directory_name
from imgcompare.loading.header import DEFLATED, Header, read_header
from imgcompare.loading.identity import Scrubber
from imgcompare.loading.instances import FactsCache, Instance, make_instance
from imgcompare.loading.mosaic import MARK as MOSAIC
from imgcompare.loading.mosaic import split_mosaic
from imgcompare.loading.multiframe import ENHANCED_CLASSES, expand
from imgcompare.loading.objects import DIRECTORY_CLASS, FoundObject
from imgcompare.loading.tags import SERIES_TAGS, text
from imgcompare.loading.unpacking import Peeker

_CLASS = "1.2.840.10008.5.1.4.1.1."
CLASSIC_CLASSES: Final = frozenset(_CLASS + n for n in ("2", "4", "128"))
"""SOP classes of one plane per file: CT, MR, PET."""


@dataclass(slots=True)
class Found:
    """What a walk over files has found so far."""

    instances: list[Instance] = field(default_factory=list)
    unreadable: list[tuple[str, Path, str]] = field(default_factory=list)
    objects: list[FoundObject] = field(default_factory=list)
    directories: list[str] = field(default_factory=list)
    cache: FactsCache = field(default_factory=FactsCache)
    folders: set[str] = field(default_factory=set)

    @property
    def image_folders(self) -> set[Path]:
        """Folders that hold images to be used."""
        return {Path(folder) for folder in {os.path.dirname(i.path) for i in self.instances}}


def add_file(path: str, root: Path, found: Found) -> bool:
    """Look at one file; tell whether it is DICOM (readable or not)."""
    try:
        header = read_header(path)
        if header is None:
            return False
        found.folders.add(os.path.dirname(path))
        _sort_in(path, path, header, found)
    except UnreadableFileError as error:
        found.unreadable.append((path, root, str(error)))
        found.folders.add(os.path.dirname(path))
    return True


def add_member(member: MemberPath, peeker: Peeker, root: Path, found: Found) -> bool:
    """Look at one member of an archive; tell whether it is DICOM. Unpacks no more than needed."""
    looked = False
    try:
        for there in peeker.starts(member):
            looked = True
            whole = there == member.info.file_size
            try:
                header = read_header(peeker.path)
                if header is None:
                    return False
                ended = header.pixel_offset is not None and header.pixel_offset < there
                if whole or (ended and header.transfer_syntax != DEFLATED):
                    _sort_in(member, peeker.path, header, found)
                    break
            except UnreadableFileError:
                if whole:
                    raise
    except UnreadableFileError as error:
        found.unreadable.append((member, root, str(error)))
        looked = True
    if looked:
        found.folders.add(os.path.dirname(member))
    return looked


def _sort_in(path: str, file: str, header: Header, found: Found) -> None:
    """Keep what a header says under the path of its file; ``file`` is where its bytes are now."""
    sop_class = text(header.values.get(SERIES_TAGS["sop_class"]))
    if sop_class in CLASSIC_CLASSES:
        instance = make_instance(path, header, found.cache)
        _require_one_plane(instance)
        if instance.truncated and not (instance.position and instance.facts.pixel_spacing_mm):
            raise UnreadableFileError("is cut off within its header")
        if MOSAIC in instance.facts.image_type:
            slices = split_mosaic(file, instance)
            found.instances.extend(replace(s, path=path) for s in slices)
        else:
            found.instances.append(instance)
    elif sop_class in ENHANCED_CLASSES:
        frames = expand(file, header, found.cache)
        found.instances.extend(frames if path == file else (replace(f, path=path) for f in frames))
    elif sop_class in ("", DIRECTORY_CLASS) and is_directory_name(path):
        found.directories.append(path)
    elif not sop_class and SERIES_TAGS["rows"] in header.values:
        raise UnreadableFileError("does not say what kind of image it is (no SOP Class UID)")
    elif sop_class and sop_class != DIRECTORY_CLASS:
        where = Path(path.origin if isinstance(path, MemberPath) else path)
        found.objects.append(FoundObject(where, found.cache.facts(header)))


def _require_one_plane(instance: Instance) -> None:
    """Refuse a file of a classic kind whose header contradicts itself."""
    pixels = instance.facts.pixels
    if pixels.frames > 1:
        raise UnreadableFileError(
            f"claims {pixels.frames} frames, but is of a kind that holds one plane"
        )
    if not 0 < pixels.bits_stored <= pixels.bits_allocated:
        raise UnreadableFileError(
            f"claims {pixels.bits_stored} bits stored of {pixels.bits_allocated} allocated"
        )


def make_scrubber(found: Found, *, identified: bool) -> Scrubber:
    """Make what hides these patients in texts; dates of studies stay."""
    facts = {id(i.facts): i.facts for i in found.instances}
    facts |= {id(o.facts): o.facts for o in found.objects}
    dates = {f.study_date for f in facts.values() if f.study_date}
    return Scrubber({f.patient for f in facts.values()}, keep=dates, identified=identified)
