"""What control planes and nodes say to each other is counted, or that it is not is noted."""

import json
import threading
from types import SimpleNamespace

import pytest

from lab.faults import plan
from lab.history import traffic
from lab.history.history import Writer, read
from lab.history.traffic import Traffic
from lab.machines import remote
from lab.planes import client
from provisioning import topology
from services.core.errors import ApiUnreachable, LabError, NodeUnreachable
from services.push.meters import PushMetrics
from services.web.metrics import Metrics

LAB = topology.load()
SHOWN = {
    "nftables": [
        {"metainfo": {"version": "1.1.3"}},
        {"counter": {"name": "push", "table": "lab_traffic", "packets": 3, "bytes": 700}},
        {"counter": {"name": "pull", "table": "lab_traffic", "packets": 9, "bytes": 1200}},
    ]
}


class Api(Metrics):
    def text(self, path):
        assert path == "/metrics"
        return self.expose().decode()


@pytest.fixture
def apis(monkeypatch):
    """Both APIs, with a few requests of each kind behind them."""
    push, pull = Api("push"), Api("pull")
    commands = PushMetrics(push.registry).commands
    for node in ("node1", "node2"):
        commands.labels("list", node, "ok").inc(2)
    commands.labels("start", "node1", "failed").inc()
    push.count("GET", "/containers", 200, 0.1)
    push.count("GET", "/containers", 503, 0.1)
    push.count("GET", "/nodes", 200, 0.1)
    push.count("POST", "/container/start", 502, 0.1)
    for route in ("heartbeat", "desired", "desired", "leaving", "down"):
        pull.count("POST", f"/api/nodes/<node>/{route}", 200, 0.1)
    for route in ("/api/nodes", "/api/containers", "/api/nodes/<node>", "/metrics"):
        pull.count("GET", route, 200, 0.1)
    monkeypatch.setattr(client, "connect", lambda _: SimpleNamespace(push=push, pull=pull))
    return push, pull


@pytest.fixture
def nft(monkeypatch):
    """What nft was asked on the API machine; `fails`: whether that cannot be reached."""
    asked = SimpleNamespace(said=[], fails=False)

    def run(machine, argv, *, timeout_s):
        assert machine == LAB.api
        asked.said.append(argv)
        if asked.fails:
            raise NodeUnreachable("api", 1.0, "no route")
        return json.dumps(SHOWN)

    monkeypatch.setattr(remote, "run", run)
    monkeypatch.setattr(traffic, "deadline_s", lambda seconds: seconds)
    return asked


def test_bytes_are_of_the_kernel_and_requests_of_the_apis(tmp_path, apis, nft):
    turn = threading.Lock()
    with Writer(tmp_path) as writer, Traffic(LAB, ["push", "pull"], writer, turn).counting() as put:
        put("before")
    keys = ("mode", "phase", "bytes", "requests", "questions")
    found = [tuple(r.fields[key] for key in keys) for r in read(tmp_path).of("traffic")]
    assert found == [("push", "before", 700, 5, 2), ("pull", "before", 1200, 4, 0)]


def test_no_question_of_ours_is_under_way_while_it_is_counted(tmp_path, apis, nft, monkeypatch):
    turn, taken = threading.Lock(), []

    def text(_):
        taken.append(turn.locked())
        return ""

    monkeypatch.setattr(apis[0], "text", text)
    with Writer(tmp_path) as writer, Traffic(LAB, ["push"], writer, turn).counting() as put:
        put("before")
    assert taken == [True]
    assert not turn.locked()


@pytest.mark.parametrize("which", ["nft", "api"])
def test_what_cannot_be_counted_is_noted_and_ends_nothing(tmp_path, apis, nft, monkeypatch, which):
    def silent(_):
        raise ApiUnreachable("http://x", "refused")

    nft.fails = which == "nft"
    monkeypatch.setattr(apis[0], "text", silent)
    turn = threading.Lock()
    with Writer(tmp_path) as writer, Traffic(LAB, ["push", "pull"], writer, turn).counting() as put:
        put("before")
    history = read(tmp_path)
    assert not list(history.of("traffic"))
    assert "not counted" in next(history.of("note")).fields["text"]


def test_nothing_is_left_in_the_machine_and_heal_takes_it_for_no_fault(tmp_path, apis, nft):
    count = Traffic(LAB, ["push"], Writer(tmp_path), threading.Lock())
    with pytest.raises(LabError, match="another"), count.counting():
        raise LabError("another error")
    assert nft.said[-1] == ["nft", "add table inet lab_traffic; delete table inet lab_traffic"]
    assert not traffic.TABLE.startswith(plan.TABLE)
