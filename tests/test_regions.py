import pytest

from imgcompare.model import BRAIN, LIVER, UNKNOWN, Place, common_place, place_named, regions_named


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("Liver, segment 8", Place(LIVER, "abdomen")),
        ("left hepatic lobe", Place(LIVER, "abdomen")),
        ("LEFT FRONTAL LOBE", Place(BRAIN, "head")),
        ("right-lung", Place("lung", "chest")),
        ("right lower lobe", UNKNOWN),
        ("BRAIN", Place(BRAIN, "head")),
        ("HEAD", Place("", "head")),
        ("ABDOMEN", Place("", "abdomen")),
        ("MRI_Abdomen", Place("", "abdomen")),
        ("CHESTABDPELVIS", UNKNOWN),
        ("HEADNECK", UNKNOWN),
        ("WHOLEBODY", UNKNOWN),
        ("Abdomen^Liver", Place(LIVER, "abdomen")),
        ("precentral gyrus", UNKNOWN),
        ("scribble", UNKNOWN),  # a rib is a word of its own
        ("charm", UNKNOWN),  # and so is an arm
        ("", UNKNOWN),
    ],
)
def test_texts_name_organs_or_regions(text, place):
    assert place_named(text) == place


def test_regions_of_headers():
    assert regions_named("CHESTABDPELVIS") == {"chest", "abdomen", "pelvis"}
    assert regions_named("BREAST") == {"chest"}
    assert regions_named("KNEE") == {"limbs"}
    assert regions_named("TSPINE") == {"chest"}
    assert {"head", "limbs"} < regions_named("WHOLEBODY")
    assert regions_named("") == frozenset()


@pytest.mark.parametrize(
    ("texts", "place"),
    [
        (["ABDOMEN", "", "LIVER"], Place(LIVER, "abdomen")),
        (["ABDOMEN", ""], Place("", "abdomen")),
        (["LIVER", "KIDNEY"], Place("", "abdomen")),
        (["HEAD", "ABDOMEN"], UNKNOWN),
        (["BRAIN", "LIVER"], UNKNOWN),
        (["", ""], UNKNOWN),
    ],
)
def test_headers_that_disagree_leave_it_open(texts, place):
    found, why = common_place(texts)
    assert found == place
    assert why


def test_only_what_is_known_excludes_an_organ():
    assert UNKNOWN.may_be_in(BRAIN)
    assert Place("", "abdomen").may_be_in(LIVER)
    assert not Place("", "abdomen").may_be_in(BRAIN)
    assert not Place("kidney", "abdomen").may_be_in(LIVER)
    assert str(UNKNOWN) == "unknown"
