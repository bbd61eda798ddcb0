"""criteria.md §7: each pattern where its rule is met, and not where it just is not."""

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgcompare.model import (
    Change,
    ClinicalEvent,
    ClinicalEventKind,
    Exceeds,
    Lesion,
    LesionRole,
    Measurement,
    ReaderFinding,
    ReaderInput,
)
from imgcompare.response import Recist11
from imgcompare.response.patterns import find_patterns
from imgcompare.response.readings import CourseReadings

START = dt.date(2024, 1, 10)
FORBIDDEN = ("pseudoprogression", "hyperprogress", "progression of cancer", "tumour progression")
NAN = float("nan")


def figures(values):
    """Measurements from {(lesion, compartment, quantity): values over time}; None is missing."""
    units = {"volume": "mL", "bidimensional_product": "mm2", "mean_intensity": "HU"}
    return tuple(
        Measurement(i, t, compartment, quantity, float(v), units.get(quantity, "mm"))
        for (i, compartment, quantity), row in values.items()
        for t, v in enumerate(row)
        if v is not None
    )


def change(key, row, t, exceeds):
    """Change from the baseline to t."""
    i, compartment, quantity = key
    return Change(
        i, compartment, quantity, "mL", "baseline", 0, t, 42, row[0], row[t], row[t] - row[0],
        0.0, 0.0, NAN, NAN, NAN, NAN, exceeds, "",
    )  # fmt: skip


def patterns(
    values, *, exceeds=None, events=(), days=42, site="", baseline=0, roles=(), reader=None, new=()
):
    count = max(len(row) for row in values.values())
    lesions = tuple(
        Lesion(i, f"1.{i}", site, LesionRole.NEW if i in new else LesionRole.TARGET)
        for i in sorted({key[0] for key in values})
    )
    course = CourseReadings(
        lesions,
        figures(values),
        tuple(START + dt.timedelta(days=days * t) for t in range(count)),
        baseline_index=baseline,
        clinical=tuple(
            ClinicalEvent(ClinicalEventKind(kind), START + dt.timedelta(days=day), value)
            for kind, day, value in events
        ),
        reader=reader or ReaderInput(),
    )
    changes = [
        change(key, values[key], len(values[key]) - 1, verdict)
        for key, verdict in (exceeds or {}).items()
    ]
    found = find_patterns(course, Recist11().assess(course), changes)
    for observation in found:
        assert not any(word in observation.text.lower() for word in FORBIDDEN)
    return {o.code: o for o in found}


ENHANCING, WHOLE = (1, "enhancing", "volume"), (1, "whole", "volume")
NECROTIC, CYSTIC, OEDEMA = (
    (1, "necrotic", "volume"),
    (1, "cystic", "volume"),
    (1, "oedema", "volume"),
)
LENGTH = (1, "whole", "longest_diameter")
RT = ("radiotherapy_end", -14, "")


def test_early_growth_after_radiotherapy_has_numbers_window_and_recheck():
    found = patterns({ENHANCING: [12.1, 17.3]}, events=[RT])["EARLY_GROWTH_RT"]
    assert found.text.startswith("Enhancing volume rose 43 % (12.1 → 17.3 mL) 8 weeks after")
    assert "within the 12-week window" in found.text
    assert "at least 4 weeks later" in found.text
    assert found.flags == ()


@pytest.mark.parametrize(
    ("key", "row", "expected"),
    [
        (ENHANCING, [10, 14.0], True),
        (ENHANCING, [10, 13.99], False),
        ((1, "enhancing", "bidimensional_product"), [100, 125], True),
        ((1, "enhancing", "bidimensional_product"), [100, 124.9], False),
        (ENHANCING, [10, 5, 7.0], True),  # against the nadir
    ],
)
def test_early_growth_counts_at_its_thresholds(key, row, expected):
    assert ("EARLY_GROWTH_RT" in patterns({key: row}, events=[("radiotherapy_end", 0, "")])) is (
        expected
    )


def test_a_longer_product_of_a_rim_that_lost_volume_is_no_growth():
    product = (1, "enhancing", "bidimensional_product")
    events = [("radiotherapy_end", 0, "")]
    assert "EARLY_GROWTH_RT" not in patterns(
        {product: [160, 357], ENHANCING: [7.5, 3.8]}, events=events
    )
    assert "EARLY_GROWTH_RT" in patterns(
        {product: [160, 357], ENHANCING: [7.5, 7.6]}, events=events
    )


@pytest.mark.parametrize(("day", "expected"), [(-42, True), (-43, False)])
def test_the_window_of_84_days_is_inclusive(day, expected):
    found = patterns({ENHANCING: [10, 15]}, events=[("radiotherapy_end", day, "")])
    assert ("EARLY_GROWTH_RT" in found) is expected


def test_growth_outside_the_radiation_field_is_not_explained_by_it():
    outside = ReaderInput(findings={1: (ReaderFinding.OUTSIDE_RADIATION_FIELD,)})
    assert patterns({ENHANCING: [10, 15]}, events=[RT], reader=outside) == {}


def test_without_an_events_table_the_window_is_unknown():
    found = patterns({ENHANCING: [10, 15]}, site="left frontal lobe")["EARLY_GROWTH_RT"]
    assert found.flags == ("WINDOW_UNKNOWN",)
    assert "unknown" in found.text
    assert patterns({ENHANCING: [10, 15]}, site="liver") == {}


def test_growth_that_recedes():
    found = patterns({LENGTH: [40, 50, 42]}, events=[("immunotherapy_start", 0, "")])
    text = found["GROWTH_THEN_DECLINE"].text
    assert "rose to 50.0 mm (+25 %" in text
    assert "was 42.0 mm on 2024-04-03, 42 days later" in text
    assert "6 weeks after immunotherapy began (early" in text
    late = patterns({LENGTH: [40, 50, 42]}, events=[("immunotherapy_start", -50, "")])
    assert "(late, more than 12 weeks)" in late["GROWTH_THEN_DECLINE"].text


def test_growth_that_recedes_needs_28_days_and_no_new_therapy():
    row = {LENGTH: [40, 50, 42]}
    assert "GROWTH_THEN_DECLINE" not in patterns(row, days=27)
    assert "GROWTH_THEN_DECLINE" in patterns(row, days=28)
    assert "GROWTH_THEN_DECLINE" not in patterns(row, events=[("therapy_start", 60, "B")])
    assert "GROWTH_THEN_DECLINE" in patterns(row, events=[("therapy_start", -7, "A")])
    assert "GROWTH_THEN_DECLINE" not in patterns({LENGTH: [40, 50, 49]})  # still progression


def test_a_response_that_fades():
    found = patterns({LENGTH: [100, 60, 72]})["RESPONSE_FADES"]
    assert "+20 % against the nadir" in found.text
    assert "-28 % against the baseline" in found.text
    assert "RESPONSE_FADES" not in patterns({LENGTH: [100, 60, 71.9]})


def test_rapid_growth_needs_a_scan_before_the_baseline():
    row = {LENGTH: [48, 50, 70]}
    found = patterns(row, baseline=1)["RAPID_GROWTH"]
    assert "Champiat 2017" in found.text
    assert "meets the numeric definition" in found.text
    assert "RAPID_GROWTH" not in patterns(row)
    assert "RAPID_GROWTH" not in patterns(row, baseline=1, days=85)


def test_lesions_that_go_different_ways():
    second = (2, "whole", "longest_diameter")
    found = patterns({LENGTH: [30, 21], second: [25, 30]})["DISSOCIATED"]
    assert found.lesion_ids == (1, 2)
    assert "lesion 1 -30 % (30.0 → 21.0 mm)" in found.text
    assert "DISSOCIATED" not in patterns({LENGTH: [30, 21.1], second: [25, 30]})
    assert "DISSOCIATED" not in patterns({LENGTH: [30, 21], second: [20, 24]})  # 4 mm


def test_a_new_lesion_during_a_response():
    second = (2, "whole", "longest_diameter")
    found = patterns({LENGTH: [30, 20], second: [None, 12]}, new=(2,))["DISSOCIATED"]
    assert "a reader's decision" in found.text


def test_necrosis_increases_in_a_lesion_of_the_same_size():
    rows = {WHOLE: [10, 10.2], NECROTIC: [1.0, 3.1], ENHANCING: [9.0, 7.1]}
    beyond = {NECROTIC: Exceeds.YES, WHOLE: Exceeds.NO}
    assert "from 10 to 30 %" in patterns(rows, exceeds=beyond)["NECROSIS_INCREASE"].text
    assert "NECROSIS_INCREASE" not in patterns({**rows, NECROTIC: [1.0, 3.0]}, exceeds=beyond)
    for doubt in ({NECROTIC: Exceeds.BORDERLINE}, {WHOLE: Exceeds.YES}):
        assert "NECROSIS_INCREASE" not in patterns(rows, exceeds={**beyond, **doubt})


def test_fluid_increases():
    rows = {WHOLE: [10, 14], CYSTIC: [1.0, 4.9]}
    hu = (1, "cystic", "mean_intensity")
    assert "from 10 to 35 %" in patterns(rows)["CYSTIC_CONVERSION"].text
    assert "CYSTIC_CONVERSION" in patterns({**rows, hu: [15, 20]})
    assert "CYSTIC_CONVERSION" not in patterns({**rows, hu: [15, 21]})
    assert "CYSTIC_CONVERSION" not in patterns({**rows, CYSTIC: [1.0, 4.1]})


def test_solid_tissue_declines_in_a_lesion_of_stable_size():
    rows = {LENGTH: [40, 36], ENHANCING: [20, 7.0]}
    assert "fell 65 %" in patterns(rows)["SOLID_DECLINE_TOTAL_STABLE"].text
    assert "SOLID_DECLINE_TOTAL_STABLE" not in patterns({**rows, ENHANCING: [20, 7.1]})
    assert "SOLID_DECLINE_TOTAL_STABLE" not in patterns({**rows, LENGTH: [40, 28]})
    viable = {LENGTH: [40, 36], (1, "enhancing", "longest_diameter"): [40, 28]}
    assert "SOLID_DECLINE_TOTAL_STABLE" in patterns(viable)


def test_enhancement_falls_while_flair_rises():
    rows = {ENHANCING: [20, 10], (1, "t2_flair", "volume"): [40, 50]}
    found = patterns(rows)["PSEUDORESPONSE_LIKE"]
    assert "not recorded" in found.text
    assert found.flags == ("WINDOW_UNKNOWN",)
    drug = patterns(rows, events=[("therapy_start", 0, "Bevacizumab")])["PSEUDORESPONSE_LIKE"]
    assert "one is recorded" in drug.text
    assert "PSEUDORESPONSE_LIKE" not in patterns({**rows, ENHANCING: [20, 10.1]})
    assert "PSEUDORESPONSE_LIKE" not in patterns({**rows, (1, "t2_flair", "volume"): [40, 49.9]})
    made = {ENHANCING: [20, 10], WHOLE: [22, 12], OEDEMA: [18, 38]}
    assert "PSEUDORESPONSE_LIKE" in patterns(made)


def test_only_oedema_changes():
    rows = {ENHANCING: [20, 20.5], OEDEMA: [18, 38]}
    beyond = {OEDEMA: Exceeds.YES, ENHANCING: Exceeds.NO}
    assert "EDEMA_ONLY" in patterns(rows, exceeds=beyond)
    assert "EDEMA_ONLY" not in patterns(rows, exceeds={**beyond, OEDEMA: Exceeds.BORDERLINE})


def test_a_stable_course_shows_nothing():
    assert patterns({LENGTH: [40, 41, 40], ENHANCING: [20, 20, 20], WHOLE: [21, 21, 21]}) == {}


SIZES = st.one_of(st.none(), st.floats(0, 200))


@settings(deadline=None, max_examples=60)
@given(
    st.dictionaries(
        st.tuples(
            st.integers(1, 3),
            st.sampled_from(["whole", "enhancing", "necrotic", "cystic", "oedema"]),
            st.sampled_from(["volume", "longest_diameter"]),
        ),
        st.lists(SIZES, min_size=4, max_size=4),
        min_size=1,
    ),
    st.integers(0, 2),
)
def test_any_course_gives_observations_without_a_diagnosis(values, baseline):
    patterns(values, baseline=baseline)
