"""Damages DICOM files where it hurts: lengths, types, nesting, fragments, and values that lie."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

UNDEFINED = 0xFFFFFFFF
LONG_VRS = {b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UC", b"UN", b"UR", b"UT"}
VRS = [*sorted(LONG_VRS), b"US", b"SS", b"UL", b"DS", b"IS", b"CS", b"UI", b"FD", b"AT", b"??"]
SYNTAXES = [
    f"1.2.840.10008.1.2{end}"
    for end in ("", ".1", ".1.99", ".2", ".5", ".8.1", ".4.50", ".4.51", ".4.57", ".4.70")
] + [f"1.2.840.10008.1.2.4.{n}" for n in (80, 81, 90, 91, 100, 201, 202, 203)]
CLASSES = [
    f"1.2.840.10008.5.1.4.1.1.{n}"
    for n in ("2", "4", "128", "2.1", "4.1", "130", "7", "66.4", "66.7", "481.3", "88.33", "104.1")
] + ["1.2.840.10008.1.3.10", "", "1.2.3"]
NUMBERS = (0, 1, 2, 7, 8, 15, 16, 17, 32, 64, 255, 256, 1000, 32767, 32768, 65535)
LENGTHS = (0, 1, 2, 3, 0x7F, 0xFFFE, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, UNDEFINED)
TEXTS = (
    b"", b" ", b"\\", b"0", b"-1", b"1", b"nan", b"inf", b"-inf", b"1e400", b"1e-320", b"1e30",
    b"0\\0", b"0\\0\\0", b"1\\0\\0\\0\\1\\0", b"0\\0\\0\\0\\0\\0", b"nan\\nan\\nan", b"1e308\\1\\1",
    b"1e-9\\1e-9", b"-1\\-1", b"99999999999999999999", b"2147483648", b"65535", b"10000", b"4.5",
    b"\xff\xfe\x00", b"../../../../etc/passwd", b"A" * 70000, b"1\\" * 3000, b"\x1b$B\x1b", b"%s%n",
    b"20240230", b"99999999", b"256161", b"ISO_IR 999", b"ISO 2022 IR 87\\ISO 2022 IR 159",
)  # fmt: skip
KEY_TAGS = {
    (0x0002, 0x0010): "syntax",
    (0x0008, 0x0016): "class",
    (0x0028, 0x0002): "number",
    (0x0028, 0x0010): "number",
    (0x0028, 0x0011): "number",
    (0x0028, 0x0100): "number",
    (0x0028, 0x0101): "number",
    (0x0028, 0x0102): "number",
    (0x0028, 0x0103): "number",
    (0x0062, 0x0004): "number",
    (0x0062, 0x000E): "number",
    (0x0028, 0x0120): "number",
}


@dataclass(frozen=True)
class Element:
    """Where one element of a file lies: its start, the bytes of its header, and its value."""

    tag: tuple[int, int]
    vr: bytes
    start: int
    value: int
    length: int
    depth: int

    @property
    def end(self) -> int:
        return self.value + (0 if self.length == UNDEFINED else self.length)


def elements(data: bytes) -> list[Element]:
    """Walk through a file, into sequences and items; stop where it makes no sense."""
    found: list[Element] = []
    at, depth, implicit = 132, 0, False
    while at + 8 <= len(data) and len(found) < 3000:
        group, number = struct.unpack_from("<HH", data, at)
        if group == 0xFFFE:
            (length,) = struct.unpack_from("<L", data, at + 4)
            depth += {0xE000: int(length == UNDEFINED), 0xE00D: -1}.get(number, 0)
            found.append(Element((group, number), b"", at, at + 8, length, depth))
            at += 8
            if number == 0xE000 and length != UNDEFINED and _is_pixels(found):
                at += length
            continue
        vr = data[at + 4 : at + 6]
        if group != 2 and len(found) > 3:
            implicit = not (vr.isalpha() and vr.isupper())
        if implicit:
            (length,) = struct.unpack_from("<L", data, at + 4)
            value, vr = at + 8, b""
        elif vr in LONG_VRS:
            if at + 12 > len(data):
                break
            (length,) = struct.unpack_from("<L", data, at + 8)
            value = at + 12
        else:
            (length,) = struct.unpack_from("<H", data, at + 6)
            value = at + 8
        found.append(Element((group, number), vr, at, value, length, depth))
        nested = vr == b"SQ" or length == UNDEFINED
        at = value if nested else value + length
    return found


def _is_pixels(found: list[Element]) -> bool:
    return any(e.tag == (0x7FE0, 0x0010) for e in found[-50:])


def damage_dicom(data: bytes, dice: random.Random) -> tuple[bytes, str]:
    """Do one to three things to a file; say what."""
    done = []
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        mutation = dice.choice(MUTATIONS)
        data = mutation(data, dice)
        done.append(mutation.__name__.removeprefix("_"))
    return data, " + ".join(done)


def _pick(data: bytes, dice: random.Random) -> Element | None:
    """Choose an element, one that matters for geometry or pixels half of the time."""
    found = elements(data)
    if not found:
        return None
    weighty = [
        e for e in found if e.tag in KEY_TAGS or e.tag[0] in (0x0020, 0x0028, 0x3006, 0x0062)
    ]
    return dice.choice(weighty if weighty and dice.random() < 0.6 else found)


def _with_value(data: bytes, e: Element, value: bytes) -> bytes:
    """Replace a value and correct its length, so that the rest of the file still parses."""
    value += b" " * (len(value) % 2)
    head = data[e.start : e.value]
    if len(head) == 8 and e.vr:
        value = value[:0xFFFE]
        head = head[:6] + struct.pack("<H", len(value))
    else:
        head = head[:-4] + struct.pack("<L", len(value))
    return data[: e.start] + head + value + data[e.end :]


def _lie(data: bytes, dice: random.Random) -> bytes:
    """Give an attribute another value of its own form."""
    e = _pick(data, dice)
    if e is None:
        return data
    kind = KEY_TAGS.get(e.tag)
    if kind == "syntax":
        return _with_value(data, e, dice.choice(SYNTAXES).encode())
    if kind == "class":
        return _with_value(data, e, dice.choice(CLASSES).encode())
    if kind == "number" or e.vr in (b"US", b"SS"):
        return _with_value(data, e, struct.pack("<H", dice.choice(NUMBERS)))
    if e.vr == b"FD":
        value = dice.choice((float("nan"), float("inf"), 1e300, -1.0, 0.0))
        return _with_value(data, e, struct.pack("<d", value))
    return _with_value(data, e, dice.choice(TEXTS))


def _lie_about_syntax(data: bytes, dice: random.Random) -> bytes:
    for e in elements(data):
        if e.tag == (0x0002, 0x0010):
            return _with_value(data, e, dice.choice(SYNTAXES).encode())
    return data


def _lie_about_size(data: bytes, dice: random.Random) -> bytes:
    """Claim sizes that no memory holds."""
    sizes = {(0x0028, 0x0010), (0x0028, 0x0011), (0x0028, 0x0008)}
    for e in reversed(elements(data)):
        if e.tag in sizes:
            huge = struct.pack("<H", 65535) if e.tag[1] != 8 else b"10000"
            data = _with_value(data, e, huge)
    return data


def _bad_length(data: bytes, dice: random.Random) -> bytes:
    e = _pick(data, dice)
    if e is None or e.value < e.start + 8:
        return data
    near = [max(0, e.length + d) & UNDEFINED for d in (-2, -1, 1, 2, 8)]
    length = dice.choice([*LENGTHS, *near, len(data)])
    if e.vr and e.value - e.start == 8:
        return data[: e.start + 6] + struct.pack("<H", length & 0xFFFF) + data[e.value :]
    return data[: e.value - 4] + struct.pack("<L", length) + data[e.value :]


def _bad_type(data: bytes, dice: random.Random) -> bytes:
    e = _pick(data, dice)
    return data if e is None else data[: e.start + 4] + dice.choice(VRS) + data[e.start + 6 :]


def _bad_tag(data: bytes, dice: random.Random) -> bytes:
    e = _pick(data, dice)
    if e is None:
        return data
    group = dice.choice((e.tag[0], 0xFFFE, 0x7FE0, 0x0028, 0x0002, dice.randrange(65536)))
    number = dice.choice((e.tag[1], 0xE000, 0xE00D, 0xE0DD, 0x0010, dice.randrange(65536)))
    return data[: e.start] + struct.pack("<HH", group, number) + data[e.start + 4 :]


def _remove(data: bytes, dice: random.Random) -> bytes:
    e = _pick(data, dice)
    return data if e is None else data[: e.start] + data[e.end :]


def _repeat(data: bytes, dice: random.Random) -> bytes:
    e = _pick(data, dice)
    if e is None:
        return data
    piece = data[e.start : e.end] * dice.choice((1, 1, 2, 50))
    return (data[: e.start] + piece + data[e.start :])[: 4 * len(data) + 10_000]


def _swap(data: bytes, dice: random.Random) -> bytes:
    one, other = _pick(data, dice), _pick(data, dice)
    if one is None or other is None or one.end > other.start:
        return data
    a, b = data[one.start : one.end], data[other.start : other.end]
    return data[: one.start] + b + data[one.end : other.start] + a + data[other.end :]


def _nest(data: bytes, dice: random.Random) -> bytes:
    """Put sequences within sequences within sequences."""
    e = _pick(data, dice)
    if e is None:
        return data
    head = struct.pack("<HH2sHL", 0x0040, 0x9096, b"SQ", 0, UNDEFINED)
    head += struct.pack("<HHL", 0xFFFE, 0xE000, UNDEFINED)
    deep = dice.choice((1, 2, 30, 500, 5000))
    ends = struct.pack("<HHLHHL", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0) * deep
    return data[: e.start] + head * deep + (ends if dice.random() < 0.5 else b"") + data[e.start :]


def _unknown(data: bytes, dice: random.Random) -> bytes:
    """Give an element, a sequence if there is one, the VR UN, of undefined length or its own."""
    found = [e for e in elements(data) if e.vr and e.tag[0] > 2]
    chosen = [e for e in found if e.vr == b"SQ"] or found
    if not chosen:
        return data
    e = dice.choice(chosen if dice.random() < 0.7 else found)
    length = UNDEFINED if dice.random() < 0.5 else e.length
    head = data[e.start : e.start + 4] + b"UN\0\0" + struct.pack("<L", length)
    return data[: e.start] + head + data[e.value :]


def _bad_fragments(data: bytes, dice: random.Random) -> bytes:
    """Change items of encapsulated pixels: offsets, lengths, number, delimiters."""
    start = data.rfind(b"\xe0\x7f\x10\x00")
    items = [e for e in elements(data) if e.tag[0] == 0xFFFE and e.start > start]
    if start < 0 or not items:
        return data
    e = dice.choice(items)
    action = dice.randrange(5)
    if action == 0:
        return data[: e.start + 4] + struct.pack("<L", dice.choice(LENGTHS)) + data[e.start + 8 :]
    if action == 1:
        return data[: e.start] + data[e.end :]
    if action == 2:
        return data[: e.start] + data[e.start : e.end] * 2 + data[e.end :]
    if action == 3:
        table = struct.pack("<4L", *(dice.choice(LENGTHS) for _ in range(4)))
        head = struct.pack("<HHL", 0xFFFE, 0xE000, len(table))
        return data[: items[0].start] + head + table + data[items[0].end :]
    return data[: e.start]


def _spoil_pixels(data: bytes, dice: random.Random) -> bytes:
    """Change bytes behind the start of the pixels, where codestreams have their own headers."""
    start = data.rfind(b"\xe0\x7f\x10\x00")
    if start < 0 or start + 16 >= len(data):
        return data
    changed = bytearray(data)
    for _ in range(dice.choice((1, 2, 8, 64))):
        reach = min(len(data), start + dice.choice((64, 200, len(data))))
        changed[dice.randrange(start + 8, reach)] = dice.choice((0, 1, 0x7F, 0x80, 0xFF, 0xD9))
    return bytes(changed)


def _cut(data: bytes, dice: random.Random) -> bytes:
    edges = [e.start for e in elements(data)] + [e.value for e in elements(data)]
    edge = dice.choice(edges) if edges and dice.random() < 0.6 else dice.randrange(len(data) + 1)
    return data[: max(0, edge + dice.choice((0, 0, -1, 1, 2, 3)))]


def _spoil_bytes(data: bytes, dice: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.choice((1, 2, 4, 16))):
        if changed:
            at = dice.randrange(min(len(changed), dice.choice((400, 2000, len(changed)))))
            changed[at] = dice.randrange(256)
    return bytes(changed)


def _pack_again(data: bytes, dice: random.Random) -> bytes:
    """Deflate the data set, sound, cut, or so that it grows without end."""
    syntax = next((e for e in elements(data) if e.tag == (0x0002, 0x0010)), None)
    if syntax is None:
        return data
    data = _with_value(data, syntax, b"1.2.840.10008.1.2.1.99")
    body = next((e.start for e in elements(data) if e.tag[0] > 2), len(data))
    plain = data[body:]
    if dice.random() < 0.2:
        plain += bytes(dice.choice((10_000_000, 100_000_000)))
    packer = zlib.compressobj(1, wbits=-zlib.MAX_WBITS)
    packed = packer.compress(plain) + packer.flush()
    return (
        data[:body] + packed[: len(packed) if dice.random() < 0.5 else dice.randrange(len(packed))]
    )


MUTATIONS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _lie,
    _lie,
    _lie,
    _lie,
    _lie_about_syntax,
    _lie_about_size,
    _bad_length,
    _bad_length,
    _bad_type,
    _bad_tag,
    _remove,
    _repeat,
    _swap,
    _nest,
    _unknown,
    _bad_fragments,
    _bad_fragments,
    _spoil_pixels,
    _spoil_pixels,
    _cut,
    _cut,
    _spoil_bytes,
    _pack_again,
)
