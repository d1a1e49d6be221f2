"""What /metrics says of a state server, as Prometheus would read it."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.serving import Client
from tests.waiting import wait_for


@pytest.fixture
def sample(realms):
    """sample(name, **labels) -> the value that a scrape finds, None if it finds none."""

    def sample(name, **labels):
        text = realms.admin("GET", "/metrics").text
        found = [
            one.value
            for family in text_string_to_metric_families(text)
            for one in family.samples
            if one.name == name and labels.items() <= one.labels.items()
        ]
        assert len(found) < 2
        return found[0] if found else None

    return sample


def report(realms, node, *names):
    running = [{"name": name, "image": "demo", "ready": True} for name in names]
    body = {"revision": 1, "running": running}
    assert realms.node("POST", f"/api/nodes/{node}/heartbeat", json=body).ok


def declare(realms, name, **fields):
    assert realms.admin("POST", "/api/containers", json={"name": name, **fields}).ok


def test_containers_and_nodes_are_counted_by_how_they_are(realms, sample):
    declare(realms, "a", node="node1")
    declare(realms, "b", node="node1")
    declare(realms, "c")
    report(realms, "node1", "a")
    report(realms, "node2")
    assert sample("pull_containers_desired") == 3
    assert sample("pull_containers_placed") == 2
    assert sample("pull_containers_unassigned") == 1
    assert sample("pull_containers_running") == 1
    assert sample("pull_nodes", status="up") == 2
    realms.clock.now_s += 2
    report(realms, "node2")
    realms.clock.now_s += 2
    realms.store.judge()
    assert (sample("pull_nodes", status="up"), sample("pull_nodes", status="down")) == (1, 1)
    assert sample("pull_containers_running") == 0


def test_what_reaches_the_disk_is_counted(realms, sample):
    before = sample("pull_commits_total"), sample("pull_changes_total"), sample("pull_revision")
    for name in "abc":
        declare(realms, name)
    after = sample("pull_commits_total"), sample("pull_changes_total"), sample("pull_revision")
    assert [b - a for a, b in zip(before, after, strict=True)] == [3, 3, 3]
    assert sample("pull_file_bytes") > 0
    assert sample("pull_generations_total") > 0
    assert sample("pull_batch_changes") == 1


def test_only_beats_with_a_report_are_passes(realms, sample):
    realms.node("POST", "/api/nodes/node1/heartbeat")
    assert sample("pull_reconcile_passes_total", node="node1") is None
    report(realms, "node1")
    report(realms, "node1")
    assert sample("pull_reconcile_passes_total", node="node1") == 2


@pytest.fixture
def looked(realms):
    """Nodes that are known; looked() -> the histogram: how many, and their seconds together."""
    for node in ("node1", "node2"):
        report(realms, node)

    def looked(sample):
        realms.meters.look()
        return sample("pull_converge_seconds_count"), sample("pull_converge_seconds_sum")

    return looked


def test_it_takes_from_being_wanted_to_being_reported_by_its_node(realms, sample, looked):
    declare(realms, "a")
    realms.clock.now_s += 2
    realms.admin("PATCH", "/api/containers/a", json={"node": "node1"})
    realms.clock.now_s += 1
    assert looked(sample) == (0, 0)
    report(realms, "node1", "a")
    assert looked(sample) == (1, 3)
    for _ in range(2):
        report(realms, "node1", "a")
    assert looked(sample) == (1, 3)
    assert sample("pull_converge_seconds_bucket", le="2.0") == 0
    assert sample("pull_converge_seconds_bucket", le="3.0") == 1


def test_it_takes_from_losing_a_node_to_running_on_another(realms, sample, looked):
    declare(realms, "a", node="node1")
    report(realms, "node1", "a")
    realms.clock.now_s += 1
    realms.admin("PATCH", "/api/containers/a", json={"node": None})
    report(realms, "node1")
    report(realms, "node1", "a")
    assert looked(sample) == (1, 0), "what still runs on the old node does not count"
    realms.clock.now_s += 1
    realms.admin("PATCH", "/api/containers/a", json={"node": "node2"})
    realms.clock.now_s += 1
    report(realms, "node2", "a")
    assert looked(sample) == (2, 2)


def test_what_is_deleted_before_it_runs_is_forgotten(realms, sample, looked):
    declare(realms, "a", node="node1")
    realms.admin("DELETE", "/api/containers/a")
    realms.clock.now_s += 10
    declare(realms, "a", node="node1")
    realms.clock.now_s += 1
    report(realms, "node1", "a")
    assert looked(sample) == (1, 1)


def test_what_a_node_ran_when_it_was_first_heard_of_has_no_time(realms, sample):
    declare(realms, "a", node="node1")
    realms.clock.now_s += 50
    report(realms, "node1", "a")
    realms.meters.look()
    report(realms, "node1")
    report(realms, "node1", "a")
    realms.meters.look()
    assert sample("pull_converge_seconds_count") == 0


def test_two_looks_at_once_count_once(realms, sample, looked, monkeypatch):
    declare(realms, "a", node="node1")
    report(realms, "node1", "a")
    asked: list[int] = []
    events = realms.store.events

    def slow(since):
        page = events(since)
        if not asked:
            asked.append(since)
            realms.meters.look()
        return page

    monkeypatch.setattr(realms.store, "events", slow)
    realms.meters.look()
    realms.clock.now_s += 5
    report(realms, "node1")
    report(realms, "node1", "a")
    assert looked(sample) == (1, 0)


def test_requests_are_counted_by_their_route_in_both_realms(realms, sample):
    realms.admin("GET", "/api/containers/x")
    realms.node("GET", "/api/nodes/node1/desired")
    counted = {"method": "GET", "route": "/api/containers/<name>", "status": "404"}
    assert sample("lab_http_requests_total", **counted) == 1
    counted = {"method": "GET", "route": "/api/nodes/<node>/desired", "status": "200"}
    assert sample("lab_http_requests_total", **counted) == 1


def test_the_server_itself_looks_whether_it_is_scraped_or_not(start):
    client = Client(start().admin)
    client("POST", "/api/nodes/node1/heartbeat")
    client("POST", "/api/containers", json={"name": "a", "node": "node1"})
    body = {"revision": 1, "running": [{"name": "a", "image": "demo", "ready": True}]}
    client("POST", "/api/nodes/node1/heartbeat", json=body)
    wait_for(
        lambda: "pull_converge_seconds_count 1.0" in client("GET", "/metrics").text,
        "it is in the histogram",
        timeout_s=10,
    )
    client.close()
