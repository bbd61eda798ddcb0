import pytest

from imgcompare.model import Response
from imgcompare.response.best_overall import best_overall_response

CR, PR, SD, PD, NE = Response.CR, Response.PR, Response.SD, Response.PD, Response.NE


# criteria.md §1, "BOR confirm, min 42" and the table of confirmation
@pytest.mark.parametrize(
    ("course", "expected"),
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
        ([(42, CR), (84, PR)], SD),  # whether CR was real is for a reader
        ([(42, CR), (84, PD)], SD),
        ([(28, CR), (56, PD)], PD),
        ([(42, CR), (84, NE)], SD),
        ([(28, CR), (56, NE)], NE),
        ([(42, NE), (84, NE)], NE),
        ([(42, PD), (84, PR), (126, PR)], PD),  # nothing after progression counts
    ],
)
def test_confirmed(course, expected):
    assert best_overall_response(course, confirm=True) is expected


def test_stable_between_two_partial_responses_is_an_option():
    course = [(42, PR), (63, SD), (84, PR)]
    assert best_overall_response(course, confirm=True) is SD
    assert best_overall_response(course, confirm=True, accept_sd=True) is PR


@pytest.mark.parametrize(
    ("course", "expected"),
    [
        ([(42, PR), (84, SD)], PR),
        ([(42, SD), (84, CR), (126, PD)], CR),
        ([(28, SD), (56, PD)], PD),
        ([(42, SD), (84, PD)], SD),
        ([(42, Response.NON_CR_NON_PD)], Response.NON_CR_NON_PD),
        ([], NE),
    ],
)
def test_without_confirmation(course, expected):
    assert best_overall_response(course) is expected
