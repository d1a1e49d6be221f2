"""The plug of a node is pulled, on a playground of doubles: what errors may not hide."""

from types import SimpleNamespace

import pytest

from lab.demo import selfhealing
from lab.demo.playground import NAMES, Playground
from lab.demo.verdict import Verdict
from lab.experiment import timing
from lab.machines import vagrant
from lab.machines.units import containers, parse
from lab.planes.client import Running
from lab.waiting import TookTooLong
from services.core.errors import ApiUnreachable
from services.core.model import Container, Placed
from services.core.profiles import PROFILES

SILENT = ApiUnreachable("http://127.0.0.1:8081", "refused")


@pytest.fixture
def playground(lab, vms, monkeypatch):
    monkeypatch.setattr(timing, "drift_s", lambda _: 0.1)
    monkeypatch.setattr(timing, "healing_s", lambda _: 0.2)
    return Playground(lab, ["push", "pull"], PROFILES["fast"], lambda text: None)


def _push_over(vms, lab):
    """Push as it is: it lists what runs, and whom it did not reach."""

    def running():
        up = [node for node in lab.nodes if vms[node.name].state == "running"]
        found = [
            Placed(Container(name), node.name)
            for node in up
            for name in containers(parse(vms[node.name].run(["systemctl", "list-units"])), "push")
        ]
        return Running(tuple(found), tuple(n.name for n in lab.nodes if n not in up))

    return SimpleNamespace(running=running)


def broken(name):
    raise TookTooLong(f"{name} answers over SSH", 20, False, "")


@pytest.mark.parametrize(("boots", "verdict"), [(True, Verdict.EXPECTED), (False, Verdict.UNKNOWN)])
def test_push_loses_what_ran_on_the_node(playground, lab, vms, monkeypatch, boots, verdict):
    for number, name in enumerate(NAMES):
        vms[lab.nodes[number % 3].name].units[f"push-container@{name}.service"] = "active"
    playground.modes = ["push"]
    playground.push = _push_over(vms, lab)
    if not boots:
        monkeypatch.setattr(vagrant, "start", broken)
    (outcome,) = selfhealing.play(playground)
    assert outcome.verdict is verdict, outcome
    assert f"{NAMES[0]}, {NAMES[3]} lost" in outcome.happened
    assert outcome.seconds is not None
    assert outcome.seconds >= 0.6
    assert ("node1 answers over SSH" in outcome.happened) is not boots


def test_a_node_that_does_not_boot_again_is_an_unseen_return(playground, lab, monkeypatch):
    monkeypatch.setattr(vagrant, "start", broken)
    looks, unseen = selfhealing._return(playground, lab.nodes[0])
    assert looks == []
    assert "node1 answers over SSH" in unseen


def test_looks_taken_before_a_return_went_wrong_are_kept(playground, lab, vms, monkeypatch):
    vms["node2"].units = {"push-container@demo-1.service": "active"}

    def silent(during):
        during()
        raise SILENT

    monkeypatch.setattr(playground, "await_nodes", silent)
    looks, unseen = selfhealing._return(playground, lab.nodes[0])
    assert [look["push"] for look in looks] == [{"demo-1": ("node2",)}] * 2
    assert unseen == str(SILENT)
