"""What headers and query parameters mean: tables."""

import pytest

from services.pull import conditions
from services.pull.conditions import BadCondition
from services.state import ABSENT, EXISTS


@pytest.mark.parametrize(
    ("if_match", "if_none_match", "expect"),
    [
        pytest.param(None, None, None, id="no condition"),
        pytest.param('"17"', None, 17, id="a revision"),
        pytest.param(' "17" ', None, 17, id="a revision among blanks"),
        pytest.param("*", None, EXISTS, id="anything that exists"),
        pytest.param(None, "*", ABSENT, id="nothing that exists"),
    ],
)
def test_a_writer_expects(if_match, if_none_match, expect):
    assert conditions.expected(if_match, if_none_match) == expect


def test_revision_0_is_nobodys_and_does_not_stand_for_absent():
    assert conditions.expected('"0"') not in (None, ABSENT, EXISTS)


@pytest.mark.parametrize(
    ("if_match", "if_none_match"),
    [
        pytest.param("", None, id="an empty If-Match is no missing one"),
        pytest.param("17", None, id="without its quotes"),
        pytest.param('W/"17"', None, id="weak"),
        pytest.param('"17", "18"', None, id="two"),
        pytest.param('"epoch-17"', None, id="the ETag of a list"),
        pytest.param('"-1"', None, id="negative"),
        pytest.param('"٣"', None, id="a digit that is not ASCII"),
        pytest.param('"1234567890123456789"', None, id="beyond any revision"),
        pytest.param(None, '"17"', id="If-None-Match with a revision"),
        pytest.param(None, "", id="an empty If-None-Match"),
        pytest.param("*", "*", id="both"),
    ],
)
def test_a_condition_that_is_not_understood_is_refused_with_a_hint(if_match, if_none_match):
    with pytest.raises(BadCondition) as refused:
        conditions.expected(if_match, if_none_match)
    assert refused.value.hint


@pytest.mark.parametrize(
    ("known", "is_same"),
    [
        ('"e-1"', True),
        ('W/"e-1"', True),
        ('"x", "e-1"', True),
        ('"e-2"', False),
        ('"e-11"', False),
        ("e-1", False),
        ("", False),
    ],
)
def test_a_reader_has_the_same(known, is_same):
    assert conditions.same(known, conditions.etag("e", 1)) is is_same


@pytest.mark.parametrize(
    ("text", "seconds"), [(None, 0), ("0", 0), ("0.25", 0.25), ("60", 60), ("1e1", 10)]
)
def test_seconds_to_wait(text, seconds):
    assert conditions.wait_s(text) == seconds


@pytest.mark.parametrize("text", ["", "x", "-1", "60.1", "nan", "inf", "1 s", "9" * 400])
def test_what_is_no_number_of_seconds_is_refused(text):
    with pytest.raises(BadCondition, match="wait="):
        conditions.wait_s(text)


@pytest.mark.parametrize(("text", "revision"), [(None, 0), ("0", 0), ("9" * 18, 10**18 - 1)])
def test_a_revision_to_begin_after(text, revision):
    assert conditions.since(text) == revision


@pytest.mark.parametrize("text", ["", "-1", "1.0", "x", "²", "9" * 19])
def test_what_is_no_revision_is_refused(text):
    with pytest.raises(BadCondition, match="since="):
        conditions.since(text)


@pytest.mark.parametrize(
    ("prefer", "is_minimal"),
    [
        ("", False),
        ("return=representation", False),
        ("return=minimal", True),
        ("respond-async, Return=Minimal", True),
        ("return=minimalist", False),
    ],
)
def test_who_prefers_a_short_answer(prefer, is_minimal):
    assert conditions.minimal(prefer) is is_minimal


@pytest.mark.parametrize(("text", "value"), [(None, False), ("true", True), ("false", False)])
def test_a_flag(text, value):
    assert conditions.flag("unassigned", text) is value


@pytest.mark.parametrize("text", ["", "1", "True"])
def test_what_is_no_flag_is_refused(text):
    with pytest.raises(BadCondition, match="unassigned="):
        conditions.flag("unassigned", text)
