"""What the login of a node prints is no part of an answer: a real sshd, and the API over it."""

import pytest

from services.core.errors import CommandFailed
from services.core.model import Container
from services.push.api import make_app
from services.push.push import Push
from tests.serving import Client, serving

PRINTS = {
    "a word": "echo hello",
    "a word without a newline": "printf hello",
    "lines that look like ours": r"printf 'running ghost\ndone web\nalready web\n'",
    "lines on standard error": "echo hello >&2; echo failed web 1 oops >&2",
    "at its end": "trap 'echo running ghost; exit 7' EXIT",
    "no UTF-8": r"printf '\377\376\n'",
    "many lines": "for n in 1 2 3 4 5 6 7 8 9; do echo running ghost$n; done",
    "its variables": "export names=ghost jobs=ghost.service were_ready=' web ' LC_ALL=C",
}


@pytest.fixture
def push(connect):
    with serving(make_app(Push(connect()))) as [address]:
        client = Client(address)
        yield client
        client.close()


@pytest.mark.parametrize("text", PRINTS.values(), ids=PRINTS.keys())
def test_what_the_login_prints_is_not_read_as_an_answer(node, push, text):
    (node.folder / ".bashrc").write_text(f"touch {node.folder}/printed\n{text}\n")
    order = {"json": {"name": "web"}}
    assert push("POST", "/container/start", **order).status_code == 201
    assert (node.folder / "printed").exists(), "sshd's shell did not read our .bashrc"
    assert push("POST", "/container/start", **order).status_code == 200
    listed = push("GET", "/containers").json()
    assert listed["containers"] == [{"name": "web", "node": "node1"}]
    failed = push("POST", "/container/start", json={"name": "crash"})
    assert failed.status_code == 502
    assert failed.json()["error"].endswith("ports 10000 to 10099 are all taken")
    assert push("POST", "/container/stop", **order).status_code == 200
    assert push("POST", "/container/stop", **order).status_code == 404
    assert push("GET", "/containers").json()["total"] == 0


@pytest.mark.parametrize("text", ["echo no entry; exit 0", "echo no entry >&2; exec false"])
def test_a_login_that_runs_no_command_is_a_failure_and_not_an_empty_answer(node, connect, text):
    (node.folder / ".bashrc").write_text(f"{text}\n")
    fleet = connect()
    with pytest.raises(CommandFailed, match="no entry"):
        fleet.start("node1", Container("web"))
    assert isinstance(fleet.look(["node1"])["node1"], CommandFailed)
    assert node.calls == []
