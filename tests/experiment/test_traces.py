"""Traces: what is not known stays unknown, whatever is done with it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.experiment.check.traces import (
    Amount,
    Change,
    Span,
    Trace,
    all_of,
    any_of,
    combine,
    cover,
    steps,
    two_of,
)

END_S = 100.0
times = st.integers(0, 100).map(float)
changes = st.lists(
    st.builds(Change, times, st.sampled_from([0.0, 0.5, 3.0]), st.booleans()), max_size=8
)
traces = changes.map(lambda found: steps(found, END_S))
MOMENTS = [0.25 + half / 2 for half in range(199)]


def values(trace):
    return [trace.at(at_s) for at_s in MOMENTS]


@pytest.mark.parametrize(
    ("gap_s", "error_s", "spans"),
    [
        pytest.param(4, 0, [(0, 10, True), (10, 14, False), (14, 100, True)], id="no error"),
        pytest.param(
            4, 1,
            [(0, 9, True), (9, 11, None), (11, 13, False), (13, 15, None), (15, 100, True)],
            id="longer than the error",
        ),
        pytest.param(1, 1, [(0, 9, True), (9, 12, None), (12, 100, True)], id="shorter"),
        pytest.param(2, 1, [(0, 9, True), (9, 13, None), (13, 100, True)], id="as long"),
    ],
)  # fmt: skip
def test_what_is_shorter_than_the_error_is_unknown_and_never_zero(gap_s, error_s, spans):
    found = steps([Change(10, error_s, False), Change(10 + gap_s, error_s, True)], END_S, True)
    assert found.spans == tuple(Span(*span) for span in spans)


def test_before_the_first_change_nothing_is_known():
    assert steps([Change(10, 0, True)], END_S).spans == (Span(0, 10, None), Span(10, END_S, True))
    assert steps([], END_S, before=False).spans == (Span(0, END_S, False),)
    assert Trace(()).at(1) is None


@given(traces)
def test_spans_have_no_holes_and_neighbours_differ(trace):
    assert trace.spans[0].from_s == 0
    assert trace.spans[-1].to_s == END_S
    for one, other in zip(trace.spans, trace.spans[1:], strict=False):
        assert one.to_s == other.from_s
        assert one.value is not other.value


@given(changes, st.floats(0, 5))
def test_a_larger_error_makes_unknown_and_nothing_else(found, more_s):
    before = steps(found, END_S)
    after = steps([c._replace(error_s=c.error_s + more_s) for c in found], END_S)
    assert all(b in (a, None) for a, b in zip(values(before), values(after), strict=True))


@given(st.lists(traces, min_size=1, max_size=3), st.sampled_from([any_of, all_of, two_of]))
def test_a_combination_has_at_each_time_the_value_of_the_values(found, value):
    expected = [value(column) for column in zip(*map(values, found), strict=True)]
    assert values(combine(found, value)) == expected


@given(traces, times, times, st.sampled_from([True, False, None]))
def test_what_is_covered_has_the_value_and_the_rest_stays(trace, one_s, other_s, value):
    found = cover(trace, [(one_s, other_s)], value)
    for at_s, before, after in zip(MOMENTS, values(trace), values(found), strict=True):
        assert after is (value if one_s <= at_s < other_s else before)
    assert sum(span.to_s - span.from_s for span in found.spans) == END_S


@given(st.lists(st.sampled_from([True, False, None]), max_size=4))
def test_unknown_values_could_be_either(found):
    def outcomes(decide):
        worlds: list[list[bool]] = [[]]
        for value in found:
            choices = (True, False) if value is None else (value,)
            worlds = [[*world, choice] for world in worlds for choice in choices]
        return {decide(world) for world in worlds}

    for three, two in [
        (any_of, any),
        (all_of, all),
        (two_of, lambda world: sum(world) > 1),
    ]:
        possible = outcomes(two)
        assert three(found) is (possible.pop() if len(possible) == 1 else None)


def test_amounts_are_ranges():
    trace = steps([Change(10, 1, True), Change(20, 1, False), Change(50, 0, None)], END_S, False)
    assert trace.total() == Amount(8, 62)
    assert trace.longest() == Amount(8, 50)
    assert trace.first(5) == Amount(4, 6)
    assert trace.first(30) is None
    assert (trace.before(9), trace.before(19), trace.before(100)) == (False, True, None)
    assert str(Amount(1, 1.04)) == "1.0 s"
    # Never zero where it is only unknown.
    assert (str(Amount(0, 0.04)), str(Amount(0, 0))) == ("under 0.1 s", "0.0 s")
    assert str(Amount(1, 2)) == "1.0 to 2.0 s"
