"""Nobody speaks for a node without its token, and a node for nobody else."""

import json

import pytest

from services.pull.tokens import NoToken, NotYours, Tokens
from tests.serving import Client, token_of, write_tokens
from tests.waiting import wait_for


@pytest.fixture
def file(tmp_path):
    return write_tokens(tmp_path / "tokens.json", "node1", "node2")


@pytest.fixture
def tokens(file):
    return Tokens(file)


def bearer(node):
    return f"Bearer {token_of(node)}"


@pytest.mark.parametrize(
    "offered",
    [
        pytest.param("", id="none"),
        pytest.param("Bearer", id="none, but a scheme"),
        pytest.param("Bearer ", id="an empty one"),
        pytest.param("Bearer x", id="nobody's"),
        pytest.param(f"Basic {token_of('node1')}", id="another scheme"),
        pytest.param(f"Digest {token_of('node1')}", id="another scheme, as long as ours"),
        pytest.param(token_of("node1"), id="no scheme"),
        pytest.param(bearer("node1") + "x", id="longer"),
        pytest.param(bearer("node1")[:-1], id="shorter"),
        pytest.param(bearer("n\u00f6de"), id="not ASCII"),
    ],
)
def test_who_has_no_token_of_any_node(tokens, offered):
    for check in (lambda: tokens.known(offered), lambda: tokens.check(offered, "node1")):
        with pytest.raises(NoToken) as refused:
            check()
        assert "token-of" not in str(refused.value) + refused.value.hint


def test_the_digest_in_the_file_is_no_token(tokens, file):
    digest = json.loads(file.read_text())["node1"][0]
    with pytest.raises(NoToken):
        tokens.known(f"Bearer {digest}")


def test_a_node_is_itself_and_nobody_else(tokens):
    tokens.check(bearer("node1"), "node1")
    tokens.check(f"bearer  {token_of('node1')} ", "node1")
    for other in ("node2", "node3"):
        with pytest.raises(NotYours):
            tokens.check(bearer("node1"), other)


def test_several_are_valid_at_once_until_the_file_says_otherwise(tokens, file):
    write_tokens(file, "node1", spare="new")
    tokens.check(bearer("node1"), "node1")
    tokens.check("Bearer new", "node1")
    write_tokens(file, "node2")
    with pytest.raises(NoToken):
        tokens.check(bearer("node1"), "node1")
    tokens.check(bearer("node2"), "node2")


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"node1": "x"}', '{"node1": ["short"]}', '{"../x": []}', '{"node1": [3]}'],
)
def test_a_damaged_file_keeps_the_last_good_one_and_says_so_once(tokens, file, caplog, text):
    file.write_text(text)
    for _ in range(3):
        tokens.check(bearer("node1"), "node1")
    assert [record.getMessage()[:8] for record in caplog.records] == ["tokens: "]
    assert "stay valid" in caplog.text
    write_tokens(file, "node2")
    tokens.check(bearer("node2"), "node2")


def test_a_file_that_vanishes_keeps_them_too(tokens, file, caplog):
    file.unlink()
    for _ in range(3):
        tokens.check(bearer("node1"), "node1")
    assert caplog.text.count("No such file") == 1


def test_a_file_that_comes_later_lets_them_in(tmp_path, caplog):
    tokens = Tokens(tmp_path / "later.json")
    assert "no node is let in" in caplog.text
    with pytest.raises(NoToken):
        tokens.known(bearer("node1"))
    write_tokens(tmp_path / "later.json", "node1")
    tokens.check(bearer("node1"), "node1")


ROUTES = [
    ("GET", "/api/nodes/node1/desired"),
    ("POST", "/api/nodes/node1/heartbeat"),
    ("POST", "/api/nodes/node1/leaving"),
    ("GET", "/api/containers?node=node1"),
]
NOT_FOR_NODES = [
    ("GET", "/api/containers"),
    ("POST", "/api/containers"),
    ("POST", "/api/containers?node=node1"),
    ("PUT", "/api/containers/a"),
    ("PATCH", "/api/containers/a"),
    ("DELETE", "/api/containers/a"),
    ("GET", "/api/containers/a"),
    ("GET", "/api/containers?unassigned=true"),
    ("GET", "/api/nodes"),
    ("GET", "/api/nodes/node1"),
    ("PATCH", "/api/nodes/node1"),
    ("GET", "/api/nodes/node1/heartbeat"),
    ("DELETE", "/api/nodes/node1/desired"),
    ("GET", "/api/events"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/openapi.json"),
    ("GET", "/"),
    ("OPTIONS", "/api/nodes"),
    ("TRACE", "/"),
]


@pytest.fixture
def node1(real):
    client = Client(real.node_address, token=token_of("node1"))
    yield client
    client.close()


@pytest.fixture
def stranger(real):
    client = Client(real.node_address)
    yield client
    client.close()


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_what_a_node_may_do(node1, method, path):
    assert node1(method, path).status_code == 200


@pytest.mark.parametrize(("method", "path"), ROUTES + NOT_FOR_NODES)
def test_without_a_token_there_is_nothing(stranger, real, method, path):
    answer = stranger(method, path.replace("node1", "node3"))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json()["hint"]
    assert "node3" not in [n["name"] for n in real.admin("GET", "/api/nodes").json()["nodes"]]


@pytest.mark.parametrize(("method", "path"), NOT_FOR_NODES)
def test_what_a_node_may_not_do(node1, real, method, path):
    real.admin("POST", "/api/containers", json={"name": "a"})
    before = real.placed()
    body = {} if method in ("GET", "OPTIONS", "TRACE") else {"json": {"name": "x", "node": None}}
    answer = node1(method, path, **body)
    assert answer.status_code == 403
    assert "loopback" in answer.json()["hint"]
    assert real.placed() == before


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_node_may_not_speak_for_another(node1, real, method, path):
    answer = node1(method, path.replace("node1", "node2"))
    assert answer.status_code == 403
    assert answer.json()["hint"]
    assert "node2" not in [n["name"] for n in real.admin("GET", "/api/nodes").json()["nodes"]]


@pytest.mark.parametrize("node", ["node1%2F..%2Fnode2", "NODE1", "node2%00", ""])
def test_names_that_only_look_like_its_own(node1, node):
    assert node1("GET", f"/api/nodes/{node}/desired").status_code in (400, 403)


def test_who_asks_for_its_assignment_lives_and_an_administrator_who_asks_says_nothing(start):
    server = start()
    admin, node = Client(server.admin), Client(server.node, token=token_of("node2"))
    assert admin("GET", "/api/nodes/node2/desired").status_code == 200
    assert admin("GET", "/api/nodes").json()["nodes"] == []
    node("GET", "/api/nodes/node2/desired")
    (known,) = admin("GET", "/api/nodes").json()["nodes"]
    assert (known["name"], known["status"]) == ("node2", "up")
    admin.close()
    node.close()


def test_tokens_are_replaced_without_a_restart_and_never_told(start):
    server = start(nodes=["node1"], options=["--log", "json"])
    old = Client(server.node, token=token_of("node1"))
    new = Client(server.node, token="brand-new")
    path = "/api/nodes/node1/desired"
    assert (old("GET", path).status_code, new("GET", path).status_code) == (200, 401)
    write_tokens(server.tokens, "node1", spare="brand-new")
    assert (old("GET", path).status_code, new("GET", path).status_code) == (200, 200)
    server.tokens.write_text("damaged")
    assert (old("GET", path).status_code, new("GET", path).status_code) == (200, 200)
    old.close()
    new.close()
    server.process.terminate()
    said = "".join(server.said) + server.process.stderr.read()
    assert "stay valid" in said
    assert '"path": "/api/nodes/node1/desired"' in said
    assert "brand-new" not in said
    assert token_of("node1") not in said


def test_a_server_without_its_tokens_serves_administrators_and_no_nodes(start, tmp_path):
    server = start(options=["--tokens", str(tmp_path / "later.json")])
    assert any("no node is let in" in line for line in server.said)
    admin, node = Client(server.admin), Client(server.node, token=token_of("node1"))
    assert admin("GET", "/healthz").status_code == 200
    assert node("GET", "/api/nodes/node1/desired").status_code == 401
    write_tokens(tmp_path / "later.json", "node1")
    wait_for(lambda: node("GET", "/api/nodes/node1/desired").ok, "the node is let in", timeout_s=5)
    admin.close()
    node.close()
