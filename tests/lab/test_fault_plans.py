"""What each fault would do: commands that a person could type."""

import shlex
import subprocess

import pytest

from lab.faults import state
from lab.faults.catalogue import CATALOGUE, find
from lab.faults.network import expected_ms
from lab.faults.plan import API, HOST, Command, complete, seconds, shell
from provisioning import topology
from services.core.errors import LabError

LAB = topology.load()
NODE = LAB.node("node1")
GIVEN = {
    "kill-unit": {"unit": "pull-agent.service"},
    "stop-unit": {"unit": "pull-agent.timer"},
    "kill-container": {"name": "web", "mode": "pull"},
}
BOTH = {"corrupt", "stop-api", "api-slow", "api-errors"}
VIRSH = "virsh --quiet --connect qemu:///system"


def plan(name, machine=None, /, **given):
    fault = find(name)
    options = {**GIVEN.get(name, {}), **({"mode": "push,pull"} if name in BOTH else {}), **given}
    default = LAB.api if fault.aims == API else NODE
    return fault.plan(LAB, machine or default, complete(fault, options))


@pytest.mark.parametrize(
    ("name", "given", "typed"),
    [
        ("cut", {}, f"{VIRSH} destroy pushpull_node1"),
        ("halt", {}, f"{VIRSH} destroy pushpull_node1"),
        ("halt", {"orderly": "yes"}, f"{VIRSH} shutdown pushpull_node1"),
        ("pause", {}, f"{VIRSH} suspend pushpull_node1"),
        (
            "slow-network",
            {"delay": "200ms", "jitter": "50ms", "loss": "5%", "rate": "1mbit"},
            "lab ssh node1 'tc qdisc add dev eth1 root netem delay 200ms 50ms loss 5% rate 1mbit'",
        ),
        ("stop-unit", {}, "lab ssh node1 'systemctl stop pull-agent.timer'"),
        (
            "stop-api",
            {},
            "lab ssh api 'systemctl stop push-api.service pull-api.service'",
        ),
        ("clock-step", {"by": "+300s"}, "lab ssh node1 \"date '--set=+300 seconds'\""),
        ("cache", {"how": "deleted"}, f"lab ssh node1 'rm {state.DESIRED}'"),
    ],
)
def test_what_acts_is_a_command_that_a_person_could_type(name, given, typed):
    assert typed in map(str, plan(name, **given).act)


@pytest.mark.parametrize(
    ("given", "machine", "rules"),
    [
        ({}, "node1", ["saddr { 10.77.0.10 }", "daddr { 10.77.0.10 }"]),
        ({"direction": "in"}, "node1", ["saddr { 10.77.0.10 }"]),
        ({"direction": "out"}, "node1", ["daddr { 10.77.0.10 }"]),
        (
            {"from": "nodes", "direction": "out"},
            "node2",
            ["daddr { 10.77.0.11, 10.77.0.13 }"],
        ),
        (
            {"from": "all", "direction": "in"},
            "api",
            ["saddr { 10.77.0.11, 10.77.0.12, 10.77.0.13 }"],
        ),
    ],
)
def test_a_partition_drops_what_was_asked_and_no_more(given, machine, rules):
    (command,) = plan("partition", LAB.machine(machine), **given).act
    text = command.argv[1]
    assert text.count("drop") == len(rules)
    assert all(rule in text for rule in rules)
    assert ("hook input" in text) is any("saddr" in rule for rule in rules)
    assert ("hook output" in text) is any("daddr" in rule for rule in rules)


@pytest.mark.parametrize("name", CATALOGUE)
def test_no_fault_touches_the_management_network(name):
    one = plan(name)
    words = " ".join(str(command) for part in one[:4] for command in part)
    assert "eth0" not in words
    assert "10.77.1." not in words


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_fault_can_be_seen_undone_and_checked(name):
    one = plan(name)
    assert one.act
    assert one.undo
    assert one.bites
    assert one.gone
    # A machine that is off undoes nothing.
    assert find(name).alone is all(command.where != HOST for command in one.undo)
    aim = LAB.api.name if find(name).aims == API else NODE.name
    assert {command.where for part in one[:5] for command in part} <= {aim, HOST}


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_script_is_understood_by_a_shell(name):
    one = plan(name)
    for command in [command for part in one[:5] for command in part]:
        subprocess.run(["sh", "-n", "-c", command.text], check=True)
        subprocess.run(["sh", "-n", "-c", str(command)], check=True)


@pytest.mark.parametrize(
    ("name", "given", "error"),
    [
        ("partition", {"form": "api"}, "the fault 'partition' has no option 'form'"),
        ("partition", {"from": "moon"}, "unknown side 'moon'"),
        ("kill-unit", {"unit": ""}, "is not the name of a service"),
        ("kill-unit", {"unit": "a;reboot.service"}, "is not the name of a service"),
        ("stop-unit", {"unit": "ssh.service"}, "it is left alone"),
        ("stop-unit", {"unit": "systemd-networkd.service"}, "it is left alone"),
        ("slow-network", {"delay": "fast"}, "'fast' is not a delay"),
        ("slow-network", {"loss": "101%"}, "'101%' is not a share"),
        ("slow-network", {"rate": "1mbit; reboot"}, "is not a rate"),
        ("clock-step", {"by": "1s"}, "is not a step of at least 10 s"),
        ("kill-container", {"name": "../x"}, "is not an RFC 1123 label"),
        ("api-errors", {"status": "200"}, "'200' is not a status"),
        ("flap", {"down": "0s"}, "is not a number of seconds"),
    ],
)
def test_a_bad_option_is_refused(name, given, error):
    with pytest.raises(LabError, match=error):
        plan(name, **given)


def test_what_is_missing_is_named():
    with pytest.raises(LabError, match="the fault 'kill-unit' needs --unit UNIT"):
        complete(find("kill-unit"), {})


def test_an_unknown_fault_lists_the_known_ones():
    with pytest.raises(LabError, match="unknown fault 'fire'") as refused:
        find("fire")
    assert "cut, halt, pause, partition" in refused.value.hint


def test_a_machine_is_not_cut_off_from_itself():
    with pytest.raises(LabError, match="api cannot be cut off from itself"):
        plan("partition", LAB.api)


@pytest.mark.parametrize(
    ("given", "least_ms"),
    [
        ({"delay": "200ms", "jitter": "0ms", "rate": ""}, 160),
        ({"delay": "200ms", "jitter": "250ms", "rate": ""}, 0),
        ({"delay": "0ms", "jitter": "0ms", "rate": "1mbit"}, 128),
    ],
)
def test_how_late_an_echo_must_be_to_prove_a_slow_network(given, least_ms):
    assert expected_ms(given) == pytest.approx(least_ms)


@pytest.mark.parametrize(("text", "s"), [("30s", 30), ("30", 30), ("1.5m", 90), ("2h", 7200)])
def test_durations(text, s):
    assert seconds(text) == s


@pytest.mark.parametrize("text", ["", "s", "-3s", "3d", "1e9s", "nan"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(LabError, match="is not a duration"):
        seconds(text)


@pytest.mark.parametrize("script", ["a 'b' c", 'a "b" $c', "plain"])
def test_a_printed_command_is_what_a_shell_would_run(script):
    line = str(shell("node1", script))
    assert shlex.split(line) == ["lab", "ssh", "node1", script]
    assert str(Command(HOST, ("a", "b c"))) == "a 'b c'"


@pytest.fixture
def memory(tmp_path, monkeypatch):
    """An agent's file, as services.lib.durable writes it; where the scripts of `cache` look."""
    from services.lib.durable import DurableFile

    file = tmp_path / "desired.json"
    DurableFile(str(file)).save({"revision": 7})
    monkeypatch.setattr(state, "DESIRED", str(file))
    return file


def run(command):
    return subprocess.run(list(command.argv), check=False).returncode


@pytest.mark.parametrize("how", ["flipped", "truncated", "deleted"])
def test_a_damaged_memory_is_put_back(memory, how):
    from services.lib.durable import DamagedFile, DurableFile

    before = memory.read_bytes()
    one = plan("cache", how=how)
    assert [run(command) for command in one.act[:2]] == [0, 0]
    if how == "deleted":
        assert not memory.exists()
    else:
        with pytest.raises(DamagedFile):
            DurableFile(str(memory)).load()
    assert run(one.gone[0]) != 0
    for _ in range(2):
        run(one.undo[0])
        assert memory.read_bytes() == before
        assert [file.name for file in memory.parent.iterdir()] == ["desired.json"]
    assert run(one.gone[0]) == 0


def test_a_memory_that_the_agent_has_mended_stays(memory):
    from services.lib.durable import DurableFile

    one = plan("cache")
    for command in one.act[:2]:
        run(command)
    DurableFile(str(memory)).save({"revision": 8})
    run(one.undo[0])
    assert DurableFile(str(memory)).load().document == {"revision": 8}
    assert not (memory.parent / f"desired.json{state.COPY}").exists()


def test_one_bit_is_flipped(memory):
    before = memory.read_bytes()
    for command in plan("cache").act[:2]:
        run(command)
    pairs = zip(before, memory.read_bytes(), strict=True)
    assert [(a ^ b).bit_count() for a, b in pairs if a != b] == [1]
