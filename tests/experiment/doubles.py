"""Both control planes and the nodes, as a run of an experiment sees them."""

import math
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from lab.experiment import heard, runner, steady
from lab.experiment.pace import UNATTENDED
from lab.experiment.parse import Experiment
from lab.experiment.setting import Setting
from lab.faults import heal, strike
from lab.host import settings
from lab.host.accel import Accel
from lab.planes import client
from lab.terminal.progress import Progress
from provisioning import topology
from services.core.profiles import profile

LAB = topology.load()
METHOD = [
    {"type": "action", "name": "pull it", "fault": "cut", "target": "busiest"},
    {"type": "probe", "name": "wait", "until": "run-once", "within": 0.01},
    {"type": "action", "name": "put it back", "undo": "cut"},
]


class World:
    """What both control planes and the nodes would do; `log` has what happened, in order."""

    def __init__(self):
        self.log = []
        self.runs: dict[str, dict[str, tuple[str, ...]]] = {"push": {}, "pull": {}}
        self.listed: dict[str, list[str]] = {"push": [], "pull": []}
        self.strike_error = None
        self.refuses = None
        self.hangs: set[str] = set()

    def get(self, key):
        """Whether a container answers: if it runs, and is not one that `hangs`."""
        mode, node, name = key
        return name not in self.hangs and node in self.runs[mode][name]

    def start(self, mode, name):
        if self.refuses:
            raise self.refuses
        self.log.append(f"{mode} start {name}")
        self.listed[mode].append(name)
        self.runs[mode][name] = ("node1",)

    def stop(self, mode, name):
        self.log.append(f"{mode} stop {name}")
        self.listed[mode].remove(name)
        self.runs[mode].pop(name, None)

    def strike(self, lab, name, machines, options, **more):
        self.log.append(f"{name} {' '.join(m.name for m in machines)}")
        if self.strike_error:
            raise self.strike_error
        fields = {"id": "1", "fault": name, "target": machines[0].name}
        more["put"]("fault", **fields, phase="bitten", command="", evidence="")
        if name == "cut":
            # Pull repairs, push does not.
            self.runs = {"push": {}, "pull": dict.fromkeys(self.runs["pull"], ("node2",))}
        return SimpleNamespace(undo=lambda: self.log.append(f"undo {name}"))


class FakeRecording:
    def __init__(self, lab, modes, writer, world):
        self.topology, self.modes, self.writer = lab, modes, writer
        self.states = SimpleNamespace(latest={}, looked_s=math.inf)
        self.followers: dict[str, SimpleNamespace] = {}
        up = {"ok": True, "nodes": {node.name: "up" for node in lab.nodes}}
        claim = SimpleNamespace(latest=up, asked_s=math.inf)
        self.claims = dict.fromkeys(modes, claim)
        self.where = lambda mode: world.runs[mode]
        self.probes = SimpleNamespace(answered=world)
        self.hurry = lambda: writer.put("note", text="asked at once")
        self.traffic = SimpleNamespace(counting=self.counting)

    @contextmanager
    def counting(self):
        yield lambda phase: self.writer.put("note", text=f"counted {phase}")

    @contextmanager
    def running(self):
        yield


@pytest.fixture
def world(monkeypatch):
    found = World()
    clients = client.Clients(
        SimpleNamespace(
            start=lambda name: found.start("push", name),
            stop=lambda name: found.stop("push", name),
            running=lambda: SimpleNamespace(
                containers=[SimpleNamespace(name=name) for name in found.listed["push"]]
            ),
        ),
        SimpleNamespace(
            declare=lambda name, on_disconnect: found.start("pull", name),
            delete=lambda name: found.stop("pull", name),
            declared=lambda: SimpleNamespace(names=tuple(found.listed["pull"])),
        ),
    )
    monkeypatch.setattr(client, "connect", lambda _: clients)
    monkeypatch.setattr(heal, "heal", lambda *_: found.log.append("heal"))
    monkeypatch.setattr(strike, "strike", found.strike)
    monkeypatch.setattr(
        runner, "Recording", lambda lab, modes, writer: FakeRecording(lab, modes, writer, found)
    )
    accel = SimpleNamespace(accel=Accel("kvm", 1.0, "test"))
    monkeypatch.setattr(settings, "load", lambda: accel)
    monkeypatch.setattr(steady, "quiet_s", lambda _: 0.01)
    for module in (heard, runner):
        monkeypatch.setattr(module, "deadline_s", lambda seconds: 0.05)
    return found


def play(folder, method=METHOD, modes=("push", "pull"), pace=UNATTENDED, reset=None):
    document = {
        "title": "t",
        "containers": 2,
        "steady-state-hypothesis": {"title": "t", "probes": ["run-once", "nodes-up"]},
        "method": method,
        "expected": {},
    }
    setting = Setting(LAB, modes, profile("fast"), 7, 1)
    runner.run(Experiment("test", document), setting, folder, Progress(), pace, reset)
