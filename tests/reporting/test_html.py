import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from imgcompare.model import Comparison, Observation, finish
from imgcompare.reporting import headline
from imgcompare.reporting.html import report_html
from imgcompare.reporting.page import keep_together
from tests.reporting.builders import (
    CaseSpec,
    EventKind,
    LesionSpec,
    Role,
    Tissue,
    event,
    make_comparison,
)

VOID = {"meta", "rect", "line", "path", "image", "polygon", "br", "link"}


class Reader(HTMLParser):
    """Collects texts and attributes, and checks that tags are closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, k, v or "") for k, v in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, k, v or "") for k, v in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.text += data


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    reader.text = reader.text.replace("\N{NO-BREAK SPACE}", " ")
    return reader


@pytest.fixture(scope="module")
def page(written: Path) -> str:
    return (written / "report.html").read_text("utf-8")


def test_the_finding_comes_first(page: str, comparison: Comparison) -> None:
    visible = re.sub(r"\s+", " ", read(page).text)
    finding = headline(comparison)
    assert finding in visible
    assert visible.index(finding) < visible.index("Research tool, not for clinical use")


def test_not_for_clinical_use_stands_at_both_ends(page: str) -> None:
    body = page[page.index("<body>") :]
    found = [m.start() for m in re.finditer("Research tool, not for clinical use", body)]
    assert len(found) == 2
    assert found[1] > len(body) - 200


def test_nothing_is_fetched_from_elsewhere(page: str) -> None:
    for tag, name, value in read(page).attributes:
        if name in ("src", "href", "xlink:href", "data", "action", "srcset", "poster"):
            assert value.startswith(("data:image/png;base64,", "#")), (tag, name, value[:60])
    assert not re.search(r"https?://|@import|url\(|<script|<link|<iframe", page)


def test_pictures_have_alternative_texts(page: str) -> None:
    drawings = re.findall(r"<svg[^>]*>", page)
    assert len(drawings) > 10
    assert all('role="img" aria-label="' in d for d in drawings)


def test_every_part_is_there(page: str, comparison: Comparison) -> None:
    text = read(page).text
    for part in (
        "Size and enhancing tissue, side by side",
        "The same anatomy at each timepoint",
        "Diameters on the native slices",
        "Response by criteria",
        "Registration",
        "What was decided automatically, and why",
        "How to read the figures",
        "a seed was given",
        "The follow-up has 5 mm slices",
        "56 days (8 weeks) later",
        f"RECIST 1.1: {comparison.assessments[0].category} (",
        "beyond error?",
        "registration 3.9 s",
    ):
        assert part in text, part


def test_texts_from_outside_cannot_break_the_page(comparison: Comparison) -> None:
    nasty = '<script>alert("x")</script> & "quoted" <b>'
    lesion = dataclasses.replace(comparison.lesions[0], site=nasty)
    case = dataclasses.replace(
        comparison,
        lesions=(lesion,),
        warnings=(nasty,),
        observations=(Observation("X", 1, (), nasty),),
    )
    page = finish(report_html(case))
    assert "<script" not in page
    assert nasty in read(page).text


def test_several_lesions_and_timepoints() -> None:
    spec = CaseSpec(
        timepoints=3,
        shape=(14, 42, 36),
        spacing_mm=(10.0, 4.8, 4.8),
        lesions=(
            CaseSpec().lesions[0],
            LesionSpec((-36, 20, 36), (12, 8, 0), (0, 0, 0)),
            LesionSpec((-30, -40, 10), (0, 0, 11), (0, 0, 5), Tissue.CYSTIC),
        ),
        events=(event(EventKind.VANISHED, 2, 2), event(EventKind.NEW, 2, 3)),
    )
    text = read(finish(report_html(make_comparison(spec)))).text
    for part in ("3 lesions: 1 growing", "no longer found on", "Since 2024-03-06", "Sum"):
        assert part in text, part


def test_poor_input_still_gives_a_report(comparison: Comparison) -> None:
    spec = CaseSpec(shape=(14, 42, 36), spacing_mm=(10.0, 4.8, 4.8), roles=(Role.FLAIR,))
    bare = make_comparison(spec)
    assert "Volume" in read(finish(report_html(bare))).text
    empty = dataclasses.replace(
        bare, lesions=(), measurements=(), changes=(), assessments=(), events=()
    )
    empty = dataclasses.replace(
        empty, results=tuple(dataclasses.replace(r, lesions={}) for r in empty.results)
    )
    assert "No lesion was outlined" in read(finish(report_html(empty))).text
    nothing = dataclasses.replace(empty, results=())
    assert "No lesion was outlined" in read(finish(report_html(nothing))).text


def test_a_long_list_of_lesions_has_pictures_for_the_largest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = CaseSpec(
        shape=(14, 42, 36),
        spacing_mm=(10.0, 4.8, 4.8),
        lesions=(LesionSpec((-36, 20, 36), (9, 8), (0, 0)), CaseSpec().lesions[0]),
    )
    monkeypatch.setattr("imgcompare.reporting.html.MOST_PICTURES", 1)
    page = finish(report_html(make_comparison(spec)))
    small = page[page.index('id="lesion-1"') : page.index('id="lesion-2"')]
    assert "Pictures are drawn for the 1 largest lesions only" in small
    assert "<image" not in small
    assert "<image" in page[page.index('id="lesion-2"') :]


def test_figures_and_units_stay_on_one_line() -> None:
    assert keep_together("sum is -3.5 mm on 2024-01-10") == (
        "sum is −3.5\N{NO-BREAK SPACE}mm on 2024-01-10"
    )
    text = keep_together("whole volume +82 % (14.6 → 26.5 mL), 1 growing")
    assert text.replace("\N{NO-BREAK SPACE}", "_") == (
        "whole volume +82_% (14.6_→_26.5_mL), 1_growing"
    )
