"""What push counts. Over nodes in memory, and where it is about SSH over a real sshd."""

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from services.core.model import Container
from services.push.api import make_app
from services.push.fleet import Fleet
from services.push.inventory import Inventory
from services.push.meters import Metered, PushMetrics
from services.push.push import Push
from services.web.metrics import Metrics
from tests.push.sshd import LIMITS, user
from tests.serving import Client, serving


@pytest.fixture
def metered(runner):
    """A client of push as the process builds it, over `runner`."""
    metrics = Metrics("push")
    app = make_app(Push(Metered(runner, PushMetrics(metrics.registry))), metrics=metrics)
    with serving(app) as [address]:
        client = Client(address)
        yield client
        client.close()


def value(client, name, **labels):
    families = text_string_to_metric_families(client("GET", "/metrics").text)
    found = [
        sample.value
        for family in families
        for sample in family.samples
        if sample.name == name and sample.labels == labels
    ]
    return found[0] if found else None


def test_orders_are_counted_by_node_and_outcome(metered, runner):
    runner.failing.add("bad")
    for name in ("a", "b", "bad"):
        metered("POST", "/container/start", json={"name": name, "node": "node1"})
    metered("POST", "/container/stop", json={"name": "a", "node": "node1"})
    labels = {"command": "start", "node": "node1"}
    assert value(metered, "push_commands_total", **labels, outcome="ok") == 2
    assert value(metered, "push_commands_total", **labels, outcome="failed") == 1
    stops = {"command": "stop", "node": "node1", "outcome": "ok"}
    assert value(metered, "push_commands_total", **stops) == 1


def test_what_was_last_seen_is_told_and_a_scrape_asks_no_node(metered, runner):
    assert value(metered, "push_containers_listed", node="node1") is None
    runner.active["node1"] = {"a": "demo", "b": "demo"}
    metered("GET", "/containers")
    assert value(metered, "push_containers_listed", node="node1") == 2
    assert value(metered, "push_node_unreachable", node="node1") == 0
    runner.silent.add("node1")
    runner.active["node2"] = {"c": "demo"}
    assert value(metered, "push_node_unreachable", node="node1") == 0
    assert value(metered, "push_containers_listed", node="node2") == 0
    metered("GET", "/nodes")
    assert value(metered, "push_node_unreachable", node="node1") == 1
    assert value(metered, "push_containers_listed", node="node1") == 2
    asked = {"command": "list", "node": "node1", "outcome": "unreachable"}
    assert value(metered, "push_commands_total", **asked) == 1


def test_ssh_is_timed_by_node_and_outcome(node, key, tmp_path):
    known = tmp_path / "known"
    known.write_text(node.known_hosts())
    registry = CollectorRegistry()
    inventory = Inventory(user(), key, known, (node.target,))
    fleet = Fleet(inventory, LIMITS, node.places, timed=PushMetrics(registry).ssh)
    fleet.start("node1", Container("web"))
    fleet.look(["node1"])

    def seconds(outcome, part):
        labels = {"node": "node1", "outcome": outcome}
        return registry.get_sample_value(f"push_ssh_seconds_{part}", labels)

    assert seconds("ok", "count") == 2
    assert 0 < seconds("ok", "sum") < 20
    node.stop()
    fleet.look(["node1"])
    assert seconds("unreachable", "count") == 1
