"""The switch between the machines, over real sockets."""

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from socket import AF_UNIX, SOCK_DGRAM, socket

import pytest

from lab.machines.qemu.hub import Hub
from tests.house.repository import ROOT
from tests.waiting import wait_for

ALL = b"\xff" * 6
A, B, C = (b"\x52\x54\x00\x00\x00" + bytes([number]) for number in range(3))


@pytest.fixture
def wire(tmp_path):
    """A hub with the plugs a, b and c; a QEMU behind each of them."""
    hub = Hub(tmp_path, ["a", "b", "c"])
    with ExitStack() as stack:
        for plug in hub.plugs.values():
            stack.enter_context(plug)
        machines = {}
        for name in hub.plugs:
            machines[name] = stack.enter_context(socket(AF_UNIX, SOCK_DGRAM))
            machines[name].setblocking(False)
            machines[name].bind(str(tmp_path / f"{name}.net"))
        yield Wire(tmp_path, hub, machines)


class Wire:
    def __init__(self, folder, hub, machines):
        self.folder, self.hub, self.machines = folder, hub, machines

    def send(self, name, target, source, text=b"hello"):
        """Send a frame; return which machines hear it."""
        frame = target + source + text
        self.machines[name].sendto(frame, str(self.folder / f"{name}.hub"))
        self.hub.carry(name)
        return {name for name in self.machines if self.heard(name) == frame}

    def heard(self, name):
        try:
            return self.machines[name].recv(65536)
        except BlockingIOError:
            return None


def test_a_frame_for_everyone_reaches_all_others(wire):
    assert wire.send("a", ALL, A) == {"b", "c"}


def test_a_frame_for_an_unknown_address_reaches_all_others_and_for_a_known_one_it_alone(wire):
    assert wire.send("a", B, A) == {"b", "c"}
    assert wire.send("b", A, B) == {"a"}
    assert wire.send("a", B, A) == {"b"}


def test_an_address_that_moved_is_where_it_was_seen_last(wire):
    wire.send("a", ALL, A)
    wire.send("b", ALL, A)
    assert wire.send("c", A, C) == {"b"}


def test_a_frame_to_oneself_is_not_sent_back(wire):
    wire.send("a", ALL, A)
    assert wire.send("a", A, A) == set()


@pytest.mark.parametrize("how", ["is off", "does not empty its queue"])
def test_a_machine_that_takes_nothing_holds_up_no_other(wire, how):
    if how == "is off":
        wire.machines.pop("b").close()
        (wire.folder / "b.net").unlink()
        assert wire.send("a", ALL, A) == {"c"}
    else:
        for _ in range(1000):
            wire.machines["a"].sendto(ALL + A, str(wire.folder / "a.hub"))
            wire.hub.carry("a")
            assert wire.heard("c") == ALL + A


def test_the_program_serves_again_where_one_was_killed(tmp_path):
    command = [sys.executable, "-S", "-E", "-m", "lab.machines.qemu.hub", str(tmp_path), "a", "b"]
    for ends in (signal.SIGKILL, signal.SIGTERM):
        with subprocess.Popen(command, cwd=ROOT) as hub, socket(AF_UNIX, SOCK_DGRAM) as b:
            (tmp_path / "b.net").unlink(missing_ok=True)
            b.bind(str(tmp_path / "b.net"))
            b.settimeout(20)
            with socket(AF_UNIX, SOCK_DGRAM) as a:

                def sent(a=a):
                    try:
                        return a.sendto(ALL + A, str(tmp_path / "a.hub"))
                    except OSError:
                        return 0

                wait_for(sent, "the hub listens", timeout_s=20)
            assert b.recv(100) == ALL + A
            os.kill(hub.pid, ends)
            assert hub.wait(20) == (0 if ends == signal.SIGTERM else -signal.SIGKILL)
