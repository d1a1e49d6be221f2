"""Cordon, drain and events: against a state server that answers as the contract says."""

import json
from types import SimpleNamespace

import pytest

from lab.commands import events
from lab.planes import drain
from services.core.errors import ApiUnreachable
from services.core.wire_nodes import load_events
from tests.lab.doubles import http_server


def status(name, **marks):
    return {"name": name, "status": "up", "health": "up", "silent_s": 0.1, **marks}


class FakePull:
    """Three nodes, and containers that move off node1 one a look, if another node takes them."""

    def __init__(self, *others):
        self.others = others or (status("node2"), status("node3"))
        self.placed = ["a", "b"]
        self.running = ["a", "b"]
        self.marks = {}
        self.seen: list[tuple] = []
        self.answers = {
            "PATCH /api/nodes/node1": lambda _: (200, status("node1")),
            "GET /api/nodes/node1": self.node,
            "GET /api/nodes": lambda _: (
                200,
                {"nodes": [status("node1"), *self.others], "uptime_s": 9, "lease_s": 3},
            ),
            "GET /api/containers": lambda _: (
                200,
                {"containers": [{"name": name, "node": "node2"} for name in ("a", "b", "c")]},
            ),
        }

    def node(self, _):
        body = {**status("node1"), "containers": list(self.placed), "running": list(self.running)}
        if self.placed:
            self.placed.pop()
        elif self.running:
            self.running.pop()
        return 200, body


@pytest.fixture
def pull(monkeypatch):
    monkeypatch.setattr(drain, "_EVERY_S", 0.01)
    fake = FakePull()
    with http_server(fake.answers) as (port, seen):
        monkeypatch.setenv("LAB_PULL_PORT", str(port))
        fake.seen = seen
        yield fake


def test_a_drain_ends_when_nothing_is_assigned_and_nothing_runs(run, vms, pull):
    result = run("drain", "node1")
    assert result.exit_code == 0, result.output
    assert result.stdout == "node1 is empty; a is on node2, b is on node2\n"
    assert ("PATCH", "/api/nodes/node1", {"draining": True}) in pull.seen
    assert (pull.placed, pull.running) == ([], [])
    for line in ("2 assigned, 2 running", "0 assigned, 2 running", "0 assigned, 1 running"):
        assert f"node1: {line}" in result.stderr


def test_a_drain_that_cannot_end_says_what_stays_and_why_at_once(run, vms, pull):
    pull.others = (status("node2", cordoned=True), {**status("node3"), "status": "down"})
    pull.running = []
    result = run("drain", "node1")
    assert result.exit_code == 1
    said = "node1 keeps a, b: no other node takes containers (node2 is cordoned, node3 is down)"
    assert f"Error: {said}\nHint: " in result.stderr
    assert "lab uncordon node1" in result.stderr


def test_a_drain_that_takes_too_long_says_what_is_left(run, vms, pull):
    pull.placed.clear()
    pull.answers["GET /api/nodes/node1"] = (
        200,
        {**status("node1"), "containers": [], "running": ["a"]},
    )
    result = run("drain", "node1", "--timeout", "0.1")
    assert result.exit_code == 1
    assert "node1 is not empty after 0.1 s; running: a" in result.stderr
    assert "lab logs node1" in result.stderr


@pytest.mark.parametrize(
    ("command", "body"), [("cordon", {"cordoned": True}), ("uncordon", {"cordoned": False})]
)
def test_cordon_and_uncordon_are_one_request_each(run, vms, pull, command, body):
    assert run(command, "node1").exit_code == 0
    assert pull.seen == [("PATCH", "/api/nodes/node1", body)]


@pytest.mark.parametrize(
    "words",
    [["cordon", "node1"], ["uncordon", "node1"], ["drain", "node1"], ["events"]],
    ids=" ".join,
)
def test_push_has_no_such_thing_and_says_why(run, vms, monkeypatch, words):
    monkeypatch.setenv("LAB_PULL_PORT", "9")
    del vms["api"].units["pull.target"]
    result = run(*words)
    assert result.exit_code == 1
    assert "Error: the lab runs without pull, and push has no such thing" in result.stderr
    assert result.stderr.endswith("Hint: lab up both\n")


def test_pull_that_is_silent_is_not_called_absent(run, vms, monkeypatch):
    monkeypatch.setenv("LAB_PULL_PORT", "9")
    result = run("cordon", "node1")
    assert result.exit_code == 1
    assert "does not answer" in result.stderr


@pytest.mark.parametrize(
    ("node", "said"),
    [
        (status("n"), "up"),
        (status("n", cordoned=True), "cordoned"),
        (status("n", cordoned=True, draining=True), "draining"),
        ({**status("n", leaving=True), "status": "down"}, "leaving and down"),
        ({**status("n"), "health": "suspect"}, "suspect"),
    ],
)
def test_status_says_what_keeps_containers_off_a_node(run, vms, push_api, pull_api, node, said):
    pull_api[0]["GET /api/nodes"] = (
        200,
        {"nodes": [{**node, "name": "node2"}], "uptime_s": 9, "lease_s": 3},
    )
    assert json.loads(run("status", "--json").stdout)["standing"] == {"node2": said}
    shown = run("status").stdout
    assert (f"running ({said} for pull)" in shown) is (said != "up")


EVENT = {
    "revision": 41,
    "at": "2026-11-25T01:02:03.456789+00:00",
    "monotonic_s": 9.5,
    "kind": "placed",
    "subject": "web",
    "node": "node1",
    "reason": "least loaded node that is up",
}
PAGE = {"events": [EVENT], "revision": 41, "oldest": 40, "truncated": True}


def test_events_are_a_line_each_and_say_what_is_no_longer_kept(run, vms, pull):
    pull.answers["GET /api/events"] = (200, PAGE)
    result = run("events", "--since", "7")
    assert result.stdout == (
        "     41  01:02:03.456  placed        web on node1: least loaded node that is up\n"
    )
    assert result.stderr == "(before revision 40: no longer kept)\n"
    assert pull.seen[0][1] == "/api/events?since=7&wait=0"
    assert json.loads(run("events", "--json").stdout) == EVENT


def test_events_that_are_followed_go_on_where_they_were_after_an_outage(monkeypatch, capsys):
    monkeypatch.setattr(events, "_AGAIN_S", 0)
    silent = ApiUnreachable("http://127.0.0.1:8081", "refused")
    said = [load_events(PAGE), silent, silent, load_events({**PAGE, "revision": 50})]
    asked = []

    def answer(since, *, wait_s):
        asked.append(since)
        page = said.pop(0)
        if isinstance(page, ApiUnreachable):
            raise page
        return page

    pages = events.follow_from(SimpleNamespace(events=answer), 3)
    assert [next(pages).revision, next(pages).revision] == [41, 50]
    assert asked == [3, 41, 41, 41]
    assert capsys.readouterr().err.count("waiting for it") == 1
