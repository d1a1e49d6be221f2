"""Saving and going back, cut short at every step: what is left, and who mends it."""

import signal
import time
from pathlib import Path

import pytest

from lab.host.speed import deadline_s
from lab.machines import domains, power
from lab.snapshot import pause, store, thaw
from provisioning.run import sudo
from tests.vm.conftest import LAB, run, running
from tests.waiting import wait_for

pytestmark = pytest.mark.vm

HALF = "half"


def wait_state(lab, *names, state="paused"):
    """Return as soon as one of the machines `names` is in `state`."""
    wait_for(
        lambda: any(power.machine_states(lab)[name] == state for name in names),
        f"one of {names} is {state}",
        timeout_s=deadline_s(30),
        every_s=0.005,
    )


def signal_qemu(lab, name, number):
    """Send a signal to machine `name`, whose process is another user's under a system's libvirt."""
    pid = Path(f"/run/libvirt/qemu/{domains.domain(lab, name)}.pid").read_text()
    run(*sudo(), "kill", f"-{int(number)}", pid)


def all_running(lab):
    return set(power.machine_states(lab).values()) == {"running"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_save_that_is_interrupted_leaves_nothing_and_the_machines_go_on(stage, lab, number):
    with running("chapter", "save", HALF) as saving:
        saving.until("freeze ...")
        wait_state(lab, *(machine.name for machine in lab.machines))
        assert saving.interrupt(number) == 130, saving.said
    assert "Interrupted" in saving.said
    assert "Traceback" not in saving.said
    assert all_running(lab)
    assert HALF not in store.chapters().names()
    assert store.chapters().left() == []


def test_what_a_killed_save_leaves_is_mended_by_heal(stage, lab):
    with running("chapter", "save", HALF) as saving:
        saving.until("freeze ...")
        wait_state(lab, *(machine.name for machine in lab.machines))
        assert saving.interrupt(signal.SIGKILL) < 0
    assert HALF not in store.chapters().names()
    assert store.chapters().left()
    run(*LAB, "heal")
    assert all_running(lab)
    assert store.chapters().left() == []
    run(*LAB, "chapter", "save", "whole")
    try:
        assert "whole" in store.chapters().names()
        assert list(store.CHAPTERS.glob(".*")) == []
    finally:
        run(*LAB, "chapter", "delete", "whole")


def test_a_machine_that_dies_while_it_comes_back_is_named_and_up_begins_again(stage, lab, chapter):
    with running("chapter", "goto", chapter.name) as going:
        going.until("thaw ...")
        wait_state(lab, "node2")
        signal_qemu(lab, "node2", signal.SIGKILL)
        assert going.end() == 1, going.said
    assert f"{chapter.name!r} did not finish" in going.said
    assert "node2" in going.said
    assert "Hint: lab up both" in going.said
    assert thaw.cut_short() is not None
    run(*LAB, "up", "both")
    assert thaw.cut_short() is None
    assert all_running(lab)
    assert set(stage.pull.declared().names) == {"kept"}


def test_a_disk_that_fills_up_meanwhile_is_said_and_the_machines_go_on(stage, lab):
    """With room at first, which somebody else takes then."""
    store.CHAPTERS.mkdir(parents=True, exist_ok=True)
    run(*sudo(), "mount", "-t", "tmpfs", "-o", "size=8g", "tmpfs", str(store.CHAPTERS))
    try:
        with running("chapter", "save", HALF) as saving:
            saving.until("freeze ...")
            run(*sudo(), "mount", "-o", "remount,size=64m", str(store.CHAPTERS))
            assert saving.end() == 1, saving.said
        assert "MiB free; saving the lab may take" in saving.said
        assert "lab chapter delete NAME" in saving.said
        assert list(store.CHAPTERS.iterdir()) == []
    finally:
        run(*sudo(), "umount", str(store.CHAPTERS))
    assert all_running(lab)


def test_a_machine_that_is_silent_is_named_soon(stage, lab):
    signal_qemu(lab, "node3", signal.SIGSTOP)
    try:
        began_s = time.monotonic()
        with running("chapter", "save", HALF) as saving:
            saving.until("waiting for ")
            named_s = time.monotonic() - began_s
            # Meanwhile nobody else changes the lab, and is told who does.
            busy = run(*LAB, "reset", check=False).stderr
            assert f"changing the lab: lab chapter save (pid {saving.process.pid}, from" in busy
            assert " s now" in busy
            assert saving.end() == 1
            ended_s = time.monotonic() - began_s
    finally:
        signal_qemu(lab, "node3", signal.SIGCONT)
    print(f"named after {named_s:.1f} s, given up after {ended_s:.1f} s")
    assert "node3" in saving.said.partition("waiting for ")[2].splitlines()[0]
    assert "no answer from node3" in saving.said
    assert "lab heal" in saving.said
    assert ended_s < deadline_s(pause._START_S) + 10
    assert all_running(lab)
    stage.wait(lambda: stage.push.running().unreachable == (), "node3 answers again")
