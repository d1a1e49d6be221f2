"""`python -m services.push` as a process."""

import json
import re
import signal
import socket

import pytest
import requests

from services.push import __main__ as entry
from tests.push.sshd import free_port
from tests.waiting import wait_for


def get(url):
    session = requests.Session()
    session.trust_env = False
    with session:
        return session.get(url, timeout=20)


def test_serves_until_sigterm_even_while_a_node_hangs(run, inventory):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        file = inventory(silent.getsockname()[1])
        process = run("--inventory", file, "--listen", "127.0.0.1:0", "--connect-timeout", "0.5")
        url = re.findall(r"http://\S+", process.stderr.readline())[0]
        assert get(f"{url}/healthz").json() == {"status": "ok"}
        listed = get(f"{url}/containers").json()
        assert listed == {"total": 0, "containers": [], "unreachable": ["node1"]}
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert "Traceback" not in process.stderr.read()


def test_port_that_is_taken_is_said_with_a_hint(run, inventory):
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        process = run("--inventory", inventory(), "--listen", f"127.0.0.1:{port}")
        _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert f"127.0.0.1:{port}" in said
    assert "hint: " in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"nodes": []}, "no nodes"),
        ({"nodes": [{"name": "../x", "address": "127.0.0.1"}]}, "RFC 1123"),
        ({"nodes": [{"name": "a", "address": "1"}, {"name": "a", "address": "2"}]}, "same name"),
        ({"nodes": "node1"}, "TypeError"),
        ({"key": "/nowhere/key"}, "/nowhere/key"),
        ({"key": "/dev/null/key"}, "/dev/null/key"),
        ({"key": "/tmp"}, "no file /tmp"),
        ({"key": "a\nb\x1b\ud800\0"}, r"no file a\nb\x1b\ud800\x00"),
        ({"nodes": [{"name": "a", "address": "1", "port": float("inf")}]}, "not a JSON number"),
        ({"nodes": [{"name": "a", "address": "1", "port": 70000}]}, "port 70000 is not"),
        ({"user": json.loads("[" * 500 + "]" * 500)}, "user"),
    ],
    ids=[
        *("no nodes", "bad name", "name twice", "wrong type", "key missing", "key below a file"),
        *("key is a folder", "key is no path", "infinite port", "no port", "user is no text"),
    ],
)
def test_inventory_that_cannot_be_used(run, inventory, changes, words):
    process = run("--inventory", inventory(**changes), "--listen", "127.0.0.1:0")
    _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert words in said
    assert "hint: expected" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "content",
    [b"[" * 100_000, b"\xff", b'{"nodes": 1e999}', b"9" * 10_000, b"null", b"", None],
    ids=["nested", "not UTF-8", "infinite", "huge", "null", "empty", "a folder"],
)
def test_an_inventory_that_is_no_json_is_one_line_with_a_hint(tmp_path, capsys, content):
    file = tmp_path / "inventory.json"
    file.mkdir() if content is None else file.write_bytes(content)
    assert entry.main(["--inventory", str(file), "--listen", "127.0.0.1:0"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert said[0].startswith(f"cannot use the inventory {file}: ")
    assert said[1].startswith("hint: expected")


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--listen", "8080", "is not ADDRESS:PORT"),
        ("--listen", "127.0.0.1:70000", "is not ADDRESS:PORT"),
        ("--connect-timeout", "0", "is not a number of seconds above 0"),
        ("--command-timeout", "soon", "'soon' is not a number of seconds above 0"),
        ("--command-timeout", "nan", "'nan' is not a number of seconds above 0"),
    ],
)
def test_option_that_makes_no_sense(run, inventory, option, value, words):
    process = run("--inventory", inventory(), "--listen", "127.0.0.1:0", option, value)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 2
    assert option in said
    assert words in said


@pytest.mark.parametrize(("slowness", "limit"), [(1, "(30)"), (8, "(58)")])
def test_a_slow_machine_has_more_time_for_a_start(monkeypatch, capsys, slowness, limit):
    monkeypatch.setattr(entry, "slowness", lambda: slowness)
    with pytest.raises(SystemExit):
        entry.main(["--help"])
    assert f"limit of one start or stop {limit}" in " ".join(capsys.readouterr().out.split())


def test_node_that_comes_up_later_is_reached_by_the_next_request(run, inventory):
    port = free_port()
    file = inventory(port)
    process = run("--inventory", file, "--listen", "127.0.0.1:0", "--connect-timeout", "0.5")
    url = re.findall(r"http://\S+", process.stderr.readline())[0]
    assert "refused" in get(f"{url}/nodes").json()["nodes"][0]["error"]
    with socket.create_server(("127.0.0.1", port)) as server:
        server.settimeout(10)
        wait_for(lambda: get(f"{url}/nodes").ok, "an answer", timeout_s=10)
        server.accept()[0].close()
