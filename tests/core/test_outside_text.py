"""What came from elsewhere: JSON is decoded strictly, and text is printed on one line."""

import json
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core import wire, wire_nodes
from services.core.errors import (
    ApiRefused,
    ApiUnreachable,
    BadShape,
    CommandFailed,
    LabError,
    NodeUnreachable,
    printable,
    printable_lines,
    shown,
)
from services.core.fields import decode, refusal, seconds

FORGED = "a\n     12  STOP b\r\x1b[2J\x07\x7f\x9b\u202eevil\u2066\u2028\ud800"
DEEP = 100_000
NESTED = {"[": "[" * DEEP + "]" * DEEP, "{": '{"a":' * DEEP + "1" + "}" * DEEP, "open": "[" * DEEP}


def nested(depth):
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


def test_text_of_any_language_stays_as_it_is():
    text = r"déjà vu, 東京, عربى, 🙂 \ 'a' \x1b"
    assert printable(text) == text


def test_what_a_terminal_obeys_is_escaped_visibly():
    assert printable(FORGED) == (
        r"a\n     12  STOP b\r\x1b[2J\x07\x7f\x9b\u202eevil\u2066\u2028\ud800"
    )


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_printable_text_is_one_line_that_any_stream_takes_and_printing_it_twice_changes_nothing(
    text,
):
    once = printable(text)
    assert len(once.splitlines()) <= 1
    assert not {unicodedata.category(char) for char in once} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    once.encode()
    assert printable(once) == once


def test_only_our_own_line_feeds_stay():
    assert printable_lines("one\ntwo\rthree\x0bfour") == "one\ntwo\\rthree\\x0bfour"


@pytest.mark.parametrize(
    "error",
    [
        ApiRefused("http://x/", 500, FORGED, FORGED),
        ApiUnreachable("http://x/", FORGED),
        CommandFailed("node1", "start", 1, FORGED.replace("\n", "")),
        NodeUnreachable("node1", 1, FORGED),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_that_repeats_what_a_machine_said_is_one_line(error):
    for text in (str(error), error.hint):
        assert printable(text) == text


@pytest.mark.parametrize(
    "raw",
    [
        *(pytest.param(text.encode(), id=f"nested {name}") for name, text in NESTED.items()),
        *(b"NaN", b"[Infinity]", b"-Infinity", b"1e999", b"[-1e999]", b"1" * 10_000),
        *(
            b"\xff",
            b'"\xc3"',
            b'"\xed\xa0\x80"',
            b"",
            b"{",
            b"\xef\xbb\xbf{}",
            "[1]".encode("utf-16"),
        ),
    ],
    ids=lambda raw: repr(raw[:20]),
)
def test_what_is_not_json_is_a_value_error(raw):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - whichever kind of it
        decode(raw)
    assert len(str(caught.value)) < 200


def test_json_is_what_it_was():
    assert decode(b'{"a": [1, 1.5, "\\ud800", null]}') == {"a": [1, 1.5, "\ud800", None]}


def test_values_are_shown_in_short_however_large_or_nested():
    assert shown("a" * 1000).endswith("...")
    assert len(shown(list(range(1000)))) == 80
    assert shown(nested(sys.getrecursionlimit() * 2)) == "a deeply nested list"


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 10**400, -1, True, "1", None, 2e12])
def test_no_duration(value):
    with pytest.raises(BadShape):
        seconds({"lease_s": value}, "lease_s")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"error": "no", "hint": "try"}, ("no", "try")),
        ({"error": ["no"]}, ("['no']", "")),
        (["no"], ("", "")),
        (None, ("", "")),
        ({"error": nested(3000)}, ("a deeply nested list", "")),
    ],
    ids=["as it should be", "a list", "no object", "nothing", "nested"],
)
def test_a_refusal_is_read_whatever_it_is(body, said):
    assert refusal(body) == said


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.integers()
    | st.text(st.characters(codec=None, exclude_categories=())),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["containers", "nodes", "name", "running", "events", "revision", "lease_s"]
            ),
            inner,
        )
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    "load",
    [
        wire.load_assignment, wire.load_beat, wire.load_placed, wire.load_running,
        wire_nodes.load_nodes, wire_nodes.load_node_status, wire_nodes.load_events,
    ],
    ids=lambda load: load.__name__,
)  # fmt: skip
@given(json_values)
def test_any_answer_is_loaded_or_refused_with_an_error_of_ours(load, value):
    text = ""
    try:
        load(decode(json.dumps(value)))
    except LabError as error:
        text = str(error)
    assert printable(text) == text
