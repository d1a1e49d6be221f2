"""The commands of the public demonstration, word for word, from the host's shell."""

import json

import pytest

from tests.vm.conftest import run

pytestmark = pytest.mark.vm

# ruff: noqa: E501
PUSH = """
curl -s -X POST http://localhost:8080/container/start -H "Content-Type: application/json" -d '{"name": "nginx"}'
for i in {1..9}; do curl -s -X POST http://localhost:8080/container/start \\
  -H "Content-Type: application/json" -d "{\\"name\\": \\"nginx$i\\"}"; done
"""
PULL = """
curl -s -X POST http://localhost:8081/api/containers -H "Content-Type: application/json" -d '{"name": "nginx"}'
for i in {1..9}; do curl -s -X POST http://localhost:8081/api/containers \\
  -H "Content-Type: application/json" -d "{\\"name\\": \\"nginx$i\\"}"; done
"""
NAMES = {"nginx", *(f"nginx{number}" for number in range(1, 10))}


def _curl(url: str) -> dict:
    return json.loads(run("curl", "-s", url).stdout)


def test_push_starts_ten_containers_round_robin_and_lists_them(stage):
    said = run("bash", "-c", PUSH).stdout
    assert said.count('"started"') == 10
    listed = _curl("http://localhost:8080/containers")
    assert listed["total"] == 10
    assert {container["name"] for container in listed["containers"]} == NAMES
    loads = [c["node"] for c in listed["containers"]]
    assert sorted(loads.count(node.name) for node in stage.lab.nodes) == [3, 3, 4]
    # Not only listed: systemd on the nodes says so too.
    assert set(stage.where("push")) == NAMES


def test_push_says_that_a_container_runs_already(stage):
    start = ["curl", "-s", "-X", "POST", "http://localhost:8080/container/start"]
    body = ["-H", "Content-Type: application/json", "-d", '{"name": "nginx", "node": "node3"}']
    first = json.loads(run(*start, *body).stdout)
    again = json.loads(run(*start, *body).stdout)
    assert (first["status"], first["node"]) == ("started", "node3")
    assert (again["status"], again["node"]) == ("already_running", "node3")


def test_pull_places_ten_containers_evenly_and_runs_them(stage):
    said = run("bash", "-c", PULL).stdout
    assert said.count('"nginx9"') == 1
    stage.wait_running("pull", NAMES)
    listed = _curl("http://localhost:8081/api/containers")["containers"]
    assert {container["name"] for container in listed} == NAMES
    loads = [container["node"] for container in listed]
    assert sorted(loads.count(node.name) for node in stage.lab.nodes) == [3, 3, 4]
    mine = _curl("http://localhost:8081/api/containers?node=node1")["containers"]
    assert sorted(mine) == sorted(c["name"] for c in listed if c["node"] == "node1")


def test_pull_lists_its_nodes_with_times(stage):
    nodes = _curl("http://localhost:8081/api/nodes")["nodes"]
    assert [node["name"] for node in nodes] == ["node1", "node2", "node3"]
    assert {node["status"] for node in nodes} == {"up"}
    assert all(node["last_heartbeat"].startswith("20") for node in nodes)
