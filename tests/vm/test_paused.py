"""A node whose machine stands still while the world goes on, as under a busy host."""

import json
import time
from contextlib import contextmanager

import pytest

from services.core.model import KEEP, STOP
from tests.vm.conftest import cursor, run

pytestmark = pytest.mark.vm

NODE = "node3"


@contextmanager
def paused(lab):
    """The machine stands still for the length of the block."""
    virsh = ("virsh", "--connect", "qemu:///system")
    run(*virsh, "suspend", f"{lab.lab}_{NODE}")
    try:
        yield
    finally:
        run(*virsh, "resume", f"{lab.lab}_{NODE}")


@pytest.fixture
def both(stage):
    """Containers `keep` and `stop` run on the node; the revision of the last event before."""
    for policy in (KEEP, STOP):
        stage.pull.declare(policy, NODE, on_disconnect=policy)
    stage.wait_running("pull", {KEEP, STOP})
    return stage.pull.events(0).revision


def main_pid(host):
    return host.check_output(f"systemctl show -P MainPID pull-container@{STOP}.service")


def test_after_a_long_pause_the_first_look_stops_what_runs_elsewhere_by_then(
    hosts, lab, stage, both
):
    host = hosts[NODE]
    before = cursor(host)
    # By the clock that stands still: what passes on it after this is at most what we look for.
    began_s = float(host.check_output("cut -d' ' -f1 /proc/uptime"))
    with paused(lab):

        def elsewhere():
            listed = stage.pull.declared()
            moved = {p.name for p in listed.containers if p.node not in (None, NODE)}
            return moved & listed.running >= {STOP}

        stage.wait(elsewhere, "it runs on another node", seconds_on_kvm=60)
    stage.wait(lambda: len(stage.where("pull").get(STOP, ())) == 1, "it runs once again")
    read = f"journalctl -o json --after-cursor='{before}' -u pull-agent.service"
    lines = [json.loads(line) for line in host.check_output(read).splitlines()]
    said = [(line["MESSAGE"], int(line["__MONOTONIC_TIMESTAMP"]) / 1e6) for line in lines]
    messages = [message for message, _ in said]
    stops = [i for i, message in enumerate(messages) if message.startswith(f"STOP {STOP}: cut off")]
    assert stops, messages
    print(f"stopped {said[stops[0]][1] - began_s:.2f} s after the last look before the pause")
    # Before anything was asked: neither an outage nor an answer was noticed by then.
    assert not [m for m in messages[: stops[0]] if m.startswith("API")], messages


def test_a_short_pause_moves_and_stops_nothing(hosts, lab, stage, both):
    pid = main_pid(hosts[NODE])
    with paused(lab):
        time.sleep(2)
    stage.wait(lambda: stage.pull.events(0).revision >= both, "the API answers")
    stage.wait_running("pull", {KEEP, STOP})
    time.sleep(stage.pull.nodes().lease_s)
    assert {event.kind for event in stage.pull.events(both).events} <= {"running", "stopped"}
    assert main_pid(hosts[NODE]) == pid
