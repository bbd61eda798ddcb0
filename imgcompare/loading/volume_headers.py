"""Checks headers of NIfTI, NRRD and MetaImage files before a library sees them.

The C and C++ readers crash, print file names or wait for a terminal on some damaged headers, and
allocate whatever a header claims. Here a header is refused unless each of its fields has the form
that its format prescribes and the file can hold what it claims.
"""

from __future__ import annotations

import contextlib
import gzip
import math
import re
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NoReturn

from imgcompare.errors import UnreadableFileError
from imgcompare.loading.pixels import MAX_VOXELS

_LONGEST_HEADER: Final = 256 * 1024
_LONGEST_LINE: Final = 2000
_PIECE: Final = 2**22
_GZIP: Final = 16 + zlib.MAX_WBITS

_LARGEST: Final = 1e9
"""A position or spacing beyond this many mm is none; libraries hang on infinite ones."""

MOST_INFLATION: Final = 1100
"""Deflate makes data at most 1032 times smaller (zlib's technical notes); bzip2 can do more, but
not on images."""

_NUMBER = r"[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?)"
_VECTOR = rf"(?:none|\(\s*{_NUMBER}(?:\s*,\s*{_NUMBER})*\s*\))"
_NUMBERS = rf"{_NUMBER}(?:\s+{_NUMBER})*"
_OR_NAN = rf"(?:nan|{_NUMBER})(?:\s+(?:nan|{_NUMBER}))*"
_NUMERIC: Final = frozenset((_NUMBER, _NUMBERS, _OR_NAN, _VECTOR, rf"{_VECTOR}(?:\s+{_VECTOR})*"))
_YES_OR_NO = "True|False|T|F|1|0"
_COUNT, _TEXT, _NAME = r"\d{1,9}", r"[^\0]*", r"[^/\\%\0]+"

_NRRD_TYPES: Final = (
    (1, ("signed char", "int8", "int8_t", "uchar", "unsigned char", "uint8", "uint8_t")),
    (2, ("short", "short int", "signed short", "signed short int", "int16", "int16_t")),
    (2, ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t")),
    (4, ("int", "signed int", "int32", "int32_t", "float")),
    (4, ("uint", "unsigned int", "uint32", "uint32_t")),
    (8, ("longlong", "long long", "long long int", "signed long long", "int64", "int64_t")),
    (8, ("signed long long int", "ulonglong", "unsigned long long", "uint64", "uint64_t")),
    (8, ("unsigned long long int", "double")),
)
_NRRD_BYTES: Final[Mapping[str, int]] = {
    name: size for size, names in _NRRD_TYPES for name in names
}
_NRRD_FORMS: Final[Mapping[str, str]] = {
    "type": "|".join(map(re.escape, _NRRD_BYTES)),
    "dimension": r"\d{1,2}",
    "sizes": rf"{_COUNT}(?:\s+{_COUNT})*",
    "encoding": "raw|txt|text|ascii|hex|gz|gzip|bz2|bzip2",
    "endian": "little|big",
    "space": r"[\w-]{1,40}",
    "space dimension": r"\d",
    "space directions": rf"{_VECTOR}(?:\s+{_VECTOR})*",
    "space origin": _VECTOR,
    "measurement frame": rf"{_VECTOR}(?:\s+{_VECTOR})*",
    **dict.fromkeys(("spacings", "thicknesses", "axis mins", "axis maxs"), _OR_NAN),
    **dict.fromkeys(("axismins", "axismaxs"), _OR_NAN),
    **dict.fromkeys(("min", "max", "old min", "old max", "oldmin", "oldmax"), _NUMBER),
    **dict.fromkeys(("byte skip", "byteskip"), r"-1|\d{1,9}"),
    **dict.fromkeys(("line skip", "lineskip"), r"\d{1,4}"),
    **dict.fromkeys(("data file", "datafile"), _NAME),
    **dict.fromkeys(("kinds", "centers", "centerings", "labels", "units", "space units"), _TEXT),
    **dict.fromkeys(("content", "number", "sample units", "sampleunits"), _TEXT),
}

_META_BYTES: Final[Mapping[str, int]] = {
    **dict.fromkeys(("MET_CHAR", "MET_UCHAR"), 1),
    **dict.fromkeys(("MET_SHORT", "MET_USHORT"), 2),
    **dict.fromkeys(("MET_INT", "MET_UINT", "MET_LONG", "MET_ULONG", "MET_FLOAT"), 4),
    **dict.fromkeys(("MET_LONG_LONG", "MET_ULONG_LONG", "MET_DOUBLE"), 8),
}
_META_FORMS: Final[Mapping[str, str]] = {
    "ObjectType": "Image",
    "NDims": r"\d{1,2}",
    "DimSize": rf"{_COUNT}(?:\s+{_COUNT})*",
    "ElementType": "|".join(_META_BYTES),
    "ElementNumberOfChannels": r"\d{1,3}",
    "ElementDataFile": rf"LOCAL|Local|local|(?!LIST\b){_NAME}",
    "HeaderSize": r"-1|\d{1,9}",
    "CompressedDataSize": r"\d{1,12}",
    **dict.fromkeys(("BinaryData", "CompressedData"), "True|False|true|false|T|F|1|0"),
    **dict.fromkeys(
        ("BinaryDataByteOrderMSB", "ElementByteOrderMSB"), "True|False|true|false|T|F|1|0"
    ),
    **dict.fromkeys(("ElementSpacing", "ElementSize", "Offset", "Position", "Origin"), _NUMBERS),
    **dict.fromkeys(("TransformMatrix", "Rotation", "Orientation", "CenterOfRotation"), _NUMBERS),
}

_NIFTI_BYTES: Final[Mapping[int, int]] = {
    **{2: 1, 256: 1, 4: 2, 512: 2, 8: 4, 768: 4, 16: 4, 64: 8, 1024: 8, 1280: 8},
    **{32: 8, 1792: 16, 128: 3, 2304: 4, 1536: 16, 2048: 32},
}
"""Bytes per voxel by data type code (nifti1.h)."""


def require_sound(path: Path) -> None:
    """Refuse a volume file whose header is malformed or claims what the file cannot hold.

    Raises
    ------
    UnreadableFileError
        Naming the field.
    """
    name = path.name.lower()
    try:
        if name.endswith((".nii", ".nii.gz")):
            _nifti(path)
        elif name.endswith((".nrrd", ".nhdr")):
            _nrrd(path)
        else:
            _meta(path)
    except UnreadableFileError:
        raise
    except (OSError, EOFError, zlib.error, ValueError) as error:
        _refuse(path, f"cannot be read ({type(error).__name__})")


def _refuse(path: Path, why: str) -> NoReturn:
    raise UnreadableFileError(f"File {path.name} {why}; it is damaged or of another format.")


def _require_held(path: Path, claimed: float, there: int, *, packed: bool) -> None:
    """Refuse more bytes than a file can hold."""
    limit = there * MOST_INFLATION + _LONGEST_HEADER if packed else there
    if claimed > limit:
        _refuse(path, f"claims {claimed:,.0f} bytes of voxels and holds {there:,}")


def _require_number(path: Path, claimed: float) -> None:
    if not 0 < claimed <= MAX_VOXELS:
        _refuse(path, f"claims {claimed:,.0f} voxels; the limit is {MAX_VOXELS:,}")


def require_whole(path: Path) -> None:
    """Refuse a packed NIfTI file that ends before its last voxel, which libraries fill with zeros.

    Raises
    ------
    UnreadableFileError
        If it does, or its checksum is wrong. What lies behind the voxels does not matter.
    """
    if not path.name.lower().endswith(".nii.gz"):
        return
    claimed = _nifti(path)
    if _inflated_bytes(path, claimed) < claimed:
        raise UnreadableFileError(f"File {path.name} is damaged or truncated; copy it again.")


def _inflated_bytes(path: Path, wanted: float) -> int:
    """Count the bytes that a packed file gives, as far as they are wanted."""
    unpacker, found, rest = zlib.decompressobj(_GZIP), 0, b""
    with path.open("rb") as file, contextlib.suppress(zlib.error):
        while found < wanted and (packed := rest or file.read(_PIECE)):
            found += len(unpacker.decompress(packed, _PIECE))
            rest = unpacker.unconsumed_tail
            if unpacker.eof:  # another member may follow
                rest, unpacker = unpacker.unused_data, zlib.decompressobj(_GZIP)
    return found


def space_notes(path: Path) -> tuple[str, ...]:
    """Say where a NRRD header does not tell how its axes lie in the patient."""
    if not path.name.lower().endswith((".nrrd", ".nhdr")):
        return ()
    with path.open("rb") as file:
        head = re.split(rb"\r?\n\r?\n", file.read(_LONGEST_HEADER))[0]
    space = re.search(rb"(?:^|\n)space:[ ]*([\w-]+)", head)
    if space is None:
        return ("holds no position in space (no space field)",)
    name = space.group(1).decode("ascii", "replace").lower()
    anatomical = re.fullmatch(r"(left|right)-(ante|poste)rior-superior|[lr][ap]s", name)
    if anatomical:
        return ()
    return (f"its space {name} does not say how its axes lie in the patient; LPS is taken",)


def _nifti(path: Path) -> float:
    """Check sizes, type and offset of a NIfTI-1 or NIfTI-2 header; give the bytes it claims."""
    packed = path.name.lower().endswith(".gz")
    with gzip.open(path) if packed else path.open("rb") as file:
        raw = file.read(540)
    order = next((o for o in "<>" if raw[:4] in (struct.pack(f"{o}i", n) for n in (348, 540))), "")
    if not order or len(raw) < 348:
        _refuse(path, "has no NIfTI header")
    if struct.unpack_from(f"{order}i", raw)[0] == 540 and len(raw) == 540:
        magic, sizes, kind = raw[4:8], struct.unpack_from(f"{order}8q", raw, 16), 12
        (offset,) = struct.unpack_from(f"{order}q", raw, 168)
        places = [(f"{order}8d", 104), (f"{order}6d", 352), (f"{order}12d", 400)]
    else:
        magic, sizes, kind = raw[344:348], struct.unpack_from(f"{order}8h", raw, 40), 70
        (offset,) = struct.unpack_from(f"{order}f", raw, 108)
        places = [(f"{order}8f", 76), (f"{order}6f", 256), (f"{order}12f", 280)]
    (datatype,) = struct.unpack_from(f"{order}h", raw, kind)
    if magic[:3] not in (b"n+1", b"n+2"):
        _refuse(path, "is no NIfTI file of one part (magic)")
    if not 1 <= sizes[0] <= 7 or any(n < 1 for n in sizes[1 : sizes[0] + 1]):
        _refuse(path, f"claims impossible sizes {sizes}")
    if datatype not in _NIFTI_BYTES:
        _refuse(path, f"holds values of unknown type {datatype}")
    if not 0 <= offset <= _LONGEST_HEADER:
        _refuse(path, f"claims that its voxels start at byte {offset:g}")
    numbers = [x for form, at in places for x in struct.unpack_from(form, raw, at)]
    if not all(abs(x) < _LARGEST for x in numbers):
        _refuse(path, "holds a position or spacing that is no number")
    voxels = math.prod(sizes[1 : sizes[0] + 1])
    _require_number(path, voxels)
    claimed = voxels * _NIFTI_BYTES[datatype] + offset
    _require_held(path, claimed, path.stat().st_size, packed=packed)
    return float(claimed)


def _nrrd(path: Path) -> None:
    """Check the fields of a NRRD header (teem.sourceforge.net/nrrd/format.html)."""
    with path.open("rb") as file:
        raw = file.read(_LONGEST_HEADER)
    if not re.match(rb"NRRD000[1-5]\r?\n", raw):
        _refuse(path, "has no NRRD header")
    end = re.search(rb"\r?\n\r?\n", raw)
    attached = end is not None
    head = raw[: end.start()] if end else raw
    fields = _fields(path, head.split(b"\n")[1:], b":", _NRRD_FORMS)
    for needed in ("type", "dimension", "sizes", "encoding"):
        if needed not in fields:
            _refuse(path, f"has no field {needed!r} in its header")
    sizes = [int(n) for n in fields["sizes"].split()]
    if len(sizes) != int(fields["dimension"]):
        _refuse(path, f"has {fields['dimension']} dimensions but sizes {fields['sizes']}")
    detached = fields.get("data file") or fields.get("datafile")
    if detached is None and not attached:
        _refuse(path, "ends within its header")
    data = path.with_name(detached) if detached else path
    there = _size_beside(path, data) - (0 if detached or end is None else end.end())
    voxels = float(math.prod(sizes))
    _require_number(path, voxels)
    encoding = fields["encoding"].lower()
    if encoding in ("raw", "gz", "gzip", "bz2", "bzip2"):
        claimed = voxels * _NRRD_BYTES[fields["type"].lower()]
        _require_held(path, claimed, there, packed=encoding != "raw")


def _meta(path: Path) -> None:
    """Check the fields of a MetaImage header, which ends with ElementDataFile."""
    with path.open("rb") as file:
        raw = file.read(_LONGEST_HEADER)
    found = re.search(rb"(?:^|\n)ElementDataFile\s*=[^\n]*(?:\n|$)", raw)
    if found is None:
        _refuse(path, "has no MetaImage header (ElementDataFile)")
    fields = _fields(path, raw[: found.end()].split(b"\n"), b"=", _META_FORMS, others=True)
    for needed in ("NDims", "DimSize", "ElementType"):
        if needed not in fields:
            _refuse(path, f"has no field {needed!r} in its header")
    sizes = [int(n) for n in fields["DimSize"].split()]
    if len(sizes) != int(fields["NDims"]):
        _refuse(path, f"has {fields['NDims']} dimensions but sizes {fields['DimSize']}")
    where = fields["ElementDataFile"]
    local = where.lower() == "local"
    data = path if local else path.with_name(where)
    there = _size_beside(path, data) - (found.end() if local else 0)
    voxels = float(math.prod(sizes)) * int(fields.get("ElementNumberOfChannels", 1))
    _require_number(path, voxels)
    packed = fields.get("CompressedData", "False")[0] in "Tt1"
    claimed = voxels * _META_BYTES[fields["ElementType"]]
    _require_held(path, claimed, there, packed=packed)


def _fields(
    path: Path,
    lines: list[bytes],
    mark: bytes,
    forms: Mapping[str, str],
    *,
    others: bool = False,
) -> dict[str, str]:
    """Read ``field: value`` lines; each known field must have its form and come once."""
    found: dict[str, str] = {}
    for line in lines:
        text = line.decode("latin-1").rstrip("\r").strip()
        if not text or text.startswith("#") or (":=" in text and mark == b":"):
            continue
        if len(text) > _LONGEST_LINE:
            _refuse(path, f"has a header line of {len(text)} characters")
        key, separator, value = (part.strip() for part in text.partition(mark.decode()))
        form = forms.get(key if others else key.lower())
        name = key if others else key.lower()
        if not separator or name in found or (form is None and not others):
            _refuse(path, f"has a header line that does not belong there ({key[:40]!r})")
        if form is not None and not re.fullmatch(form, value, re.ASCII | re.IGNORECASE):
            _refuse(path, f"has the field {key!r} with the value {value[:60]!r}")
        if form in _NUMERIC and not all(
            abs(float(x)) < _LARGEST for x in re.findall(_NUMBER, value)
        ):
            _refuse(path, f"has the field {key!r} with the value {value[:60]!r}")
        found[name] = value
    return found


def _size_beside(path: Path, data: Path) -> int:
    """Size of the file with the voxels, which lies beside its header."""
    if not data.is_file():
        _refuse(path, f"keeps its voxels in {data.name!r}, which is not beside it")
    return data.stat().st_size
