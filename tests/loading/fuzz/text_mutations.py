"""Damages NIfTI, NRRD, MetaImage and zip files: header fields, keys, and compressed streams."""

from __future__ import annotations

import gzip
import io
import random
import struct
import zipfile

from tests.loading.fuzz.samples import packed

WORDS = (
    b"0", b"-1", b"1", b"65535 65535 10000", b"1e400", b"nan", b"NaN NaN NaN", b"gzip", b"raw",
    b"bz2", b"hex", b"ascii", b"short", b"double", b"block", b"MET_SHORT", b"MET_DOUBLE",
    b"MET_UCHAR_ARRAY", b"/dev/zero", b"/dev/stdin", b"/etc/passwd", b"../../../../../etc/passwd",
    b"LOCAL", b"LIST", b"%03d.raw 1 100000 1", b"(1,0,0) (1,0,0) (0,0,1)",
    b"(0,0,0) (0,0,0) (0,0,0)", b"(1,0", b"True", b"4294967296", b"99999999999999999999",
    b"left-posterior-superior", b"3D-right-handed", b"", b"A" * 5000, b"\xff\xfe\x00\x01",
)  # fmt: skip

NIFTI_FIELDS = (
    *((at, "i") for at in (0, 344)),
    *((at, "h") for at in (40, 42, 44, 46, 48, 70, 72, 252, 254)),
    *((at, "f") for at in (76, 80, 84, 88, 108, 112, 116, 256, 260, 264, 280, 284, 300, 320)),
)
"""Where the sizes, types, scales and positions of a NIfTI-1 header are."""

CLIMBING = ("../../../../tmp/escaped", "/tmp/escaped", "C:\\escaped", "a" * 300, "x/\x00/y", ".")
"""Names that must not be followed out of an archive."""

VALUES = {
    "h": (0, 1, -1, 2, 3, 4, 7, 8, 16, 64, 128, 511, 512, 768, 1024, 32767, -32768),
    "i": (0, 1, 348, 540, -1, 2**31 - 1, -(2**31)),
    "f": (0.0, -0.0, 1.0, -1.0, float("nan"), float("inf"), 1e38, 1e-38, 348.0, 1e9),
}


def damage_volume(name: str, data: bytes, dice: random.Random) -> tuple[bytes, str]:
    """Do one to three things to a volume file or archive; say what."""
    zipped = name.endswith(".gz")
    inside = zipped and dice.random() < 0.8
    if inside:
        data = gzip.decompress(data)
    done = []
    for _ in range(dice.choice((1, 1, 2, 3))):
        if name.endswith(".zip"):
            data, what = _zip(data, dice)
        elif ".nii" in name and dice.random() < 0.7 and (inside or not zipped):
            data, what = _nifti(data, dice), "header field"
        elif not zipped and ".nii" not in name and dice.random() < 0.7:
            data, what = _keys(data, dice), "header key"
        else:
            data, what = _bytes(data, dice), "bytes"
        done.append(what)
    return (gzip.compress(data, 1, mtime=0) if inside else data), " + ".join(done)


def _nifti(data: bytes, dice: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 4))):
        at, kind = dice.choice(NIFTI_FIELDS)
        if at + 4 <= len(changed):
            struct.pack_into(f"<{kind}", changed, at, dice.choice(VALUES[kind]))
    return bytes(changed)


def _keys(data: bytes, dice: random.Random) -> bytes:
    """Change, remove, repeat or add a line of the text header."""
    head, separator, body = data.partition(b"\n\n") if data[:4] == b"NRRD" else (data, b"", b"")
    lines = head.split(b"\n")
    text = [n for n, line in enumerate(lines) if (b":" in line or b"=" in line) and len(line) < 300]
    if not text:
        return data
    n = dice.choice(text)
    action = dice.randrange(6)
    if action == 0:
        del lines[n]
    elif action == 1:
        lines.insert(n, lines[n])
    elif action == 2:
        key, _, rest = lines[n].partition(b":" if b":" in lines[n] else b"=")
        word = dice.choice(rest.split() or [b""])
        lines[n] = lines[n].replace(word, dice.choice(WORDS), 1) if word else key
    else:
        mark = b":" if b":" in lines[n] else b"="
        lines[n] = lines[n].partition(mark)[0] + mark + b" " + dice.choice(WORDS)
    return b"\n".join(lines) + separator + body


def _bytes(data: bytes, dice: random.Random) -> bytes:
    if not data:
        return data
    if dice.random() < 0.4:
        return data[: dice.randrange(len(data))]
    changed = bytearray(data)
    for _ in range(dice.choice((1, 2, 8))):
        changed[dice.randrange(min(len(changed), dice.choice((400, len(changed)))))] = (
            dice.randrange(256)
        )
    return bytes(changed)


def _zip(data: bytes, dice: random.Random) -> tuple[bytes, str]:
    """Archives that lie, climb out of their folder, nest, or grow."""
    action = dice.randrange(5)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = {n: archive.read(n) for n in archive.namelist()}
    except Exception:  # damaged before
        return _bytes(data, dice), "bytes"
    if action == 0:
        names = (
            "../../../../tmp/escaped",
            "/tmp/escaped",
            "C:\\escaped",
            "a" * 300,
            "x/\x00/y",
            ".",
        )
        files[dice.choice(names)] = next(iter(files.values()), b"")
        return packed(files), "climbing name"
    if action == 1:
        files["bomb.dcm"] = bytes(dice.choice((10_000_000, 50_000_000)))
        return packed(files), "bomb"
    if action == 2:
        for _ in range(dice.choice((1, 3, 20))):
            files = {"inner.zip": packed(files)}
        return packed(files), "nested"
    return _bytes(data, dice), "bytes"
