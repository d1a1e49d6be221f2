"""`lab ssh`: which words reach the machine, which exit code comes back, which machine is asked."""

import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from lab.machines import remote
from provisioning import topology

NODE1 = topology.load().machine("node1")


@pytest.fixture
def sent(monkeypatch):
    calls = []

    def interactive(machine, command):
        calls.append((machine.name, command))
        return 7

    monkeypatch.setattr(remote, "interactive", interactive)
    return calls


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["node1"], ""),
        (["node1", "--", "ls", "-l"], "ls -l"),
        (["node1", "ls", "-l"], "ls -l"),
        (["node1", "--", "echo", "--", "-n"], "echo -- -n"),
        (["node1", "echo a b | wc -w"], "echo a b | wc -w"),
        (["node1", "echo", "*", "&&", "true"], "echo * && true"),
    ],
)
def test_ssh_hands_over_the_words_as_ssh_does_and_the_exit_code(run, vms, sent, words, command):
    assert run("ssh", *words).exit_code == 7
    assert sent == [("node1", command)]


@pytest.mark.parametrize("words", [["ssh", "node1"], ["logs", "node1"]], ids=" ".join)
@pytest.mark.parametrize(
    ("state", "hint"), [("paused", "lab heal"), ("off", "lab heal"), ("absent", "lab up both")]
)
def test_a_machine_that_does_not_run_is_not_asked(run, vms, sent, words, state, hint):
    vms["node1"].state = state
    result = run(*words)
    assert result.exit_code == 1
    assert f"machine 'node1' {'does not exist' if state == 'absent' else f'is {state}'}" in (
        result.stderr
    )
    assert f"Hint: {hint}" in result.stderr
    assert sent == []


def test_where_libvirt_is_silent_the_machine_is_asked(run, vms, sent):
    vms.libvirt_hangs = True
    assert run("ssh", "node1").exit_code == 7


@pytest.mark.parametrize("command", ["", "top"])
@pytest.mark.parametrize(
    ("stdin", "stdout"), [(True, True), (False, True), (True, False), (False, False)]
)
def test_there_is_a_terminal_there_where_both_ends_are_one_here(
    monkeypatch, command, stdin, stdout
):
    """A terminal would change the bytes of what is piped."""
    ran = []

    def ssh(argv, check):
        ran.append(argv)
        return SimpleNamespace(returncode=3)

    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: stdin))
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(isatty=lambda: stdout))
    monkeypatch.setattr(
        remote, "_ssh", lambda machine, words, terminal: [machine.name, *words, terminal]
    )
    monkeypatch.setattr(subprocess, "run", ssh)
    assert remote.interactive(NODE1, command) == 3
    assert ran == [["node1", *([command] if command else []), stdin and stdout]]


def test_a_reader_who_has_enough_ends_the_command_there(monkeypatch):
    """Popen waits for its child, and a quiet unit may never say another word."""
    monkeypatch.setattr(remote, "_ssh", lambda machine, words: ["sh", "-c", "echo one; sleep 60"])

    def enough(line):
        raise BrokenPipeError

    began_s = time.monotonic()
    with pytest.raises(BrokenPipeError):
        remote.stream(NODE1, [], enough)
    assert time.monotonic() - began_s < 30
