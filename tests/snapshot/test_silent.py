"""Machines that do not answer: named soon, and waited for no longer than makes sense."""

import socket
import threading
import time

import pytest

from lab import paths
from lab.host import netns, settings
from lab.host.accel import Accel
from lab.host.settings import Settings
from lab.machines import remote, units
from lab.snapshot import call, pause
from lab.snapshot.pause import Pause
from provisioning.topology import Machine
from services.core.errors import CommandFailed, LabError, NodeUnreachable


def machine(name, address="127.0.0.1"):
    return Machine(name, "node", address, address, 256)


@pytest.fixture(autouse=True)
def host(monkeypatch):
    """A host as fast as with KVM, whose machines are in its own network."""
    monkeypatch.setattr(settings, "load", lambda: Settings(None, Accel("kvm", 1.0, "")))
    monkeypatch.setattr(netns, "prefix", lambda _: [])


@pytest.fixture
def answers(monkeypatch):
    """Machine -> what its SSH ends with; one that is left out says nothing until it is late."""
    said: dict[str, str] = {}

    def run_all(machines, argv, *, timeout_s):
        (one,) = machines
        if one.name in said:
            return {one.name: said[one.name]}
        time.sleep(0.3)
        return {one.name: NodeUnreachable(one.name, timeout_s)}

    monkeypatch.setattr(remote, "run_all", run_all)
    monkeypatch.setattr(pause, "_PATIENCE_S", 0.05)
    return said


def test_machines_that_are_waited_for_are_named_before_the_deadline(answers):
    answers["api"] = ""
    lines: list[str] = []
    silent = pytest.raises(LabError, match="no answer from node1, node2 within 2 s")
    with silent:
        Pause([machine("api"), machine("node1"), machine("node2")]).start(lines.append)
    assert lines == ["waiting for node1, node2, 2 s at most"]


def test_where_all_answer_nothing_is_said(answers):
    answers |= {"api": "", "node1": ""}
    Pause([machine("api"), machine("node1")]).start(pytest.fail)


def test_a_machine_that_answers_with_an_error_is_not_called_silent(answers):
    answers["api"] = CommandFailed("api", "systemd-run", 1, "no such unit")
    with pytest.raises(CommandFailed, match="no such unit"):
        Pause([machine("api")]).start(pytest.fail)


@pytest.fixture
def guest(monkeypatch):
    """A machine that is armed and let go by whoever asks; the words that it heard."""
    heard = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.bind(("127.0.0.1", 0))
        asked.settimeout(20)
        monkeypatch.setattr(pause, "PORT", asked.getsockname()[1])

        def serve():
            try:
                while True:
                    message, sender = asked.recvfrom(512)
                    secret, word, *_ = message.split()
                    heard.append(word.decode())
                    done = call._ANSWERS[word.decode()].encode()
                    asked.sendto(secret + b" " + done, sender)
            except OSError:
                pass

        threading.Thread(target=serve, daemon=True).start()
        yield heard


def test_a_machine_that_was_never_armed_is_not_waited_for(guest, monkeypatch):
    """The others go on as soon as it is clear that one does not take part."""
    monkeypatch.setattr(pause, "_ARM_S", 0.3)
    paused = Pause([machine("api"), machine("node1", "127.0.0.2")])
    with pytest.raises(LabError, match="no answer from node1 "):
        paused.arm()
    began_s = time.monotonic()
    with paused.going() as going:
        assert paused.gone(going) == []
    assert time.monotonic() - began_s < pause._GO_S
    assert set(guest) == {"arm", "go"}


def test_a_pause_that_never_began_ends_at_once(guest):
    paused = Pause([machine("api")])
    with paused.going() as going:
        assert paused.gone(going) == []
    assert guest == []


def test_machines_that_were_saved_while_they_kept_still_are_told_the_time(guest):
    paused = Pause([machine("api")], "their-secret")
    with paused.going() as going:
        assert paused.gone(going) == []
    assert "go" in guest


def test_the_last_word_is_said_and_not_waited_for(guest):
    paused = Pause([machine("api"), machine("node1", "127.0.0.2")], "their-secret")
    began_s = time.monotonic()
    paused.renew()
    paused.stay()
    assert time.monotonic() - began_s < pause._GO_S
    assert {"renew", "stay"} <= set(guest)


def test_a_host_that_takes_too_long_to_pause_does_not_save_a_lab_that_moves(guest, monkeypatch):
    paused = Pause([machine("api")])
    paused.arm()
    paused.check_still()
    monkeypatch.setattr(pause, "_STILL_S", 0.0)
    with pytest.raises(LabError, match="this host took"):
        paused.check_still()


def test_passes_begin_anew_before_the_machine_is_paused(monkeypatch):
    scripts = []

    def run_all(machines, argv, *, timeout_s):
        scripts.append(argv[-1])
        return {one.name: "" for one in machines}

    monkeypatch.setattr(remote, "run_all", run_all)
    Pause([machine("api")]).start(pytest.fail)
    (script,) = scripts
    begins, holds = script.split("; systemd-run", 1)
    assert begins == f"systemctl --no-block try-restart {' '.join(units.PASSES)}"
    assert "services.lib.standstill" in holds
    # Names that systemd knows: an unknown one is no error there that anybody would see.
    for name in units.PASSES:
        assert (paths.ROOT / "provisioning/systemd" / name).exists()


def test_a_call_that_cannot_be_made_is_no_answer(monkeypatch):
    """The program fails before it asks anybody, as in a network namespace that is gone."""
    monkeypatch.setattr(netns, "prefix", lambda _: ["false"])
    with pytest.raises(LabError, match="no answer from api, node1"):
        Pause([machine("api"), machine("node1")]).arm()
    saved = Pause([machine("api")], "secret")
    with saved.going() as going:
        assert saved.gone(going) == ["api"]
