"""Reads what a compressed frame says of itself before it is decoded: size, and whether exact."""

from __future__ import annotations

from typing import Final

_J2K_START: Final = b"\xff\x4f\xff\x51"  # SOC and SIZ (ISO/IEC 15444-1 A.5.1)
END_OF_IMAGE: Final = b"\xff\xd9"  # EOI of JPEG and JPEG-LS, EOC of JPEG 2000
_PADDING: Final = 8  # bytes that an archive may add after the end marker
_J2K_BOXES: Final = b"\x00\x00\x00\x0cjP  "
_NO_FRAME_HEADER: Final = frozenset((0xC4, 0xC8, 0xCC))  # tables among the SOF markers
_LS_FRAME: Final = 0xF7  # JPEG-LS start of frame (ISO/IEC 14495-1)
_WITHOUT_LENGTH: Final = frozenset((0x01, *range(0xD0, 0xDA)))


def is_lossy(start: bytes) -> bool:
    """Whether the start of a JPEG-LS or JPEG 2000 frame says that values were changed.

    JPEG-LS does with NEAR above 0 (ISO/IEC 14495-1 C.2.3), JPEG 2000 with the irreversible
    transformation (ISO/IEC 15444-1 table A.20).
    """
    at = start.find(_J2K_START)
    if at >= 0:
        style = start.find(b"\xff\x52", at)
        return style >= 0 and start[style + 13 : style + 14] == b"\0"
    scan = start.find(b"\xff\xda")
    if start.find(bytes((0xFF, _LS_FRAME))) < 0 or scan < 0 or len(start) < scan + 6:
        return False
    near = scan + 5 + 2 * start[scan + 4]
    return start[near : near + 1] not in (b"", b"\0")


def is_cut_off(frame: bytes) -> bool:
    """Whether a frame lacks its end marker; some decoders never return from such a frame."""
    return END_OF_IMAGE not in frame[-_PADDING:]


def claimed_size(frame: bytes) -> tuple[int, int, int] | None:
    """Give rows, columns and components from the header of a JPEG, JPEG-LS or JPEG 2000 frame.

    Returns
    -------
    tuple of int or None
        None if there is no frame header.
    """
    if frame[:4] == _J2K_START or frame[:8] == _J2K_BOXES:
        return _jpeg_2000(frame)
    return _jpeg(frame) if frame[:2] == b"\xff\xd8" else None


def _jpeg_2000(frame: bytes) -> tuple[int, int, int] | None:
    start = frame.find(_J2K_START)
    at = start + 8
    if start < 0 or len(frame) < at + 34:
        return None
    width, height, left, top = (
        int.from_bytes(frame[at + n : at + n + 4], "big") for n in (0, 4, 8, 12)
    )
    return height - top, width - left, int.from_bytes(frame[at + 32 : at + 34], "big")


def _jpeg(frame: bytes) -> tuple[int, int, int] | None:
    """Walk the marker segments to the start of frame (ISO/IEC 10918-1 B.2.2)."""
    at = 2
    while at + 9 < len(frame):
        if frame[at] != 0xFF:
            return None
        marker = frame[at + 1]
        if marker == 0xFF:
            at += 1  # fill byte
            continue
        if marker in _WITHOUT_LENGTH:
            at += 2
            continue
        starts = 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME_HEADER
        if starts or marker == _LS_FRAME:
            rows = int.from_bytes(frame[at + 5 : at + 7], "big")
            return rows, int.from_bytes(frame[at + 7 : at + 9], "big"), frame[at + 9]
        at += 2 + int.from_bytes(frame[at + 2 : at + 4], "big")
    return None
