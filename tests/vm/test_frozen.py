"""Freeze, thaw, chapters and reset, on the real machines."""

import json
import os
import signal
import time

import pytest

from lab.host import daemons
from lab.host.speed import deadline_s
from lab.machines import power, remote
from lab.snapshot import store, thaw
from provisioning.run import sudo
from services.core.errors import LabError
from services.core.model import Health
from tests.vm.conftest import LAB, run, running
from tests.waiting import wait_for

pytestmark = pytest.mark.vm

# A clock that was not set would be behind by as long as the lab was frozen; ssh takes its time.
_SKEW_S = 5.0
# How long after a save a lab goes back to it, at least.
_GAP_S = 8.0


def skews(lab):
    """Machine -> by how much its clock differs from ours, in seconds."""
    found = {}
    for machine in lab.machines:
        there = float(remote.run(machine, ["date", "+%s.%N"], timeout_s=60))
        found[machine.name] = abs(there - time.time())
    return found


def told(lab, after_s, before_s):
    """Machine -> what its journal holds of that time, of which a thawed lab knows nothing."""
    found = {}
    for machine in lab.machines:
        command = ["journalctl", "--quiet", "--output=short-unix", f"--since=@{after_s - 60:.0f}"]
        lines = remote.run(machine, command, timeout_s=60).splitlines()
        inside = [line for line in lines if after_s < float(line.split()[0]) < before_s]
        if inside:
            found[machine.name] = inside
    return found


def test_a_chapter_brings_back_what_was_declared_and_nothing_that_came_later(stage, lab, chapter):
    stage.pull.declare("later")
    stage.wait_running("pull", {"later"})
    time.sleep(max(0.0, chapter.at_s + _GAP_S - time.time()))
    went_s = time.time()
    said = run(*LAB, "chapter", "goto", chapter.name).stdout
    assert "kept runs" in said
    # Everybody is there at once, and nobody has decided anything by a clock that stood.
    assert {node.health for node in stage.pull.nodes().nodes} == {Health.UP}
    assert told(lab, chapter.at_s + 1, went_s - 1) == {}
    assert set(stage.pull.declared().names) == {"kept"}
    stage.wait_running("pull", {"kept"})
    assert "later" not in stage.where("pull")
    # Nobody took the pause for a death, and nothing was moved.
    assert stage.happened(chapter.revision, "node-down") == []
    assert all(skew < _SKEW_S for skew in skews(lab).values()), skews(lab)
    # Push reaches its nodes over connections that were saved with it.
    assert stage.push.running().unreachable == ()
    stage.push.start("after", "node2")
    assert "after" in stage.where("push")


def test_vagrant_knows_the_machines_that_were_thawed(stage, lab, chapter):
    run(*LAB, "chapter", "goto", chapter.name)
    said = run("vagrant", "status").stdout
    assert said.count("running (libvirt)") == len(lab.machines)
    run("vagrant", "halt", "node3")
    assert power.machine_states(lab)["node3"] == "off"
    run("vagrant", "up", "node3")
    assert run("vagrant", "ssh", "node3", "-c", "hostname").stdout.strip() == "node3"


def test_vagrant_knows_a_lab_that_was_thawed_on_new_networks(stage, lab):
    """`down` takes the networks with it, and the leases by which Vagrant finds a machine."""
    run(*LAB, "reset")  # so that there is a kept lab of this very code
    run(*LAB, "down")
    said = run(*LAB, "up", "both").stderr
    assert "thaw: " in said
    assert "create " not in said
    stage.wait(
        lambda: run("vagrant", "status").stdout.count("running (libvirt)") == len(lab.machines),
        "Vagrant calls every machine running",
    )
    assert run("vagrant", "ssh", "node2", "-c", "hostname").stdout.strip() == "node2"


def test_libvirt_asks_a_machine_little_before_it_goes_on(stage, lab):
    """Every question to QEMU costs 0.6 ms of a processor, by the byte; libvirt counts them."""
    if not daemons.ours():
        pytest.skip("the system's libvirtd has a qemu.conf of its own")
    run(*LAB, "reset")
    ask = ("qemu-monitor-command", f"{lab.lab}_node1", '{"execute": "query-status"}')
    answer = json.loads(run("virsh", "--connect", "qemu:///system", *ask).stdout)
    assert answer["return"]["status"] == "running"
    assert int(answer["id"].removeprefix("libvirt-")) < 100


@pytest.fixture
def damage(chapter):
    """A few bytes of the chapter's memory of node1 are others."""
    with (store.chapters().path(chapter.name) / "node1.memory").open("r+b") as memory:
        right = os.pread(memory.fileno(), 6, 1000)
        os.pwrite(memory.fileno(), b"damage", 1000)
        yield
        os.pwrite(memory.fileno(), right, 1000)


def test_a_damaged_chapter_is_refused_and_the_lab_stays(stage, lab, chapter, damage):
    uuid = remote.run(lab.api, ["cat", "/proc/sys/kernel/random/boot_id"])
    stage.pull.declare("later")
    done = run(*LAB, "chapter", "goto", chapter.name, check=False)
    assert done.returncode == 1
    assert "node1.memory has changed" in done.stderr
    assert set(stage.pull.declared().names) == {"later"}
    assert remote.run(lab.api, ["cat", "/proc/sys/kernel/random/boot_id"]) == uuid


def test_a_reset_gives_a_lab_in_which_nothing_was_ever_declared(stage, lab):
    stage.pull.declare("later")
    stage.push.start("later", "node1")
    run(*LAB, "chaos", "halt", "node2")
    run(*LAB, "reset")
    assert set(power.machine_states(lab).values()) == {"running"}
    assert stage.pull.declared().names == ()
    assert stage.where("push") == {}
    stage.wait(lambda: len(stage.pull.nodes().nodes) == len(lab.nodes), "all nodes report")


def test_a_thaw_that_is_killed_is_finished_by_the_next_up(stage, lab, chapter):
    with running("chapter", "goto", chapter.name) as going:
        going.until("thaw ...")
        wait_for(thaw.cut_short, "it has begun", timeout_s=deadline_s(5), every_s=0.005)
        assert going.interrupt(signal.SIGKILL) < 0
    assert thaw.cut_short() is not None
    with pytest.raises(LabError):
        thaw.check_whole()
    assert "lab up both" in run(*LAB, "heal", check=False).stderr
    run(*LAB, "up", "both")
    assert thaw.cut_short() is None
    assert set(stage.pull.declared().names) == {"kept"}
    stage.wait_running("pull", {"kept"})


def test_machines_that_a_killed_freeze_left_paused_go_on(stage, lab):
    run("virsh", "--connect", "qemu:///system", "suspend", f"{lab.lab}_node1")
    assert power.machine_states(lab)["node1"] == "paused"
    said = run(*LAB, "heal").stderr
    assert "resume node1: paused" in said
    assert power.machine_states(lab)["node1"] == "running"


def test_a_full_disk_is_said_before_anything_stands_still(stage, lab, chapter):
    """On a small file system over the chapters: with the room that a user may have."""
    run(*sudo(), "mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(store.CHAPTERS))
    try:
        done = run(*LAB, "chapter", "save", "large", check=False)
        assert done.returncode == 1
        assert "MiB free" in done.stderr
        assert list(store.CHAPTERS.iterdir()) == []
    finally:
        run(*sudo(), "umount", str(store.CHAPTERS))
    assert set(power.machine_states(lab).values()) == {"running"}
