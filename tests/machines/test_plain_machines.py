"""Machines of plain QEMU as the lab calls them; the QEMUs themselves are doubles."""

import json
import tarfile
from types import SimpleNamespace

import pytest

from lab import paths
from lab.host import forward
from lab.machines import remote
from lab.machines.provider import Verb
from lab.machines.qemu import __main__ as program
from lab.machines.qemu import machines, ports, processes, qmp
from provisioning import topology
from provisioning.box import build
from services.core.errors import LabError

LAB = topology.load()
NAMES = [machine.name for machine in LAB.machines]
SETTINGS = {
    "accel": "tcg",
    "kernel": "/boot/one",
    "initrd": "/boot/initrd",
    "kernel_command_line": "quiet",
    "box_version": "0.1.1",
    "credentials": {name: {"lab.token": f"/token/{name}"} for name in NAMES},
}


class FakeQemus:
    """QEMU -> what it says of its machine; what was done, in order."""

    def __init__(self):
        self.status, self.done = {}, []

    def start(self, name, command, more=None):
        self.done.append(("start", name))
        self.status[name] = "running"
        self.more, self.command = more, command

    def ask(self, door, order, *_, **__):
        name = door.stem
        if name not in self.status:
            raise ConnectionRefusedError
        self.done.append((order, name))
        new = {"stop": "paused", "cont": "running", "quit": ""}.get(order, self.status[name])
        self.status[name] = new
        if not new:
            del self.status[name]
        return {"status": new}


@pytest.fixture
def qemus(monkeypatch, tmp_path):
    fake = FakeQemus()
    for name in ("SHARED", "RUN", "STATE"):
        monkeypatch.setattr(paths, name, tmp_path / name)
    monkeypatch.setattr(paths, "SETTINGS", tmp_path / "lab.json")
    paths.SETTINGS.write_text(json.dumps(SETTINGS))
    monkeypatch.setattr(qmp, "ask", fake.ask)
    monkeypatch.setattr(processes, "start", fake.start)
    monkeypatch.setattr(processes, "ensure", lambda _: fake.done.append(("ensure", "")))
    monkeypatch.setattr(remote, "disconnect", lambda _: None)
    monkeypatch.setattr(machines, "run", lambda words: fake.done.append((words[0], words[-1])))
    monkeypatch.setattr(build, "wanted", lambda: box(tmp_path))
    ports.choose(LAB, [])
    return fake


def box(folder, version="0.1.1"):
    packed = folder / "box"
    if not packed.exists():
        (folder / "box.img").write_text("disk")
        with tarfile.open(packed, "w") as archive:
            archive.add(folder / "box.img", "box.img")
    return SimpleNamespace(file=packed, key="k", version=version)


def states():
    return machines.states(LAB, timeout_s=1)


def test_a_machine_is_absent_then_runs_then_is_off_and_boots_again(qemus):
    assert states() == dict.fromkeys(NAMES, "absent")
    assert machines.create(["node1"]) == ["node1"]
    assert states() == dict.fromkeys(NAMES, "absent") | {"node1": "running"}
    assert program.main(["pause", "node1"]) == 0
    assert states()["node1"] == "paused"
    assert program.main(["is-paused", "node1"]) == 0
    assert program.main(["is-off", "node1"]) == 1
    assert program.main(["resume", "node1"]) == 0
    assert program.main(["cut", "node1"]) == program.main(["cut", "node1"]) == 0
    assert states()["node1"] == "off"
    assert program.main(["is-off", "node1"]) == 0
    assert program.main(["start", "node1"]) == program.main(["start", "node1"]) == 0
    assert states()["node1"] == "running"
    assert qemus.done.count(("start", "node1")) == 2


def test_a_machine_stays_what_it_was_made_of(qemus):
    machines.create(["node1"])
    paths.SETTINGS.write_text(json.dumps(SETTINGS | {"kernel": "/boot/two"}))
    machines.start(LAB, "node1")
    assert "/boot/one" in qemus.command
    assert ("ensure", "") in qemus.done


def test_a_disk_without_a_note_was_never_finished(qemus, monkeypatch):
    def killed(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(machines, "run", killed)
    with pytest.raises(KeyboardInterrupt):
        machines.create(["node1"])
    assert states()["node1"] == "absent"


def test_the_api_machine_is_less_nice_than_the_nodes(qemus):
    nice = {}
    for name in ("api", "node1"):
        machines.create([name])
        nice[name] = int(qemus.more.get("LAB_NICE", 0))
    assert nice["api"] < nice["node1"]


def test_deleting_ends_what_runs_and_leaves_nothing(qemus):
    machines.create(["api", "node1"])
    smaller = LAB._replace(machines=LAB.machines[:1])
    assert machines.delete(smaller, ground=True) == ["api", "node1"]
    assert qemus.status == {}
    assert states() == dict.fromkeys(NAMES, "absent")
    assert machines.delete(LAB, ground=True) == []


def test_a_machine_that_was_never_made_does_not_start(qemus, capsys):
    assert program.main(["start", "node1"]) == 1
    assert "machine 'node1' does not exist" in capsys.readouterr().err
    assert program.main(["pause", "node1"]) == 1
    assert program.main(["pause", "other"]) == 1
    assert program.main(["fly", "node1"]) == program.main([]) == 2


def test_every_verb_is_a_word_of_the_program():
    for verb in Verb:
        *_, word, name = machines.command(LAB, verb, "node1")
        assert (word in program._DO, name) == (True, "node1")


@pytest.mark.parametrize("runs", [True, False])
def test_the_ports_of_the_apis_are_looked_at_unless_they_are_its_own(qemus, monkeypatch, runs):
    looked = []
    monkeypatch.setattr(forward, "check_free", lambda port, mode: looked.append(mode))
    if runs:
        machines.create(["api"])
    machines.claim(LAB, None, (), print)
    assert looked == ([] if runs else ["push", "pull"])


def test_a_machine_on_an_older_box_is_named(qemus, tmp_path):
    machines.create(["node1"])
    said: list[str] = []
    machines.furnish(LAB, box(tmp_path), (), said.append)
    assert said == []
    machines.furnish(LAB, box(tmp_path, "0.1.2"), (), said.append)
    assert said[0].startswith("node1 stand on an older box")
    assert (paths.SHARED / "boot/k-box.img").read_text() == "disk"


def test_a_port_of_the_labs_network_is_opened_once(qemus, monkeypatch):
    opened: dict[tuple[str, str], int] = {}

    def hmp(door, line):
        verb, *rest = line.split()
        if verb == "hostfwd_add":
            there, port = rest[-1].rpartition("-")[2].split(":")
            opened[there, port] = 40000 + len(opened)
        lines = [f"TCP[HOST_FORWARD] 9 127.0.0.1 {p} {a} {n} 0 0" for (a, n), p in opened.items()]
        return "\r\n".join(["Hub 0 (host):", " Protocol[State] FD", *lines])

    monkeypatch.setattr(qmp, "hmp", hmp)
    node1, node2, _ = LAB.nodes
    first = machines.lab_address(node1, 80)
    assert machines.lab_address(node1, 80) == first == ("127.0.0.1", 40000)
    assert machines.lab_address(node2, 80) == ("127.0.0.1", 40001)
    assert len(opened) == 2


def test_without_the_labs_network_the_remedy_is_named(qemus):
    with pytest.raises(LabError, match="no way into the lab's network") as refused:
        machines.lab_address(LAB.nodes[0], 80)
    assert refused.value.hint == "lab heal"
