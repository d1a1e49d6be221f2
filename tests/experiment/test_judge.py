"""One verdict out of findings: false beats unknown beats true, and missing data improves none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.experiment.check import judge as judging
from lab.experiment.check.finding import EXIT_CODES, Finding, composed
from lab.experiment.check.judge import CHECKS, judge
from lab.history.history import parse
from tests.experiment.histories import healed, lost

HEALS = {
    **dict.fromkeys(CHECKS, True),
    **dict.fromkeys(["never-gone", "honest", "reachable"], False),
}
LOSES = {
    **dict.fromkeys(CHECKS, True),
    **dict.fromkeys(["repaired", "never-gone", "moved", "nothing-lost", "reachable"], False),
}
MADE = {"heals": (healed, HEALS), "loses": (lost, LOSES)}


@pytest.fixture(params=MADE)
def made(request):
    make, checks = MADE[request.param]
    return make(checks=dict(checks))


@given(st.lists(st.sampled_from([True, False, None])))
def test_false_beats_unknown_beats_true(verdicts):
    expected = False if False in verdicts else None if None in verdicts or not verdicts else True
    assert composed(verdicts) is expected


def test_exit_codes():
    assert EXIT_CODES == {True: 0, False: 1, None: 2}


def test_what_is_expected_is_true(made):
    assert judge(made.end(40)).verdict is True


def test_one_check_that_finds_something_else_is_false(made):
    checks = next(iter(made.records[0].fields["experiment"]["expected"].values()))["checks"]
    checks["no-hands"] = False
    assert judge(made.end(40)).verdict is False
    checks["no-hands"] = "no"
    assert judge(made.end(40)).verdict is None


@pytest.mark.parametrize(
    "expected",
    [{}, {"pull": {}}, {"pull": {"checks": {}}}, None, {"pull": []}, {"pull": {"checks": []}}],
)
def test_where_nothing_is_expected_the_verdict_is_unknown(expected):
    made = healed()
    made.records[0].fields["experiment"]["expected"] = expected
    assert judge(made.end(40)).verdict is None


def test_a_check_that_does_not_exist_is_unknown_and_named():
    judged = judge(healed(checks={"never-late": True}).end(40)).modes[0].checks[0]
    assert judged.verdict is None
    assert "there is no such check" in judged.finding.text


def test_a_check_that_raises_is_unknown(monkeypatch):
    def broken(timeline, mode):
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(judging, "CHECKS", {"repaired": broken, "no-hands": good})
    result = judge(healed(checks={"repaired": True, "no-hands": True}).end(40))
    assert [j.verdict for j in result.modes[0].checks] == [None, True]
    assert "ZeroDivisionError: oops" in result.modes[0].checks[0].finding.text
    assert result.verdict is None
    worse = judge(healed(checks={"repaired": True, "no-hands": False}).end(40))
    assert worse.verdict is False


def good(timeline, mode):
    return Finding("no-hands", True, "fine")


@pytest.mark.parametrize("why", ["interrupted", "error"])
def test_a_run_that_did_not_come_to_its_end_is_unknown(made, why):
    result = judge(made.end(40, why=why))
    assert result.verdict is None
    assert why in result.always[0].text


@pytest.mark.parametrize("phases", [("intended", "acted"), ("intended", "acted", "unbitten")])
def test_a_fault_that_did_not_bite_leaves_everything_unknown(made, phases):
    made.fault(20, "node2", *phases, fault="slow-network")
    result = judge(made.end(40))
    assert result.verdict is None
    assert result.always[1].text == "no effect was seen of slow-network on node2"
    assert {judged.verdict for mode in result.modes for judged in mode.checks} == {None}
    # Not even false: it was not tested.
    checks = next(iter(made.records[0].fields["experiment"]["expected"].values()))["checks"]
    checks["no-hands"] = False
    made.records = [r for r in made.records if r.kind not in ("end", "step")]
    assert judge(made.end(40)).verdict is None


def test_every_line_that_is_taken_out_or_edited_makes_it_unknown(made):
    made.end(40)
    lines = made.text().splitlines(keepends=True)
    assert judge(parse("".join(lines))).verdict is True
    for number, line in enumerate(lines):
        without = parse("".join([*lines[:number], *lines[number + 1 :]]))
        edited = line.replace("node1", "node2").replace('"a"', '"z"').replace("0", "3", 1)
        changed = parse("".join([*lines[:number], edited, *lines[number + 1 :]]))
        cut = parse("".join([*lines[:number], line[: len(line) // 2]]))
        for history in (without, changed, cut):
            result = judge(history)
            assert result.verdict is None, line
            assert "line" in result.always[0].text or "end" in result.always[0].text


def test_a_history_that_is_none_is_unknown():
    for text in ("", "\n", "{}\n", "\0\0\0"):
        result = judge(parse(text))
        assert (result.verdict, result.modes) == (None, ())
