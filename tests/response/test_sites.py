import pytest

from imgcompare.response.sites import BRAIN, LIVER, is_elsewhere, organ_named


@pytest.mark.parametrize(
    ("site", "organ"),
    [
        ("Liver, segment 8", LIVER),
        ("left hepatic lobe", LIVER),
        ("LEFT FRONTAL LOBE", BRAIN),
        ("right-lung", "lung"),
        ("precentral gyrus", None),
        ("segment 6", None),
        ("", None),
        ("scribble", None),  # a rib is a word of its own
    ],
)
def test_a_site_names_an_organ(site, organ):
    assert organ_named(site) == organ


def test_a_site_that_names_no_organ_is_not_elsewhere():
    assert not is_elsewhere("segment 6", LIVER)
    assert not is_elsewhere("liver", LIVER)
    assert is_elsewhere("liver", BRAIN)
