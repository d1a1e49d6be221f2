"""`lab logs`: of one machine as it stands, of all machines in the order of time."""

import json
import threading
from contextlib import closing
from types import SimpleNamespace

import pytest

from lab.machines import journal, remote
from provisioning import topology
from services.core.errors import CommandFailed

LAB = topology.load()


@pytest.fixture
def streamed(monkeypatch):
    calls = []

    def stream(machine, argv, take):
        calls.append((machine.name, list(argv)))
        take("one\r\x1b[2J\u202etwo")
        return 7

    monkeypatch.setattr(remote, "stream", stream)
    return calls


def test_logs_follow_the_units_of_the_lab(run, vms, streamed):
    shown = run("logs", "node2", "-f", "--lines", "5")
    assert (shown.exit_code, shown.stdout) == (7, "one\\r\\x1b[2J\\u202etwo\n")
    ((name, words),) = streamed
    assert name == "node2"
    assert {"--unit=push-*", "--unit=pull-*", "--lines=5", "--follow"} <= set(words)


def test_logs_of_one_unit_show_nothing_else(run, vms, streamed):
    vms["api"].journal = [("pull-scheduler", "web: placed on node1")]
    run("logs", "api", "--unit", "pull-scheduler")
    ((_, words),) = streamed
    assert [word for word in words if word.startswith("--unit")] == ["--unit=pull-scheduler"]
    assert "--follow" not in words


@pytest.mark.parametrize("more", [[], ["-f"]], ids=str)
def test_a_unit_that_never_was_is_an_error_that_lists_those_there_are(run, vms, streamed, more):
    vms["node1"].units = {"pull-agent.timer": "active"}
    result = run("logs", "node1", "--unit", "nosuch", *more)
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: node1 has no unit 'nosuch', and had none\nHint: there are: pull-agent.timer\n"
    )
    assert streamed == []


def test_a_unit_that_is_on_no_machine_is_an_error_of_all_logs_too(run, vms):
    vms["node3"].state = "off"
    result = run("logs", "--all", "--unit", "nosuch")
    assert result.exit_code == 1
    assert "Error: no unit is 'nosuch'\nHint: there are: pull.target, push.target" in result.stderr


def test_logs_of_machines_that_are_silent_do_not_deny_the_unit(run, vms):
    for machine in vms.machines.values():
        machine.hangs = True
    result = run("logs", "--all", "--unit", "pull-agent")
    assert result.exit_code == 1
    assert "did not answer" in result.stderr


def test_a_unit_that_has_not_said_anything_yet_is_no_error(run, vms, streamed):
    vms["node1"].units = {"pull-leaving.service": "active"}
    assert run("logs", "node1", "--unit", "pull-leaving").exit_code == 7


@pytest.mark.parametrize("words", [[], ["node1", "--all"]], ids=str)
def test_logs_are_of_one_machine_or_of_all(run, vms, words):
    result = run("logs", *words)
    assert result.exit_code == 2
    assert "NAME of one machine, or --all" in result.stderr


def test_logs_of_all_are_in_the_order_of_time_and_say_who_speaks(run, vms):
    vms["api"].journal = [
        ("push-api.service", "start web: started on node1"),
        ("pull-scheduler.service", "web: \x1b[2Jnode1"),
    ]
    vms["node2"].journal = [("pull-agent.service", "START web: assigned here")]
    vms["node3"].state = "off"
    result = run("logs", "--all")
    assert result.exit_code == 0
    assert result.stdout == (
        "22:13:20.000  api    push        start web: started on node1\n"
        "22:13:20.002  node2  agent       START web: assigned here\n"
        "22:13:20.010  api    scheduler   web: \\x1b[2Jnode1\n"
    )
    assert result.stderr == "(node 'node3' did not answer within 5 s)\n"
    assert run("logs", "--all", "-n", "1").stdout == result.stdout.splitlines(keepends=True)[-1]


def line(cursor, text):
    at_us = 1_000_000 * cursor
    return json.dumps(
        {"__REALTIME_TIMESTAMP": str(at_us), "__CURSOR": f"c{cursor}", "MESSAGE": text}
    )


def test_what_is_followed_goes_on_where_it_was_after_a_reboot(monkeypatch):
    """Said once, however often the machine is tried; and no line is printed twice."""
    monkeypatch.setattr(journal, "_AGAIN_S", 0.01)
    monkeypatch.setattr(journal, "_TOGETHER_S", 0.01)
    begun: list[str] = []
    said: list[str] = []
    parts = [[line(1, "a"), "no JSON"], [], [], [line(2, "b")]]

    def stream(machine, argv, take, *, quiet):
        begun.append(next(word for word in argv if word.startswith("--after")))
        for text in parts.pop(0) if parts else []:
            take(text)
        return 255

    monkeypatch.setattr(remote, "stream", stream)
    node1 = LAB.machine("node1")
    with closing(journal.follow([node1], None, {"node1": "c0"}, 5, said.append)) as entries:
        assert [next(entries).text, next(entries).text] == ["a", "b"]
    assert begun[:4] == ["--after-cursor=c0", *["--after-cursor=c1"] * 3]
    assert said[0] == "(node1 does not answer; waiting for it)"
    assert len(said) <= 2


@pytest.mark.parametrize("lines", [0, 1])
def test_a_machine_whose_last_line_is_not_shown_goes_on_after_it(vms, lines):
    """Not from this computer's time: a machine whose clock is behind would be silent for long."""
    vms["api"].journal = [("push-api.service", "old")]
    vms["node2"].journal = [("pull-agent.service", "new")]
    found = journal.latest(LAB.machines, None, lines)
    assert [entry.machine for entry in found.entries] == ["node2"] * lines
    assert found.cursors == {"api": "c0", "node2": "c0"}


def test_a_machine_without_a_line_begins_with_its_first(monkeypatch):
    begun = []

    def stream(machine, argv, take, *, quiet):
        begun.append(argv)
        take(line(1, "a"))

    monkeypatch.setattr(remote, "stream", stream)
    node1 = LAB.machine("node1")
    with closing(journal.follow([node1], None, {}, 5, lambda _: None)) as entries:
        assert next(entries).text == "a"
    assert {"--follow", "--lines=5"} <= set(begun[0])
    assert not [word for word in begun[0] if word.startswith(("--since", "--no-tail"))]


def test_a_machine_on_which_no_unit_matches_is_not_called_silent(vms, monkeypatch):
    monkeypatch.setattr(journal, "_AGAIN_S", 0.01)
    failed = CommandFailed("node1", "journalctl", 1, "Failed to add filter for units")
    monkeypatch.setattr(remote, "run_all", lambda *_, **__: {"node1": failed})
    assert journal.latest([LAB.machine("node1")], "x*", 5) == ([], {}, {})
    codes: list[int] = [1, 1, 0]
    said: list[str] = []
    said_before: list[str] = []

    def stream(machine, argv, take, *, quiet):
        code = codes.pop(0) if codes else 255
        if not code:
            said_before.extend(said)
            take(line(1, "a"))
        return code

    monkeypatch.setattr(remote, "stream", stream)
    with closing(journal.follow([LAB.machine("node1")], "x*", {}, 5, said.append)) as entries:
        assert next(entries).text == "a"
    assert said_before == []


def test_lines_of_several_machines_that_come_together_are_in_order(monkeypatch):
    monkeypatch.setattr(journal, "_AGAIN_S", 60)
    lines = {"node1": line(5, "later"), "node2": line(4, "earlier")}
    together = threading.Barrier(2)

    def stream(machine, argv, take, *, quiet):
        together.wait(20)
        take(lines[machine.name])

    monkeypatch.setattr(remote, "stream", stream)
    with closing(journal.follow(LAB.nodes[:2], None, {}, 5, lambda _: None)) as entries:
        assert [next(entries).text, next(entries).text] == ["earlier", "later"]


@pytest.mark.parametrize(
    ("message", "text"), [("plain", "plain"), ([104, 105, 27, 255], "hi\x1b\ufffd")]
)
def test_a_message_that_does_not_print_comes_as_bytes(message, text):
    entry = journal.parse("api", line(1, message))
    assert entry
    assert (entry.text, entry.machine, entry.unit) == (text, "api", "")


def test_colours_are_for_terminals_and_only_of_the_label(monkeypatch, capsys):
    from lab.commands import logs

    entry = SimpleNamespace(at_us=0, machine="node1", unit="pull-agent.service", text="\x1b[1mx")
    monkeypatch.setattr("click.utils.should_strip_ansi", lambda *_, **__: False)
    logs.tell(entry)
    shown = capsys.readouterr().out
    assert shown == "\x1b[32m00:00:00.000  node1  agent     \x1b[0m  \\x1b[1mx\n"
