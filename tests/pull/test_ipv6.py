"""Every program of pull over IPv6: brackets wherever an address is written."""

import os
import re
import subprocess
import sys

import pytest

from services.core.address import show_address
from services.core.errors import LabError
from services.deciders import node_controller, scheduler
from services.deciders.loop import main
from services.web import listen
from tests.pull.passes import decide_of
from tests.serving import ROOT, Client, has_ipv6, token_of

pytestmark = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")


def agent(api, folder):
    """One plain pass of node1's agent; return what it printed."""
    (folder / "token").write_text(token_of("node1"))
    argv = [sys.executable, "-S", "-E", "-m", "services.agent", "--api", show_address(api)]
    argv += ["--node", "node1", "--state", str(folder), "--root", str(folder)]
    environment = {"PATH": os.environ["PATH"], "LAB_TOKEN_FILE": str(folder / "token")}
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_server_deciders_and_agent_speak_ipv6(start, tmp_path, capsys):
    server = start(host="[::1]")
    assert re.fullmatch(
        r"listening on http://\[::1\]:\d+, http://\[::1\]:\d+\n", server.said[-1]
    ), server.said
    state = tmp_path / "agent"
    state.mkdir()
    assert agent(server.node, state) == "converged (0 containers)\n"
    client = Client(server.admin)
    assert client("POST", "/api/containers", json={"name": "a"}).status_code == 201
    place = show_address(server.admin)
    for program in (scheduler, node_controller):
        assert main(decide_of(program), ["--api", place, "--profile", "seed"], {}) == 0
    assert capsys.readouterr().out.startswith("PLACE a -> node1")
    assert client("GET", "/api/containers").json()["containers"][0]["node"] == "node1"
    assert client("GET", "/api/nodes/node1").json()["address"] == "::1"
    client.close()
    server.stop()
    assert "API unreachable, using local state from" in agent(server.node, state)
    assert main(scheduler.decide, ["--api", place, "--profile", "seed"], {}) == 0
    assert f"http://{place}/api/containers" in capsys.readouterr().err


def test_all_addresses_are_announced_in_brackets_and_reached_over_loopback(start):
    server = start(host="[::]")
    assert server.said[-1].count("http://[::]:") == 2
    client = Client(("::1", server.admin[1]))
    assert client("GET", "/healthz").ok
    client.close()


def test_a_port_in_use_is_named_with_brackets():
    with listen("::1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(LabError, match=rf"cannot listen on \[::1\]:{port}: Address already"):
            listen("::1", port)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("::1:80", "without brackets; write it like [::1]:8081"),
        ("[fe80::1%lo]:0", "has a zone id; use an address that needs none"),
    ],
)
@pytest.mark.parametrize("program", ["services.pull", "services.push"])
def test_what_is_no_ipv6_address_is_refused_with_the_right_form(program, address, words):
    argv = [sys.executable, "-m", program, "--data", "x", "--inventory", "x", "--listen", address]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert words in done.stderr
