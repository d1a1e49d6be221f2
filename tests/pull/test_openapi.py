"""GET /openapi.json tells the truth: the apps' own routes, and answers as they really are."""

import pytest
from schemathesis import checks

from services.pull.api import make_admin_app
from services.pull.conditions import LONGEST_WAIT_S
from services.pull.node_api import make_node_app
from services.pull.tokens import Tokens
from tests.openapi import bounded, conform, document, file, load, routes, routes_of
from tests.serving import Client, StateServer, write_tokens
from tests.states import open_state

DOCUMENT = document("pull")
schema = load(DOCUMENT)
SHORT_S = 0.01
DATA_CHECKS = [checks.negative_data_rejection, checks.positive_data_acceptance]


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """The real server, with a node that spoke and a container."""
    server = StateServer(tmp_path_factory.mktemp("openapi") / "data")
    call = Client(server.admin)
    call("POST", "/api/nodes/node1/heartbeat")
    call("POST", "/api/containers", json={"name": "nginx1"})
    yield call.url
    call.close()
    server.kill()


@schema.parametrize()
@bounded
def test_answers_are_what_the_document_says(case, url):
    wait_s = (case.query or {}).get("wait")
    if isinstance(wait_s, int | float) and SHORT_S < wait_s <= LONGEST_WAIT_S:
        case.query["wait"] = SHORT_S  # as good as what it stands for, and sooner over
    # What is no ETag is 400, any ETag that is not the object's is 412: the schema cannot tell.
    conditional = [k for k in case.headers or {} if k.lower() in ("if-match", "if-none-match")]
    # Nor how long the node was silent: more than it was is 412.
    unchecked = (conditional and case.method != "GET") or case.path.endswith("/down")
    conform(case, url, but=DATA_CHECKS if unchecked else [])


def test_the_document_has_exactly_the_routes_of_the_admin_realm(tmp_path):
    assert routes(DOCUMENT) == routes_of(make_admin_app(open_state(tmp_path, lease_s=3.0)))


def test_what_the_document_lets_nodes_do_is_exactly_what_their_realm_has(tmp_path):
    tokens = Tokens(write_tokens(tmp_path / "tokens", "node1"))
    app = make_node_app(open_state(tmp_path, lease_s=3.0), tokens)
    open_to_nodes = {
        (method, path)
        for method, path in routes(DOCUMENT)
        if "security" in DOCUMENT["paths"][path][method.lower()]
    }
    assert open_to_nodes == {(method, path) for method, path in routes_of(app) if method != "ANY"}


def test_the_document_is_served(url):
    call = Client(("127.0.0.1", int(url.rpartition(":")[2])))
    assert call("GET", "/openapi.json").content == file("pull").read_bytes()
    call.close()
