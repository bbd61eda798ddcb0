import pytest

from imgcompare.model import Category, ReaderFinding, ReaderInput
from imgcompare.response import Recist11
from imgcompare.response.best_overall import BestRules, Seen, best_overall_response
from tests.response.courses import course, event

CR, PR, SD, PD, NE = Category.CR, Category.PR, Category.SD, Category.PD, Category.NE


def best(visits, **rules):
    seen = [Seen(n, day, category) for n, (day, category) in enumerate(visits, start=1)]
    return best_overall_response(seen, BestRules(**rules))


# criteria.md §1, "BOR confirm, min 42" and the table of confirmation
@pytest.mark.parametrize(
    ("visits", "expected"),
    [
        ([(42, PR), (84, SD)], SD),
        ([(42, PR), (84, PR)], PR),
        ([(42, PR), (69, PR)], SD),  # 27 days
        ([(42, PR), (70, PR)], PR),  # 28 days
        ([(28, SD), (56, PD)], PD),
        ([(28, PR), (56, PD)], PD),
        ([(28, SD), (56, NE)], NE),
        ([(42, PR), (63, NE), (84, PR)], PR),
        ([(42, CR), (84, CR)], CR),
        ([(42, PR), (84, CR)], PR),
        ([(42, CR), (84, PR)], SD),  # CR was real: what came back is progression
        ([(28, CR), (84, PR)], PD),
        ([(28, CR), (84, SD)], PD),  # the minimum counts at the first
        ([(42, CR), (84, SD)], SD),
        ([(42, CR), (84, PD)], SD),
        ([(28, CR), (56, PD)], PD),
        ([(42, CR), (84, NE)], SD),
        ([(28, CR), (56, NE)], NE),
        ([(42, NE), (84, NE)], NE),
        ([(42, PD), (84, PR), (126, PR)], PD),  # nothing after progression counts
    ],
)
def test_confirmed(visits, expected):
    assert best(visits, confirm=True).category is expected


def test_stable_between_two_partial_responses_is_an_option():
    visits = [(42, PR), (63, SD), (84, PR)]
    assert best(visits, confirm=True).category is SD
    assert best(visits, confirm=True, accept_sd=True).category is PR


@pytest.mark.parametrize(
    ("visits", "expected"),
    [
        ([(42, PR), (84, SD)], PR),
        ([(42, SD), (84, CR), (126, PD)], CR),
        ([(28, SD), (56, PD)], PD),
        ([(42, SD), (84, PD)], SD),
        ([(42, Category.NON_CR_NON_PD)], Category.NON_CR_NON_PD),
        ([], NE),
    ],
)
def test_without_confirmation(visits, expected):
    assert best(visits).category is expected


def test_each_response_says_whether_it_was_confirmed():
    readings = course({1: [100, 70, 75, 70]})
    for accept_sd, expected in ((True, True), (False, False)):
        found = Recist11(confirm=True, accept_sd=accept_sd).assess(readings)
        assert [a.confirmed for a in found] == [None, expected, None, expected]
    assert Recist11().assess(readings)[1].confirmed is None


def test_less_after_a_complete_response_is_for_a_reader():
    assert best([(42, CR), (84, PR)], confirm=True).flags == ("REVIEW_CR_THEN_LESS",)
    overcalled = [Seen(1, 42, CR, overcalled=True), Seen(2, 84, PR)]
    assert best_overall_response(overcalled, BestRules(confirm=True)).category is PR


def test_where_it_was_first_seen_and_whether_it_was_confirmed():
    found = best([(42, SD), (84, PR), (126, PR)], confirm=True)
    assert (found.timepoint, found.confirmed) == (2, True)
    assert best([(42, SD), (84, PR)]).confirmed is None
    unconfirmed = best([(42, SD), (84, PR)], confirm=True)
    assert (unconfirmed.category, unconfirmed.confirmed) == (SD, False)


def test_unknown_dates_are_said_and_never_guessed():
    unknown = best([(None, PR), (None, PR)], confirm=True)
    assert unknown.category is NE
    assert set(unknown.flags) == {"CONFIRMATION_INTERVAL_UNKNOWN", "TIME_ON_STUDY_UNKNOWN"}
    assert best([(None, PR)]).category is PR


def test_a_course_is_summed_up_with_the_date_of_its_first_progression():
    readings = course({1: [100, 70, 69, 100, 120]})
    summary = Recist11(confirm=True).summarise(readings, Recist11().assess(readings))
    assert (summary.best, summary.best_index, summary.best_confirmed) == ("PR", 1, True)
    assert summary.progression_index == 3
    assert any("2024-05-15" in r.text for r in summary.reasons)


def test_time_counts_from_the_start_of_therapy_where_it_is_known():
    """criteria.md §1: the minimum duration of SD runs from the start, default 42 days."""
    values = {1: [50, 50]}
    for start, expected in ((0, "SD"), (1, "NE")):
        readings = course(values, clinical=(event("therapy_start", start),))
        assert Recist11().summarise(readings, Recist11().assess(readings)).best == expected


def test_a_reader_says_that_a_complete_response_was_overcalled():
    reader = ReaderInput(findings={1: [ReaderFinding.CR_OVERCALLED]})
    for given, expected in ((reader, "PR"), (None, "SD")):
        readings = course({1: [50, 0, 4]}, reader=given)
        criterion = Recist11(confirm=True)
        assert criterion.summarise(readings, criterion.assess(readings)).best == expected
