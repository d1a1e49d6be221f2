"""Ending a machine at once: whom that hits, and what libvirt makes of it."""

import subprocess
import sys
from pathlib import Path

import pytest

from lab.machines import plug
from provisioning.run import ToolFailed
from tests.waiting import wait_for

FULL = "lab_node1"


@pytest.fixture
def qemu(tmp_path, monkeypatch):
    """Start a process that looks like the QEMU of the domain that is named; its Popen."""
    started = []

    def start(guest: str) -> subprocess.Popen[bytes]:
        code = "import time; time.sleep(60)"
        one = subprocess.Popen(
            [sys.executable, "-c", code, "-name", f"guest={guest},debug-threads=on"]
        )
        (tmp_path / f"{FULL}.pid").write_text(str(one.pid))
        started.append(one)
        cmdline = Path(f"/proc/{one.pid}/cmdline")
        wait_for(lambda: b"guest=" in cmdline.read_bytes(), "it is executed", timeout_s=20)
        return one

    monkeypatch.setattr(plug, "_RUN", tmp_path)
    yield start
    for one in started:
        one.kill()
        one.wait()


@pytest.fixture
def asked(monkeypatch):
    """What libvirt was asked; it does all of it."""
    words = []
    monkeypatch.setattr(plug, "virsh", lambda *argv: words.append(argv))
    return words


def test_a_machine_is_killed_and_libvirt_clears_up(qemu, asked):
    process = qemu(FULL)
    plug.pull(FULL)
    assert process.wait(20) == -9
    assert asked == [("destroy", FULL)]


def test_a_process_that_has_the_number_by_chance_lives(qemu, asked):
    process = qemu("lab_node10")
    plug.pull(FULL)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.5)
    assert asked == [("destroy", FULL)]


def test_without_a_number_libvirt_does_it_alone(asked, monkeypatch, tmp_path):
    monkeypatch.setattr(plug, "_RUN", tmp_path)
    plug.pull(FULL)
    assert asked == [("destroy", FULL)]


@pytest.mark.parametrize("state", [None, "shut off"])
def test_libvirt_may_have_noticed_before_it_is_asked(qemu, monkeypatch, state):
    fail(monkeypatch, state)
    plug.pull(FULL)


def test_a_machine_that_libvirt_cannot_end_is_told(qemu, monkeypatch):
    fail(monkeypatch, "running")
    with pytest.raises(ToolFailed):
        plug.pull(FULL)


def fail(monkeypatch, state):
    """virsh says no, and the domain is in `state`."""

    def no(*argv):
        raise ToolFailed(argv, 1, "error: Requested operation is not valid")

    monkeypatch.setattr(plug, "virsh", no)
    monkeypatch.setattr(plug, "domains", lambda prefix: {"": state} if state else {})
