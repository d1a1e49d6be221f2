"""The default workload, as a process, over real sockets."""

import json
import select
import signal
import socket
import subprocess
import sys
import time

import pytest

from services.core.catalogue import preferred_port
from services.workload.identity import Identity
from tests.workload.conftest import ROOT


def ask(port, request=b"GET / HTTP/1.0\r\n\r\n"):
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(request)
        return read_all(connection)


def read_all(connection):
    chunks = b""
    while chunk := connection.recv(65536):
        chunks += chunk
    return chunks


def test_says_who_it_is(unit, name):
    process = unit.start(name, mode="pull")
    head, _, body = ask(unit.port(process)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Length: %d" % len(body) in head
    answer = json.loads(body)
    started_s = time.mktime(time.strptime(answer.pop("started_at"), "%Y-%m-%dT%H:%M:%SZ"))
    assert abs(started_s - time.mktime(time.gmtime())) < 60
    assert answer == {
        "name": name,
        "mode": "pull",
        "node": socket.gethostname(),
        "image": "demo",
        "pid": process.pid,
    }


@pytest.mark.parametrize(
    "name", ["web", 'a"b', "a\\x2db", "\u00e9"], ids=["label", "quote", "backslash", "not ascii"]
)
def test_answer_is_json_whatever_the_name(name):
    assert json.loads(Identity(name, "push", "demo", "/run").answer())["name"] == name


def test_start_imports_no_slow_module():
    """Each would add half of what starting Python costs, and a start has a quarter of a second."""
    text = (
        "import sys; before = set(sys.modules); "
        "import services.workload.__main__, services.workload.demo, services.workload.nginx; "
        "print(*(set(sys.modules) - before))"
    )
    argv = [sys.executable, "-S", "-E", "-c", text]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {module for module in done.stdout.split() if not module.startswith("services")}
    cheap = {"_collections_abc", "_socket", "_stat", "errno", "genericpath", "os", "os.path"}
    assert loaded <= cheap | {"posixpath", "select", "stat", "time"}


def test_tells_systemd_once_it_can_be_asked(unit, name):
    process = unit.start(name)
    message, _ = unit.heard()
    port = preferred_port("push", name)
    assert message == f"READY=1\nSTATUS=serving demo on port {port}"
    assert unit.port(process) == port
    assert ask(port)
    assert f"serving demo on port {port}" in unit.log


def test_takes_the_next_port_when_its_own_is_held(unit, name):
    first = preferred_port("push", name)
    with socket.create_server(("127.0.0.1", first)):
        assert unit.port(unit.start(name)) == first + 1


def test_ready_file_can_be_seen_by_another_user(unit, name):
    unit.port(unit.start(name))
    assert (unit.runtime / "ready").stat().st_mode & 0o777 == 0o644


def test_ends_at_once_on_sigterm(unit, name):
    process = unit.start(name)
    port = unit.port(process)
    with socket.create_connection(("127.0.0.1", port)):
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == -signal.SIGTERM
    # And leaves its port to the next one, connections in TIME_WAIT or not.
    (unit.runtime / "ready").unlink()
    assert unit.port(unit.start(name)) == port


def test_idle_clients_block_nobody(unit, name):
    port = unit.port(unit.start(name))
    # More than it keeps: the oldest must make room.
    idle = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(100)]
    assert ask(port).startswith(b"HTTP/1.1 200")
    assert idle[0].recv(1) == b""
    for connection in idle:
        connection.close()


def test_request_in_pieces_is_answered_when_it_is_whole(unit, name):
    port = unit.port(unit.start(name))
    with socket.create_connection(("127.0.0.1", port), timeout=20) as slow:
        slow.sendall(b"GET / HTT")
        assert ask(port)
        assert select.select([slow], [], [], 0) == ([], [], [])
        slow.sendall(b"P/1.1\r\nHost: x\r\n\r\n")
        assert read_all(slow).startswith(b"HTTP/1.1 200")


def test_answer_survives_a_body_that_nobody_reads(unit, name):
    port = unit.port(unit.start(name))
    head = b"POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n"
    assert b'"name"' in ask(port, head + b"x" * 1_000_000)


def test_head_has_no_body(unit, name):
    answer = ask(unit.port(unit.start(name)), b"HEAD / HTTP/1.0\r\n\r\n")
    assert answer.endswith(b"\r\n\r\n")
    assert b"Content-Length: 0" not in answer


def test_endless_header_is_cut_off(unit, name):
    port = unit.port(unit.start(name))
    with (
        socket.create_connection(("127.0.0.1", port), timeout=20) as client,
        pytest.raises(OSError, match=r"reset|[Bb]roken"),
    ):
        client.sendall(b"x" * 50_000_000)
    assert ask(port)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"LAB_MODE": "both"}, "LAB_MODE='both'"),
        ({"LAB_NAME": ""}, "LAB_NAME"),
        ({"LAB_NAME": "a\nb"}, "LAB_NAME='a\\nb'"),
        ({"RUNTIME_DIRECTORY": ""}, "RUNTIME_DIRECTORY"),
        ({"LAB_IMAGE": "/bin/sh"}, "unknown image '/bin/sh'; use one of: demo, nginx"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_wrong_environment_is_said_in_one_line(unit, environment, words):
    assert unit.start(**environment).wait(20) == 1
    assert words in unit.log
    assert len(unit.log.splitlines()) == 1
