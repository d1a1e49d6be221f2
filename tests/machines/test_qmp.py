"""Asking a QEMU: answers, refusals, silence, and one that has ended."""

import json
import threading
from contextlib import suppress
from socket import AF_UNIX, SOCK_STREAM, socket

import pytest

from lab.machines.qemu import qmp
from provisioning.run import ToolFailed

GREETING: dict[str, object] = {"QMP": {"version": {}, "capabilities": []}}


@pytest.fixture
def qemu(tmp_path):
    """A QEMU as far as its control socket goes: one client at a time, events in between."""
    heard: list[tuple[str, object]] = []
    answers: dict[str, dict[str, object]] = {"qmp_capabilities": {"return": {}}}
    door = tmp_path / "qmp"

    def serve(client):
        with client, client.makefile("rw") as lines:
            print(json.dumps(GREETING), file=lines, flush=True)
            for line in lines:
                order = json.loads(line)
                heard.append((order["execute"], order.get("arguments")))
                answer = answers.get(order["execute"])
                if answer is None:
                    return
                if answer:
                    print(json.dumps({"event": "STOP"}), file=lines)
                    print(json.dumps(answer), file=lines, flush=True)

    with socket(AF_UNIX, SOCK_STREAM) as listening:
        listening.bind(str(door))
        listening.listen(1)

        def accept():
            with suppress(OSError):
                while True:
                    with suppress(BrokenPipeError, ConnectionResetError):
                        serve(listening.accept()[0])

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield door, heard, answers
        listening.shutdown(2)
    thread.join(20)


def test_an_answer_is_the_one_after_all_events(qemu):
    door, heard, answers = qemu
    answers["query-status"] = {"return": {"status": "paused"}}
    assert qmp.ask(door, "query-status") == {"status": "paused"}
    assert heard == [("qmp_capabilities", None), ("query-status", None)]


def test_what_is_typed_at_the_monitor_goes_as_one_line(qemu):
    door, heard, answers = qemu
    answers["human-monitor-command"] = {"return": "said\r\n"}
    assert qmp.hmp(door, "info usernet") == "said\r\n"
    assert heard[-1] == ("human-monitor-command", {"command-line": "info usernet"})


def test_a_refusal_has_qemus_words(qemu):
    door, _, answers = qemu
    answers["cont"] = {"error": {"class": "GenericError", "desc": "reset is required"}}
    with pytest.raises(ToolFailed, match="cont: reset is required"):
        qmp.ask(door, "cont")


def test_silence_ends(qemu):
    door, _, answers = qemu
    answers["stop"] = {}
    with pytest.raises(ToolFailed, match="stop: no answer") as silent:
        qmp.ask(door, "stop", timeout_s=0.2)
    assert silent.value.code == 124


def test_one_that_ends_instead_of_an_answer_and_one_that_was_never_there(qemu, tmp_path):
    door, *_ = qemu
    with pytest.raises(ConnectionError):
        qmp.ask(door, "quit")
    with pytest.raises(ConnectionError, match="no QEMU listens"):
        qmp.ask(tmp_path / "other", "quit")
    with socket(AF_UNIX, SOCK_STREAM) as dead:
        dead.bind(str(tmp_path / "dead"))
    with pytest.raises(ConnectionError):
        qmp.ask(tmp_path / "dead", "quit")


def test_many_who_ask_at_once_wait_for_each_other(qemu):
    door, _, answers = qemu
    answers["query-status"] = {"return": {"status": "running"}}
    said = []
    asking = [
        threading.Thread(target=lambda: said.append(qmp.ask(door, "query-status", timeout_s=20)))
        for _ in range(12)
    ]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join(20)
    assert said == [{"status": "running"}] * 12


def test_a_qemu_that_hangs_takes_connections_and_does_not_greet(tmp_path):
    with socket(AF_UNIX, SOCK_STREAM) as listening:
        listening.bind(str(tmp_path / "qmp"))
        listening.listen(1)
        with pytest.raises(ToolFailed, match="no answer"):
            qmp.ask(tmp_path / "qmp", "quit", timeout_s=0.1)
