import dataclasses
import math

import pytest

from imgcompare.model import (
    NOT_IMAGED_BEFORE,
    WHOLE,
    ComparabilityFinding,
    Comparison,
    Concern,
    EventKind,
    Exceeds,
    Lesion,
    Measurement,
    Role,
    Severity,
    Tissue,
)
from imgcompare.reporting.findings import growth_sources, headline, lesion_details, outcome
from imgcompare.reporting.lookup import find_change, trend
from tests.reporting.builders import event, make_change

YES, NO, MAYBE, UNKNOWN = Exceeds.YES, Exceeds.NO, Exceeds.BORDERLINE, Exceeds.UNKNOWN
SAME_SIZE = "same size within measurement error, but "
FORBIDDEN = ("progression", "pseudo", "malignan", "respon", "cancer", "recurrence", "treatment")


def volume(lesion: int, index: int, value: float, compartment: str = WHOLE) -> Measurement:
    return Measurement(lesion, index, compartment, "volume", value, "mL")


def course_of(
    comparison: Comparison,
    *lesions: dict[str, tuple[float, float, Exceeds]],
) -> Comparison:
    """The same comparison with other figures: per lesion, compartment → first, last, verdict."""
    figures, changes = [], []
    for n, lesion in enumerate(lesions, start=1):
        for compartment, (first, last, exceeds) in lesion.items():
            pair = (volume(n, 0, first, compartment), volume(n, 1, last, compartment))
            figures += [m for m in pair if not math.isnan(m.value)]
            if not any(math.isnan(m.value) for m in pair):
                changes.append(make_change(*pair, exceeds=exceeds))
    return dataclasses.replace(
        comparison,
        lesions=tuple(Lesion(n, f"1.{n}") for n in range(1, len(lesions) + 1)),
        measurements=tuple(figures),
        changes=tuple(changes),
        events=(),
    )


def test_the_example_of_the_issue(comparison: Comparison) -> None:
    case = course_of(comparison, {"whole": (14.56, 26.5, YES), "enhancing": (13.27, 9.82, YES)})
    assert headline(case) == (
        "Lesion 1: whole volume +82 % (14.6 → 26.5 mL), enhancing −26 % (13.3 → 9.8 mL): "
        "growth is in the non-enhancing part"
    )


@pytest.mark.parametrize(
    ("whole", "enhancing", "ending"),
    [
        ((10, 20, YES), (8, 17, YES), "growing, the enhancing part with it"),
        ((10, 20, YES), (8, 9, YES), "growing, mostly in the non-enhancing part"),
        (
            (10, 20, YES),
            (8, 8.1, NO),
            "growth is in the non-enhancing part, the enhancing part is unchanged within "
            "measurement error",
        ),
        (
            (10, 20, YES),
            (8, 7, MAYBE),
            "growth is in the non-enhancing part, the decrease of the enhancing part is at the "
            "limit of measurement error",
        ),
        ((20, 10, YES), (17, 8, YES), "shrinking, the enhancing part with it"),
        ((20, 10, YES), (17, 15, YES), "shrinking, mostly in the non-enhancing part"),
        ((20, 10, YES), (3, 6, YES), "smaller as a whole, but its enhancing part grew"),
        (
            (20, 10, YES),
            (8, 8.2, NO),
            "the decrease is in the non-enhancing part, the enhancing part is unchanged within "
            "measurement error",
        ),
        ((10, 10.2, NO), (8, 8.1, NO), "no change beyond measurement error"),
        ((10, 10.2, NO), (5, 8, YES), SAME_SIZE + "more of it enhances"),
        ((10, 10.2, NO), (8, 5, YES), SAME_SIZE + "less of it enhances"),
        (
            (10, 11.5, MAYBE),
            (8, 9, MAYBE),
            "the whole possibly grew (at the limit of measurement error), the enhancing part "
            "possibly grew (at the limit of measurement error)",
        ),
        (
            (10, 8.5, MAYBE),
            (8, 8, NO),
            "the whole possibly shrank (at the limit of measurement error), the enhancing part is "
            "unchanged within measurement error",
        ),
        (
            (10, 20, UNKNOWN),
            (8, 4, YES),
            "the whole changed by an amount whose measurement error is not known, the enhancing "
            "part shrank",
        ),
        ((10, 20, YES), (0, 0, NO), "the lesion grew; no enhancement at either timepoint"),
        ((10, 10, NO), (0, 0, NO), "the lesion is unchanged within measurement error; "
         "no enhancement at either timepoint"),
    ],
)  # fmt: skip
def test_wording_of_every_pattern(
    whole: tuple[float, float, Exceeds],
    enhancing: tuple[float, float, Exceeds],
    ending: str,
    comparison: Comparison,
) -> None:
    text = headline(course_of(comparison, {"whole": whole, "enhancing": enhancing}))
    assert text.endswith(f": {ending}")
    assert text.startswith("Lesion 1: whole volume ")
    assert "\n" not in text
    assert not any(word in text.lower() for word in FORBIDDEN)


def test_enhancement_that_appears_has_no_percentage(comparison: Comparison) -> None:
    case = course_of(comparison, {"whole": (10, 20, YES), "enhancing": (0, 8, YES)})
    assert "enhancing 0 → 8.0 mL: growing" in headline(case)


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        (Role.T1, "a T1 series before contrast is missing"),
        (Role.T1C, "a T1 series after contrast is missing"),
    ],
)
def test_missing_series_are_named(missing: Role, words: str, comparison: Comparison) -> None:
    results = []
    for r in comparison.results:
        images = {k: v for k, v in r.aligned.images.items() if k is not missing}
        aligned = dataclasses.replace(r.aligned, images=images, reference_role=Role.FLAIR)
        results.append(dataclasses.replace(r, aligned=aligned))
    case = course_of(comparison, {"whole": (10, 20, YES)})
    text = headline(dataclasses.replace(case, results=tuple(results)))
    assert text == (
        "Lesion 1: whole volume +100 % (10.0 → 20.0 mL): the lesion grew; "
        f"enhancement cannot be measured: {words}"
    )


def test_a_single_ct_phase_is_never_called_enhancement(comparison: Comparison) -> None:
    results = tuple(
        dataclasses.replace(
            r,
            lesions={
                i: dataclasses.replace(s, attenuation_classes_only=True)
                for i, s in r.lesions.items()
            },
        )
        for r in comparison.results
    )
    case = course_of(comparison, {"whole": (10, 10.1, NO)})
    text = headline(dataclasses.replace(case, results=results))
    assert text.endswith(
        "no change beyond measurement error; a single CT phase cannot show enhancement"
    )


def test_lesions_found_later_or_no_longer(comparison: Comparison) -> None:
    case = course_of(
        comparison,
        {"whole": (math.nan, 1.4, YES), "enhancing": (math.nan, 1.3, YES)},
        {"whole": (3.1, 0.0, YES)},
    )
    events = (event(EventKind.NEW, 1, 1), event(EventKind.VANISHED, 1, 2))
    first, second, third = headline(dataclasses.replace(case, events=events)).splitlines()
    assert first == "2 lesions: 1 found only at follow-up and 1 no longer found"
    assert second == (
        "Lesion 1: not found before 2024-03-06; whole volume 1.4 mL, enhancing 1.3 mL on "
        "2024-03-06; whether it is new is for a reader to decide"
    )
    assert third == ("Lesion 2: no longer found on 2024-03-06; whole volume 3.1 mL on 2024-01-10")


def test_what_came_back_is_not_called_gone(comparison: Comparison) -> None:
    case = course_of(comparison, {"whole": (10.0, 20.0, YES)})
    case = dataclasses.replace(case, events=(event(EventKind.VANISHED, 1, 1),))
    gone = dataclasses.replace(
        case, results=tuple(dataclasses.replace(r, lesions={}) for r in case.results)
    )
    assert "no longer found" in headline(gone)
    assert "no longer found" not in headline(case)


def test_what_no_earlier_image_shows_is_first_imaged(comparison: Comparison) -> None:
    case = course_of(comparison, {"whole": (math.nan, 2.4, YES)})
    new = event(EventKind.NEW, 1, 1)
    hidden = dataclasses.replace(new, reason=NOT_IMAGED_BEFORE)
    assert ": not found before" in headline(dataclasses.replace(case, events=(new,)))
    text = headline(dataclasses.replace(case, events=(hidden,)))
    assert ": first imaged on" in text
    assert text.endswith("it may have been there before")


def test_a_lesion_that_the_image_cuts_off_has_no_conclusion(comparison: Comparison) -> None:
    case = course_of(
        comparison, {"whole": (14.6, 17.4, UNKNOWN), "enhancing": (13.3, 6.1, UNKNOWN)}
    )
    figures = [
        dataclasses.replace(m, flags=("AT_IMAGE_EDGE",)) if m.timepoint_index else m
        for m in case.measurements
    ]
    text = headline(dataclasses.replace(case, measurements=tuple(figures)))
    assert text.endswith("so its change is not known")
    assert "cuts the lesion off on" in text
    assert outcome(dataclasses.replace(case, measurements=tuple(figures)), case.lesions[0]) == (
        "cut off by the edge of the image"
    )


def test_why_nothing_can_be_compared_is_said(comparison: Comparison) -> None:
    case = course_of(comparison, {"whole": (14.6, math.nan, UNKNOWN)})
    text = "Lesions are outlined on one CT phase, then on two."
    found = ComparabilityFinding(
        "outline", Severity.BLOCK, (Concern.SIZE,), 0, 1, "CT_PORTAL", "one", "two", text
    )
    said = headline(dataclasses.replace(case, comparability=(found,)))
    assert f"cannot be compared ({text[:-1]}): whole volume" in said
    other = dataclasses.replace(found, concerns=(Concern.DIAMETER,))
    assert "outlined" not in headline(dataclasses.replace(case, comparability=(other,)))


def test_lesions_that_split_or_merged_are_counted_together(comparison: Comparison) -> None:
    grown = {"whole": (10.0, 14.0, YES)}
    case = course_of(comparison, grown, grown, grown, grown)
    events = (event(EventKind.SPLIT, 1, 1, 2), event(EventKind.MERGED, 1, 3, 4))
    found = dataclasses.replace(case, events=events)
    first, *lines = headline(found).splitlines()
    assert first == ("2 lesions: 1 divided, together growing and 1 merged, together growing"), (
        "four outlines are two lesions"
    )
    assert lines[0].startswith(
        "Lesion 1: divided on 2024-03-06, counted together with lesion 2: whole volume +40 %"
    )
    assert lines[1].startswith("Lesion 2: a part of lesion 1 since 2024-03-06; whole volume 14.0")
    assert lines[1].endswith("counted with lesion 1")
    assert lines[2].startswith("Lesion 3: merged on 2024-03-06, counted together with lesion 4")
    assert lines[3].startswith("Lesion 4: merged into lesion 3 on 2024-03-06;")
    assert outcome(found, case.lesions[3]) == "counted with lesion 3"


def test_a_part_that_is_gone_does_not_hide_the_others(comparison: Comparison) -> None:
    case = course_of(comparison, {"whole": (10.0, 5.0, YES)}, {"whole": (10.0, 14.0, YES)})
    gone = dataclasses.replace(case.results[-1], lesions={})
    events = (event(EventKind.SPLIT, 1, 1, 2), event(EventKind.VANISHED, 1, 1))
    found = dataclasses.replace(case, events=events, results=(*case.results[:-1], gone))
    (line, _) = headline(found).splitlines()
    assert "no longer found" not in line
    assert "whole volume −50 %" in line


def test_several_lesions_are_counted_first(comparison: Comparison) -> None:
    up, down = {"whole": (10.0, 20.0, YES)}, {"whole": (10.0, 5.0, YES)}
    mixed = headline(course_of(comparison, up, down, down)).splitlines()
    assert mixed[0] == "3 lesions, mixed course: 2 shrinking and 1 growing"
    assert len(mixed) == 4
    apart = {"whole": (10.0, 20.0, YES), "enhancing": (9.0, 8.8, NO)}
    shrunk = {"whole": (10.0, 20.0, YES), "enhancing": (9.0, 4.0, YES)}
    both = headline(course_of(comparison, apart, shrunk)).splitlines()
    assert both[0] == "2 lesions, both growing in the non-enhancing part"
    alike = headline(course_of(comparison, up, up)).splitlines()
    assert alike[0] == "2 lesions, both growing"


def test_no_lesions_one_timepoint_and_no_comparison(comparison: Comparison) -> None:
    none = dataclasses.replace(comparison, lesions=())
    assert headline(none) == "No lesion was outlined or proposed; nothing was measured."
    alone = dataclasses.replace(comparison, results=comparison.results[:1])
    assert headline(alone).endswith("on 2024-01-10; one timepoint only, no comparison")
    half = course_of(comparison, {"whole": (10.0, math.nan, YES)})
    assert headline(half) == (
        "Lesion 1: cannot be compared: whole volume 10.0 mL on 2024-01-10, "
        "not measured on 2024-03-06"
    )


def test_nan_is_no_figure_and_no_change(comparison: Comparison) -> None:
    change = make_change(volume(1, 0, 1.0), volume(1, 1, 2.0))
    broken = dataclasses.replace(change, absolute=math.nan)
    case = dataclasses.replace(comparison, changes=(broken,))
    assert find_change(case, 1, 1) is None
    assert trend(None).value == "could not be compared"


def test_sources_of_a_change_add_up(comparison: Comparison) -> None:
    case = course_of(
        comparison,
        {
            "whole": (13.8, 24.8, YES),
            "enhancing": (12.7, 9.0, YES),
            "necrotic": (1.1, 15.8, YES),
            "oedema": (20.0, 30.0, YES),
        },
    )
    text = growth_sources(case, case.lesions[0], 1)
    assert text == "The change of +11.0 mL is made up of necrotic +14.7 and enhancing −3.7 mL."
    single = course_of(comparison, {"whole": (1.0, 2.0, YES), "enhancing": (1.0, 2.0, YES)})
    assert growth_sources(single, single.lesions[0], 1) == ""


def test_details_name_the_doubling_time_of_growth_only(comparison: Comparison) -> None:
    up = course_of(comparison, {"whole": (10.0, 20.0, YES)})
    assert lesion_details(up, up.lesions[0]) == [
        "Volume doubling time over this interval: 56 days."
    ]
    down = course_of(comparison, {"whole": (20.0, 10.0, YES)})
    assert lesion_details(down, down.lesions[0]) == []


def test_opposite_courses_are_named_in_the_outcome(comparison: Comparison) -> None:
    case = course_of(comparison, {"whole": (10, 20, YES), Tissue.ENHANCING.value: (9, 4, YES)})
    assert outcome(case, case.lesions[0]) == "growing while its enhancing part shrinks"
    case = course_of(comparison, {"whole": (10, 20, YES), Tissue.ENHANCING.value: (9, 8, MAYBE)})
    assert outcome(case, case.lesions[0]) == "growing in the non-enhancing part"
    case = course_of(comparison, {"whole": (20, 10, YES), Tissue.ENHANCING.value: (2, 4, YES)})
    assert outcome(case, case.lesions[0]) == "shrinking while its enhancing part grows"
