"""What every kind of machines keeps to: the same tests for libvirt's and for plain QEMU's.

LAB_PROVIDER=qemu lab test -k provider, as a user who may not become root.
"""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from lab import kind, paths
from lab.faults import heal
from lab.host import netns, settings
from lab.host.speed import deadline_s
from lab.machines import power, remote
from lab.machines.choice import chosen
from lab.machines.provider import Verb
from lab.machines.qemu import words
from tests.waiting import wait_for

pytestmark = pytest.mark.vm

NAME = "node3"
SSH = 22


@pytest.fixture
def node(stage, lab):
    return lab.machine(NAME)


def state(lab):
    return power.machine_states(lab)[NAME]


def do(lab, verb):
    """As a person does who typed what a fault prints."""
    subprocess.run(chosen().command(lab, verb, NAME), cwd=paths.ROOT, check=True, timeout=60)


def proven(lab, what):
    asked = chosen().proof(lab, what, NAME)
    return subprocess.run(asked, cwd=paths.ROOT, check=False, timeout=60).returncode == 0


def test_a_plug_that_is_pulled_and_a_boot(lab, node):
    boot = remote.run(node, ["cat", "/proc/sys/kernel/random/boot_id"])
    power.cut(NAME)
    assert state(lab) == "off"
    assert proven(lab, "off")
    power.cut(NAME)
    power.start(NAME)
    assert state(lab) == "running"
    assert not proven(lab, "off")
    power.start(NAME)
    assert remote.run(node, ["cat", "/proc/sys/kernel/random/boot_id"]) != boot


def test_what_a_machine_wrote_is_there_after_a_boot(lab, node):
    remote.run(node, ["sh", "-c", "date >/var/tmp/written && sync"])
    power.cut(NAME)
    power.start(NAME)
    assert remote.run(node, ["rm", "-v", "/var/tmp/written"])


def test_an_orderly_shutdown(lab, node):
    remote.run(node, ["true"])
    power.halt(NAME)
    assert state(lab) == "off"
    power.halt(NAME)
    power.start(NAME)


def test_a_pause_in_which_nothing_is_lost(lab, node):
    boot = remote.run(node, ["cat", "/proc/sys/kernel/random/boot_id"])
    do(lab, Verb.PAUSE)
    assert state(lab) == "paused"
    assert proven(lab, "paused")
    do(lab, Verb.RESUME)
    assert not proven(lab, "paused")
    assert remote.run(node, ["cat", "/proc/sys/kernel/random/boot_id"]) == boot


@pytest.mark.parametrize("way", ["address", "lab_address"])
def test_a_port_of_a_machine_is_reached_in_either_network(node, way):
    host, port = getattr(chosen(), way)(node, SSH)
    reach = ["nc", "-w", f"{deadline_s(5):.0f}", host, str(port)]
    inside = netns.prefix(settings.load().netns)
    with subprocess.Popen(
        [*inside, *reach], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as asking:
        assert asking.stdout is not None
        assert asking.stdout.read(4) == b"SSH-"
        asking.kill()


def test_what_the_lab_runs_on_this_computer_is_started_once(lab, stage):
    provider = chosen()
    assert provider.complete(lab)
    provider.revive(lab)
    assert provider.complete(lab)
    assert set(power.machine_states(lab).values()) == {"running"}


def test_plain_qemu_needs_no_rights(lab, stage):
    if paths.KIND.name != kind.QEMU or os.geteuid() == 0:
        pytest.skip("as root, or with libvirt, it proves nothing")
    for machine in lab.machines:
        pid = words.pid_file(paths.RUN, machine.name).read_text().strip()
        assert Path(f"/proc/{pid}").stat().st_uid == os.geteuid()


def test_a_hub_that_was_killed_is_started_again_under_machines_that_run(lab, stage, node):
    if paths.KIND.name != kind.QEMU:
        pytest.skip("libvirt's network is the kernel's")
    os.kill(int((paths.RUN / "hub.pid").read_text()), signal.SIGKILL)
    wait_for(lambda: not chosen().complete(lab), "the hub is missed", timeout_s=20)
    heal.heal(lab, print)
    assert chosen().complete(lab)
    assert remote.run(node, ["ping", "-c1", "-W5", lab.api.address])
