"""The order in which a lab is brought back, and the mark that it leaves until all is well."""

import io
from types import SimpleNamespace

import pytest

from lab.host import forward
from lab.machines import power, remote
from lab.snapshot import thaw
from lab.terminal.progress import Progress
from provisioning import topology
from provisioning.run import ToolFailed
from services.core.errors import LabError

LAB = topology.load()
NAMES = tuple(machine.name for machine in LAB.machines)


class FakeDomains:
    """Machines that do as they are told. fails: the step at which libvirt says no."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.fails = ""
        self.states = dict.fromkeys(NAMES, "running")
        self.ends = ""
        self.silent = ()

    def step(self, what: str) -> None:
        self.done.append(what)
        if what == self.fails:
            raise ToolFailed(["virsh"], 1, "error: no")

    def discard(self, names):
        self.step(f"discard {' '.join(names)}")
        self.states = dict.fromkeys(NAMES, "off")

    def put_back(self, machines, folder):
        self.step("put back")
        for name in machines:
            self.states[name] = "paused"

    def resume(self, domains, pause, progress):
        self.step("go on")
        for machine in pause.machines:
            self.states[machine.name] = "off" if machine.name == self.ends else "running"
        return list(self.silent)


@pytest.fixture
def domains(monkeypatch, tmp_path):
    fake = FakeDomains()
    monkeypatch.setattr(thaw, "_MARKER", tmp_path / "thawing")
    monkeypatch.setattr(thaw, "Domains", lambda _: fake)
    monkeypatch.setattr(thaw, "resume", fake.resume)
    monkeypatch.setattr(power, "machine_states", lambda _: dict(fake.states))
    monkeypatch.setattr(forward, "stop", lambda: fake.done.append("ports end"))
    monkeypatch.setattr(forward, "ensure", lambda _: fake.done.append("ports are back"))
    monkeypatch.setattr(remote, "disconnect", lambda _: None)
    return fake


@pytest.fixture
def bring(tmp_path):
    saved = SimpleNamespace(running=NAMES, machines=NAMES, pause="secret")
    return lambda: thaw.thaw(LAB, tmp_path / "one", saved, Progress(io.StringIO()))


def test_all_machines_end_before_one_comes_back_and_the_ports_are_there_with_them(domains, bring):
    domains.states["node2"] = "off"
    domains.states["node3"] = "paused"
    bring()
    assert domains.done[:2] == ["ports end", "discard api node1 node3"]
    # Beside each other: listening takes as long as a restore, and waits for none.
    assert sorted(domains.done[2:]) == ["go on", "ports are back", "put back"]
    assert thaw.cut_short() is None
    thaw.check_whole()


@pytest.mark.parametrize("step", ["discard api node1 node2 node3", "put back", "go on"])
def test_a_thaw_that_fails_leaves_its_mark(domains, bring, tmp_path, step):
    domains.fails = step
    with pytest.raises(ToolFailed):
        bring()
    assert thaw.cut_short() == tmp_path / "one"
    with pytest.raises(LabError, match="'one' did not finish"):
        thaw.check_whole()


def test_a_machine_that_ended_meanwhile_is_no_success(domains, bring):
    domains.ends, domains.silent = "node2", ("node1", "node2")
    with pytest.raises(LabError, match="node2 ended meanwhile"):
        bring()
    assert thaw.cut_short() is not None


def test_a_machine_that_says_nothing_but_runs_is_one(domains, bring):
    domains.silent = ("node1",)
    bring()
    assert thaw.cut_short() is None
