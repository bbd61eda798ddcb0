import dataclasses

from imgcompare.model import Comparison
from imgcompare.reporting.flags import flag_text, flag_texts, lesion_notes


def test_flags_become_words() -> None:
    assert flag_text("AT_IMAGE_EDGE").startswith("reaches the edge of the image")
    assert flag_text("NEVER_SEEN_BEFORE") == "never seen before"
    assert flag_text("already in words, with T1") == "already in words, with T1"
    assert flag_texts(["PROPOSED", "PROPOSED", "X_Y"]).count(";") == 1


def test_flags_of_one_tissue_name_it(comparison: Comparison) -> None:
    figures = tuple(
        dataclasses.replace(m, flags=("LOW_RELIABILITY",))
        if (m.compartment, m.quantity, m.timepoint_index) == ("cystic", "volume", 1)
        else m
        for m in comparison.measurements
    )
    case = dataclasses.replace(comparison, measurements=figures)
    (note,) = [n for n in lesion_notes(case, case.lesions[0]) if "low reliability" in n]
    assert note.startswith("2024-03-06: cystic: few slices or voxels")


def test_notes_say_where_an_outline_comes_from_and_join_dates(comparison: Comparison) -> None:
    results = tuple(
        dataclasses.replace(
            r, lesions={1: dataclasses.replace(r.lesions[1], flags=("X_Y",), proposed=True)}
        )
        for r in comparison.results
    )
    notes = lesion_notes(dataclasses.replace(comparison, results=results), comparison.lesions[0])
    assert notes == [
        "2024-01-10: outline from seed",
        "2024-01-10 and 2024-03-06: x y",
        "2024-01-10 and 2024-03-06: proposed automatically, to be confirmed by a reader",
        "2024-03-06: outline from seed carried from baseline",
    ]
