from imgcompare.model import Assessment, Direction, Ground, ReaderInput, Reason, Response
from imgcompare.response import Recist11
from imgcompare.response.choi import Choi
from imgcompare.response.irecist import IRecist
from imgcompare.response.mrano import MRano
from imgcompare.response.mrecist import MRecist
from imgcompare.response.rano import RanoHgg2010
from imgcompare.response.rano_rules import ConfirmBy
from imgcompare.response.side_by_side import deciding_reasons, side_by_side
from imgcompare.response.volumetric import QEasl
from imgcompare.response.who import ProgressionBy, Who
from tests.response.courses import course, event, figures


def three_visits(**more):
    """A lesion that grows while what enhances in it shrinks: seen by size, and by tissue."""
    extra = (
        *figures({1: [20, 8, 2]}, "volume", "enhancing"),
        *figures({1: [40, 25, 10]}, "longest_diameter", "enhancing"),
        *figures({1: [1200, 700, 200]}, "bidimensional_product", "enhancing"),
        *figures({1: [60, 60, 50]}, "mean_intensity"),
    )
    return course({1: [50, 52, 65]}, extra=extra, **more)


def beside(*criteria, readings=None):
    found = [a for c in criteria for a in c.assess(readings or three_visits())]
    return side_by_side(found)


def test_every_timepoint_has_every_criterion_the_first_choice_first():
    found = beside(QEasl(), MRecist(), Recist11())
    assert [s.timepoint_index for s in found] == [0, 1, 2]
    assert [o.criterion for o in found[2].opinions] == ["RECIST 1.1", "mRECIST 2010", "qEASL 2014"]
    assert not found[0].disagree
    assert found[0].causes == ()


def test_those_that_measure_different_things_are_told_apart():
    """Progression by RECIST, response by enhancing volume, and why."""
    last = beside(Recist11(), QEasl())[2]
    assert last.disagree
    assert [(o.criterion, o.direction) for o in last.differing] == [
        ("qEASL 2014", Direction.RESPONSE)
    ]
    (cause,) = last.causes
    assert (cause.ground, cause.criteria) == (Ground.FIGURE, ("qEASL 2014",))
    assert "RECIST 1.1 says PD, qEASL 2014 PR: they measure different things" in cause.text
    assert "sum of diameters (+30.0 % against nadir 2024-01-10)" in cause.text
    assert "sum of enhancing volumes (-90.0 % against baseline 2024-01-10)" in cause.text


def test_the_rule_its_number_and_threshold_are_there():
    opinion = beside(Recist11())[2].opinions[0]
    assert opinion.rule_id == "recist-1.1/target-pd"
    assert opinion.number is not None
    assert (opinion.number.value, opinion.number.threshold) == (65.0, 60.0)
    assert (opinion.unit, opinion.by_sum) == ("mm", True)


def test_the_majority_leads():
    last = beside(Recist11(), QEasl(), MRecist())[2]
    assert [o.criterion for o in last.differing] == ["RECIST 1.1"]


def test_the_same_figure_with_other_references_or_limits():
    readings = course({1: [50, 40, 52]}, extra=figures({1: [60, 60, 60]}, "mean_intensity"))
    last = beside(Recist11(), Choi(), readings=readings)[2]
    assert last.causes[0].ground is Ground.REFERENCE
    assert "different timepoints" in last.causes[0].text
    first = beside(Recist11(), Choi(), readings=readings)[1]
    words = "their limits differ: RECIST 1.1 meets none and Choi 2007 that of 45 mm"
    assert words in first.causes[0].text


def test_a_response_in_density_is_not_one_of_limits():
    """Choi: 2 % smaller, but 18 % less dense."""
    readings = course({1: [50, 49]}, extra=figures({1: [60, 49]}, "mean_intensity"))
    (cause,) = beside(Recist11(), Choi(), readings=readings)[1].causes
    assert cause.ground is Ground.FIGURE
    assert "the mean attenuation (-18.3 %" in cause.text


def test_rules_of_their_own_are_named():
    window = course(
        {1: [50, 60]},
        extra=figures({1: [1000, 1300]}, "bidimensional_product", "enhancing"),
        clinical=(event("radiotherapy_end", 10),),
    )
    (cause,) = beside(Recist11(), RanoHgg2010(), readings=window)[1].causes
    assert cause.ground is Ground.OWN_RULE
    assert "RANO-HGG 2010 decides by a rule of its own" in cause.text
    assert "recheck" in cause.text


def test_non_targets_and_new_lesions_are_rules_of_their_own():
    for reader in (
        ReaderInput(non_target={1: Response.PD}),
        ReaderInput(targets=[1], new_lesions={1: [2]}),
    ):
        rows = figures({1: [1200, 200]}, "bidimensional_product", "enhancing")
        readings = course({1: [50, 50], 2: [None, 12]}, extra=rows, reader=reader)
        found = [a for a in Recist11().assess(readings) if a.timepoint_index]
        other = MRano(confirm_reference=ConfirmBy.ORIGINAL).assess(
            course({1: [50, 50]}, extra=rows)
        )
        (cause,) = side_by_side([*found, *other])[1].causes
        assert "RECIST 1.1 decides by a rule of its own" in cause.text


def test_unconfirmed_progression_points_the_same_way():
    assert not beside(Recist11(), IRecist())[2].disagree


def test_what_is_not_evaluable_takes_no_side():
    readings = course({1: [50, 60]})
    found = beside(Recist11(), QEasl(), Who(progression_by=ProgressionBy.SUM), readings=readings)
    assert not found[1].disagree
    missing = [o for o in found[1].opinions if o.direction is Direction.NONE]
    assert {o.criterion for o in missing} == {"qEASL 2014", "WHO 1981"}
    assert all(o.missing for o in missing)


def test_the_deciding_reason_has_a_number():
    reasons = (
        Reason("x/target-pd", "sum 30 mm", 30.0, 24.0),
        Reason("x/overall", "targets PD, non-targets none, new no: PD"),
    )
    assert deciding_reasons(said("PD", reasons, "x/overall")) == reasons[:1]
    new = (*reasons, Reason("x/new-lesion", "lesion 2 is new"))
    assert deciding_reasons(said("PD", new, "x/new-lesion")) == new[2:]
    confirmed = (*reasons, Reason("x/iupd", "progression for the first time"))
    assert deciding_reasons(said("iUPD", confirmed, "x/iupd")) == (confirmed[2], confirmed[0])


def test_where_the_targets_do_not_decide_what_does_is_given():
    """Progression by a new lesion is not explained by targets that met no limit."""
    stable = Reason("x/target-sd", "neither limit is met", 30.0)
    remain = Reason("x/non-target-reader", "non-targets Non-CR/Non-PD by the reader")
    new = Reason("x/new-lesion", "lesion 2 is new")
    end = Reason("x/overall", "targets SD, non-targets Non-CR/Non-PD, new yes: PD")
    assert deciding_reasons(said("PD", (stable, remain, new, end), end.rule_id)) == (new,)
    grown = Reason("x/non-target-reader", "non-targets PD by the reader")
    end = Reason("x/overall", "targets SD, non-targets PD, new no: PD")
    assert deciding_reasons(said("PD", (stable, grown, end), end.rule_id)) == (grown,)
    gone = Reason("x/target-cr", "nothing is left of any target", 0.0)
    end = Reason("x/overall", "targets CR, non-targets Non-CR/Non-PD, new no: PR")
    assert deciding_reasons(said("PR", (gone, remain, end), end.rule_id)) == (remain, gone)


def said(category, reasons, rule_id):
    end = reasons[-1].text if reasons[-1].rule_id.endswith("overall") else reasons[1].text
    target = end.removeprefix("targets ").split(",")[0]
    return Assessment(
        "X 1", "1", 1, category, "nadir", tuple(reasons), rule_id=rule_id, target=target
    )


def test_immune_categories_rest_on_the_targets_too():
    readings = course({1: [50, 30]}, reader=ReaderInput(non_target={1: Response.NON_CR_NON_PD}))
    (_, found) = IRecist().assess(readings)
    assert [r.rule_id for r in deciding_reasons(found)] == ["irecist/target-pr"]
