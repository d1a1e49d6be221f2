"""What `lab` prints of others: one line an event, and nothing that the terminal obeys."""

import io
import sys

import pytest

from lab.cli import Failed
from lab.machines import remote
from lab.terminal.progress import Progress
from lab.terminal.table import echo_json, render
from services.core.errors import ApiRefused, LabError
from tests.house.repository import name, tracked

EVIL = "x\n      9  12:00:00.000  STOPPED  web\x1b]0;title\x07\x9b2J\r\x7f\u202ey\ud800"
SHOWN = r"x\n      9  12:00:00.000  STOPPED  web\x1b]0;title\x07\x9b2J\r\x7f\u202ey\ud800"


def event(**changes):
    at = "2026-01-01T12:00:00.000Z"
    fields = {"revision": 8, "at": at, "monotonic_s": 1, "kind": "STARTED", "subject": "web"}
    return fields | {"node": "node1", "reason": ""} | changes


def page(*events):
    return 200, {"events": list(events), "revision": 9, "oldest": 0, "truncated": False}


@pytest.mark.parametrize("field", ["at", "kind", "subject", "node", "reason"])
def test_an_event_is_one_line_whatever_a_node_reported(vms, run, pull_api, field):
    text = "2026-01-01T" + EVIL if field == "at" else EVIL
    pull_api[0]["GET /api/events"] = page(event(**{field: text}), event(revision=9))
    shown = run("events")
    assert shown.exit_code == 0, shown.output
    forged, plain = shown.stdout.split("\n")[:-1]
    assert forged.startswith("      8  ")
    assert plain.startswith("      9  12:00:00.000  STARTED")
    assert forged.isprintable()
    assert field == "at" or SHOWN in forged


def test_for_programs_an_event_stays_plain_json(vms, run, pull_api):
    pull_api[0]["GET /api/events"] = page(event(reason=EVIL))
    shown = run("events", "--json").stdout
    assert shown.count("\n") == 1
    assert shown.isascii()
    assert r"\u001b]0;title\u0007\u009b2J\r\u007f\u202ey\ud800" in shown


def test_a_refusal_of_an_api_cannot_forge_a_hint(vms, run, pull_api):
    pull_api[0]["GET /api/events"] = 500, {"error": "no\nHint: rm -rf /\x1b[2J", "hint": EVIL}
    shown = run("events")
    assert shown.exit_code == 1
    error, hint = shown.stderr.splitlines()
    assert error.endswith(r"answered 500: no\nHint: rm -rf /\x1b[2J")
    assert hint == f"Hint: {SHOWN}"


@pytest.mark.parametrize(
    "answer",
    [b"[" * 100_000, b"\xff", b'{"events": 1e999}', b"null", b'{"events": [[]]}', b"[]"],
    ids=["nested", "not UTF-8", "infinite", "null", "lists", "list"],
)
@pytest.mark.parametrize("path", ["events", "nodes/node1", "containers", "nodes"])
def test_a_nonsense_answer_is_one_line_with_a_hint(vms, run, pull_api, path, answer):
    pull_api[0][f"GET /api/{path}"] = 200, answer
    pull_api[0]["PATCH /api/nodes/node1"] = 200, {}
    words = ["events"] if path == "events" else ["drain", "node1", "--timeout", "0"]
    shown = run(*words)
    assert shown.exception is None or isinstance(shown.exception, SystemExit), shown.exception
    assert "Traceback" not in shown.output


def test_cells_of_a_table_are_one_line_each():
    head, row = render(("what", "why"), [(EVIL, "b")]).split("\n")
    assert row == f"{SHOWN}  b"
    assert head.index("why") == row.index("  b") + 2


def test_our_own_line_feeds_stay_in_errors_and_in_progress():
    out = io.StringIO()
    Failed(LabError("one\ntwo\r\x1b[2J", hint="three\nfour\x07")).show(out)
    assert out.getvalue() == "Error: one\ntwo\\r\\x1b[2J\nHint: three\nfour\\x07\n"
    out = io.StringIO()
    Progress(out)(str(ApiRefused("http://x", 500, EVIL)))
    assert out.getvalue().endswith(f"  http://x answered 500: {SHOWN}\n")
    out = io.StringIO()
    Progress(out)("console: \x1b[2J\nend")
    assert out.getvalue().endswith("  console: \\x1b[2J\nend\n")


def test_json_is_what_json_says(capsys):
    echo_json({"a": EVIL})
    out = capsys.readouterr().out
    assert out.isascii()
    assert out.splitlines()[1].strip().startswith('"a": "x\\n ')


def test_logs_come_line_by_line_and_only_line_feeds_end_one(monkeypatch, lab):
    program = (
        "import sys; sys.stdout.buffer.write(b'one\\r\\x1b[2J\\xff\\x0c\\ntwo\\nend'); sys.exit(5)"
    )
    monkeypatch.setattr(remote, "_ssh", lambda machine, words: [sys.executable, "-c", program])
    lines: list[str] = []
    assert remote.stream(lab.nodes[0], ["journalctl"], lines.append) == 5
    assert lines == ["one\r\x1b[2J\ufffd\x0c", "two", "end"]


def test_nothing_but_the_table_module_prints():
    """Programs of their own, whose output other programs read, are the exception."""
    programs = {"lab/snapshot/call.py", "lab/bench/starting.py", "lab/bundle/__main__.py"}
    wrong = {
        name(path)
        for path in tracked("lab/**.py")
        if any(word in path.read_text() for word in ("click.echo(", "click.secho(", " print("))
    }
    assert wrong - programs == {"lab/terminal/table.py"}
