"""What scheduler and node controller print of a server that says strange things."""

import pytest

from services.deciders import node_controller, scheduler
from services.deciders.loop import main
from tests.lab.doubles import http_server
from tests.pull.passes import decide_of

PATHS = ("containers", "nodes")


@pytest.fixture(params=[scheduler, node_controller], ids=["scheduler", "node controller"])
def outcome(request, capsys):
    """outcome(answer) -> exit code and lines of one pass against a server that says only that."""

    def outcome(answer):
        with http_server({f"GET /api/{path}": answer for path in PATHS}) as (port, _):
            arguments = ["--api", f"127.0.0.1:{port}", "--profile", "seed"]
            code = main(decide_of(request.param), arguments, {})
        out, err = capsys.readouterr()
        return code, (out + err).splitlines()

    return outcome


@pytest.mark.parametrize("body", [b"[" * 100_000, b"9" * 10_000, b"\xff", b"1e999"])
def test_nonsense_is_an_outage(outcome, body):
    code, [line] = outcome((200, body))
    assert code == 0
    assert line.startswith("nothing decided: ")
    assert "no JSON" in line


@pytest.mark.parametrize("body", [[], None, {"containers": [[]], "nodes": 1}, 5])
def test_a_document_of_another_shape_is_one_line_and_a_hint(outcome, body):
    code, lines = outcome((200, body))
    assert code == 1
    assert len(lines) == 2
    assert lines[1].startswith("hint: ")


def test_a_refusal_cannot_forge_a_line(outcome):
    evil = {"error": "no\nPLACE web -> node9: x\x1b[2J", "hint": "a\nb\u202e"}
    code, lines = outcome((400, evil))
    assert code == 1
    assert lines[0].endswith(r"answered 400: no\nPLACE web -> node9: x\x1b[2J")
    assert lines[1:] == [r"hint: a\nb\u202e"]
