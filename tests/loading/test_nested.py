"""Sequences are read from their bytes as pydicom reads them; damage never fails."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from imgcompare.loading.header import EXPLICIT_LITTLE, IMPLICIT_LITTLE
from imgcompare.loading.nested import read_items
from tests.loading.enhanced_builder import item

SYNTAXES = (EXPLICIT_LITTLE, IMPLICIT_LITTLE)


def value_of(sequence: list[Dataset], syntax: str, *, undefined: bool) -> bytes:
    """Write a sequence; give the bytes of its items."""
    outer = Dataset()
    outer.ReferencedImageSequence = sequence
    outer["ReferencedImageSequence"].is_undefined_length = undefined
    for entry in sequence:
        entry.is_undefined_length_sequence_item = undefined
    file = DicomBytesIO()
    file.is_little_endian, file.is_implicit_VR = True, syntax == IMPLICIT_LITTLE
    write_dataset(file, outer)
    data = file.getvalue()
    return data[8 if syntax == IMPLICIT_LITTLE else 12 :]


def example() -> list[Dataset]:
    inner = [item(CodeValue="A"), item(CodeValue="BB")]
    return [
        item(PatientWeight=70.5, PurposeOfReferenceCodeSequence=inner, ProtocolName="one"),
        item(ProtocolName="two"),
    ]


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("undefined", [False, True])
def test_items_and_nested_items(syntax: str, undefined: bool) -> None:
    first, second = read_items(value_of(example(), syntax, undefined=undefined), syntax)
    assert first[0x00101030].strip() == b"70.5"
    assert first[0x00181030].strip() == b"one"
    assert second == {0x00181030: b"two "}
    codes = read_items(first[0x0040A170], syntax)
    assert [c[0x00080100].strip() for c in codes] == [b"A", b"BB"]


@settings(max_examples=50)
@given(st.integers(0, 200), st.binary(min_size=1, max_size=8))
def test_damaged_sequences_give_what_can_be_read(at: int, noise: bytes) -> None:
    for syntax in SYNTAXES:
        value = bytearray(value_of(example(), syntax, undefined=True))
        value[at : at + len(noise)] = noise
        assert len(read_items(bytes(value), syntax)) <= len(value)
        read_items(bytes(value[:at]), syntax)


def test_endless_nesting_ends() -> None:
    deep = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff"
    assert read_items(deep * 5000, EXPLICIT_LITTLE) == ()
