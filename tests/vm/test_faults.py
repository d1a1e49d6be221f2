"""Machines that stop and come back, switched by vagrant as a user does it."""

import pytest

from lab.host import console
from lab.host.speed import deadline_s
from lab.machines import clocks, power, remote
from services.core.errors import ApiRefused
from services.core.model import Health
from tests.vm.conftest import LAB, run

pytestmark = pytest.mark.vm

NAMES = {f"web{number}" for number in range(1, 7)}


def _declare(stage) -> None:
    for name in sorted(NAMES):
        stage.pull.declare(name)
    stage.wait_running("pull", NAMES)


def _health(stage) -> dict[str, Health]:
    return {node.name: node.health for node in stage.pull.nodes().nodes}


# A machine's journal lies in memory and is gone with it; on its disk, it is there after the boot.
# Not by a `journalctl --follow`: journald wakes it 250 ms late, and a quick machine is off by then.
ON_DISK = """
mkdir -p /run/systemd/journald.conf.d
printf '[Journal]\\nStorage=persistent\\n' > /run/systemd/journald.conf.d/test.conf
systemctl restart systemd-journald && journalctl --flush && date +@%s.%N
"""
IN_MEMORY = """
rm -f /run/systemd/journald.conf.d/test.conf
systemctl restart systemd-journald && rm -rf /var/log/journal
"""


@pytest.fixture
def before_the_boot(hosts):
    """Returns, once node1 has booted again, the lines of its journal from now to its shutdown."""
    node1 = hosts["node1"]
    since = node1.check_output(ON_DISK)
    show = f"journalctl --directory=/var/log/journal --quiet --since={since}"
    yield lambda: node1.check_output(show).splitlines()
    node1.check_output(IN_MEMORY)


def test_what_lab_wrote_in_a_guest_survives_the_plug_at_once(stage, hosts):
    """QEMU keeps the disk's writes, but the guest's own memory held them for half a minute."""
    node3, profile = hosts["node3"], "/etc/lab/profile.env"
    digest = node3.check_output("cat /opt/lab/DIGEST")
    setup = "cd /opt/lab && python3 -m provisioning.guest.setup --live"
    node3.check_output(f"{setup} --profile seed --digest {digest}")
    before = node3.file(profile).content_string
    power.cut("node3")
    power.start("node3")
    after = node3.file(profile).content_string
    node3.check_output(f"{setup} --profile fast --digest {digest}")
    assert "LAB_PROFILE=seed" in before
    assert after == before


def test_vagrant_knows_the_running_lab(stage):
    shown = run("vagrant", "status", "--machine-readable").stdout
    states = [line.split(",") for line in shown.splitlines()]
    running = {words[1] for words in states if words[2:4] == ["state", "running"]}
    assert running == {machine.name for machine in stage.lab.machines}
    assert run("vagrant", "ssh", "node2", "-c", "hostname").stdout.strip() == "node2"


def test_a_node_that_vagrant_halts_gives_its_containers_away_and_comes_back_empty(
    stage, before_the_boot
):
    _declare(stage)
    stage.push.start("alone", "node1")
    mine = {name for name, nodes in stage.where("pull").items() if nodes == ["node1"]}
    assert mine

    since = stage.pull.events(0).revision
    run("vagrant", "halt", "node1")
    # At once, and not when its lease is over: the server was told.
    assert stage.happened(since, "node-leaving", "node1")
    assert {e.subject for e in stage.happened(since, "running")} >= mine
    stage.wait(lambda: _health(stage)["node1"] is Health.DOWN, "node1 is down for pull")
    stage.wait_running("pull", NAMES)
    assert all("node1" not in nodes for nodes in stage.where("pull").values())
    # Push lost its container, says who does not answer, and does nothing about it.
    listed = stage.push.running()
    assert listed.unreachable == ("node1",)
    assert "alone" not in {placed.name for placed in listed.containers}
    with pytest.raises(ApiRefused) as refused:
        stage.push.start("another", "node1")
    assert refused.value.status == 502
    assert "node1" in refused.value.error

    run("vagrant", "up", "node1")
    stage.wait(lambda: _health(stage)["node1"] is Health.UP, "node1 is up for pull")
    assert not any(node.leaving for node in stage.pull.nodes().nodes)
    stage.wait_running("pull", NAMES)
    assert {name for name, nodes in stage.where("pull").items() if len(nodes) > 1} == set()
    assert "alone" not in stage.where("push")
    assert stage.push.running().unreachable == ()
    said = before_the_boot()
    (goodbye,) = [line for line in said if "leaving: " in line]
    assert "run elsewhere" in goodbye
    assert all(name in goodbye for name in mine), goodbye
    # By the word of systemd alone: lines of two senders may change places in a journal.
    (left,) = [at for at, line in enumerate(said) if "Stopped pull-leaving.service" in line]
    stops = [at for at, line in enumerate(said) if "Stopping pull-container@" in line]
    assert len(stops) == len(mine), said
    assert left < min(stops)


def test_an_api_machine_whose_plug_is_pulled_forgets_nothing(stage):
    _declare(stage)
    before = stage.pull.declared().containers
    power.cut("api")
    assert {name for name, nodes in stage.where("pull").items() if nodes} == NAMES
    power.start("api")
    stage.wait(lambda: stage.pull.healthy() and stage.push.healthy(), "both APIs answer again")
    assert stage.pull.declared().containers == before
    stage.wait(lambda: set(_health(stage).values()) == {Health.UP}, "all nodes report again")
    # Nobody was declared dead because the server had not heard of anyone yet.
    assert stage.pull.declared().containers == before
    stage.wait_running("pull", NAMES)


def test_a_node_that_boots_while_the_api_is_away_takes_its_containers_from_its_cache(stage, hosts):
    _declare(stage)
    mine = {name for name, nodes in stage.where("pull").items() if nodes == ["node2"]}
    assert mine
    power.cut("api")
    power.cut("node2")
    power.start("node2")
    stage.wait(
        lambda: {name for name, nodes in stage.where("pull").items() if "node2" in nodes} == mine,
        "node2 runs what it remembers",
    )
    power.start("api")
    stage.wait(lambda: stage.pull.healthy(), "the pull API answers again")
    stage.wait_running("pull", NAMES)


def test_a_node_whose_kernel_panics_boots_again(stage):
    """As one does that a busy host gave no turn at a bad moment: nobody would ever hear of it."""
    node = stage.lab.machine("node2")

    def boot() -> str:
        said = remote.run_all([node], ["cat", "/proc/sys/kernel/random/boot_id"], timeout_s=10)
        answer = said[node.name]
        return answer if isinstance(answer, str) else ""

    _declare(stage)
    first = boot()
    assert first
    # The answer never comes: who gives it is gone.
    remote.run_all([node], ["sh", "-c", "echo c > /proc/sysrq-trigger"], timeout_s=2)
    stage.wait(lambda: boot() not in ("", first), "node2 has booted again", 60)
    assert "Kernel panic - not syncing" in console.file("node2").read_text(errors="replace")
    stage.wait_running("pull", NAMES)


def test_a_clock_that_is_wrong_is_named_by_status_and_set_by_heal(lab, hosts):
    hosts["api"].check_output("date --set='-60 seconds'")
    assert "api: clock" in run(*LAB, "status").stdout
    run(*LAB, "heal")
    assert clocks.wrong(lab.machines, timeout_s=deadline_s(5)) == {}
