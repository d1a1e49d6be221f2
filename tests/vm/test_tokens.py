"""Who may say what: asked from a node's own shell, with the token that it has."""

import json

import pytest

from tests.vm.conftest import LAB, cursor, journal, run

pytestmark = pytest.mark.vm

OWN = "/etc/lab/token"


@pytest.fixture
def ask(hosts, lab):
    """Ask the state server from a node's shell; returns (status, decoded body)."""
    base = f"http://{lab.api.address}:8081"

    def asked(node, method, path, *, token=OWN, body="{}"):
        header = f'printf "Authorization: Bearer %s" "$(cat {token})" | ' if token else ": | "
        sent = f"-H 'Content-Type: application/json' -d '{body}'" if method != "GET" else ""
        curl = f"curl -s -m 20 -H @- -w '\\n%{{http_code}}' -X {method} {sent} '{base}{path}'"
        said, _, status = hosts[node].check_output(header + curl).rpartition("\n")
        return int(status), json.loads(said)

    return asked


def test_a_node_reads_its_own_assignment_and_no_other(ask):
    for path in ("/api/nodes/node1/desired", "/api/containers?node=node1"):
        status, body = ask("node1", "GET", path)
        assert (status, body["containers"]) == (200, [])
    for path in ("/api/nodes/node2/desired", "/api/containers?node=node2", "/api/containers"):
        status, body = ask("node1", "GET", path)
        assert status == 403
        assert body["hint"]


def test_a_node_speaks_for_itself_alone_and_declares_nothing(ask, pull):
    forbidden = [
        ("POST", "/api/nodes/node2/heartbeat"),
        ("POST", "/api/nodes/node2/leaving"),
        ("POST", "/api/containers"),
        ("PATCH", "/api/nodes/node1"),
        ("GET", "/api/nodes"),
        ("GET", "/api/events"),
    ]
    for method, path in forbidden:
        assert ask("node1", method, path, body='{"name": "evil"}')[0] == 403, (method, path)
    assert "evil" not in pull.declared().names
    assert not any(node.leaving for node in pull.nodes().nodes)


def test_without_a_token_nothing_is_told(ask, hosts):
    status, body = ask("node1", "GET", "/api/nodes/node1/desired", token="")
    assert status == 401
    assert body["hint"]
    hosts["node1"].check_output("printf wrong > /run/wrong-token")
    assert ask("node1", "GET", "/api/nodes/node1/desired", token="/run/wrong-token")[0] == 401


def test_a_token_is_root_s_and_the_list_of_their_digests_the_server_s(hosts, lab):
    digests = json.loads(hosts["api"].file("/etc/lab/tokens.json").content_string)
    for node in lab.nodes:
        file = hosts[node.name].file(OWN)
        assert (file.user, file.group, file.mode) == ("root", "root", 0o600)
        assert digests[node.name] == [file.sha256sum]
    table = hosts["api"].file("/etc/lab/tokens.json")
    assert (table.user, table.mode) == ("lab-pull", 0o600)
    reading = "setpriv --reuid=lab-push --clear-groups cat /etc/lab/tokens.json"
    assert hosts["api"].run(reading).rc != 0


def test_replacing_the_tokens_turns_nobody_away(hosts, lab, stage, ask):
    since = stage.pull.events(0).revision
    cursors = {node.name: cursor(hosts[node.name]) for node in lab.nodes}
    hosts["node1"].check_output(f"install -m 600 {OWN} /run/old-token")
    before = hosts["node1"].file(OWN).sha256sum
    run(*LAB, "token", "rotate")
    assert hosts["node1"].file(OWN).sha256sum != before
    assert ask("node1", "GET", "/api/nodes/node1/desired")[0] == 200
    assert ask("node1", "GET", "/api/nodes/node1/desired", token="/run/old-token")[0] == 401
    # Two passes later: agents have gone on from one to the other without a word.
    stage.pull.declare("after")
    stage.wait_running("pull", {"after"})
    for node in lab.nodes:
        said = journal(hosts[node.name], "pull-agent.service", cursor=cursors[node.name])
        assert [line for _, line in said if "API" in line] == []
    assert stage.happened(since, "node-down") == []
    assert "every machine is up to date" in run(*LAB, "up", "both").stderr
