"""The two ports of localhost, and what carries connections from there to the APIs."""

import http.server
import socket
import sys
import threading
import urllib.request

import pytest

from lab import paths
from lab.host import forward, netns, settings
from provisioning import topology
from services.core.errors import LabError

LAB = topology.load()


def test_a_taken_port_is_named_with_the_way_around_it():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(LabError) as taken:
            forward.check_free(port, "push")
    assert str(port) in str(taken.value)
    assert "LAB_PUSH_PORT" in taken.value.hint
    forward.check_free(port, "push")


@pytest.fixture
def door():
    """A server in the place of the door of the API's machine."""

    class Hello(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"hello")

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hello) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def carried(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
        return answer.read()


def test_connections_are_carried_to_the_door_and_end_with_it(door, monkeypatch):
    monkeypatch.setattr(settings, "load", lambda: settings.Settings(None, None))
    listening = forward._listen(0)
    port = listening.getsockname()[1]
    carrier = forward._carrier(listening, f"127.0.0.1:{door.server_port}")
    try:
        assert carried(port) == b"hello"
        assert carried(port) == b"hello"
        door.shutdown()
        door.server_close()
        # As an API that is stopped: whoever asks is told at once.
        with pytest.raises(OSError, match=r"closed|reset"):
            carried(port)
    finally:
        carrier.kill()
        carrier.wait()
        listening.close()


def test_what_carries_into_a_network_that_is_gone_is_not_taken_for_ours(monkeypatch, tmp_path):
    monkeypatch.setattr(forward, "note", lambda: tmp_path / "note")
    monkeypatch.setattr(forward, "_alive", lambda: 1)
    monkeypatch.setattr(netns, "identity", lambda _: "before")
    forward.note().write_text("\n".join(["1", *forward._words(LAB)]) + "\n")
    assert forward.current(LAB)
    monkeypatch.setattr(netns, "identity", lambda _: "anew")
    assert not forward.current(LAB)


@pytest.fixture
def ports(monkeypatch, tmp_path):
    """The lab's state and two free ports of our own."""
    monkeypatch.setattr(paths, "RUN", tmp_path)
    monkeypatch.setattr(settings, "namespace_of", lambda _: None)
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("", 0)) as other:
        ports = [server.getsockname()[1] for server in (one, other)]
    for mode, port in zip(("PUSH", "PULL"), ports, strict=True):
        monkeypatch.setenv(f"LAB_{mode}_PORT", str(port))
    return ports


def test_a_forwarder_that_ends_at_once_is_an_error_with_its_last_words(ports, monkeypatch):
    said = "import sys; sys.exit('no proxy here')"
    monkeypatch.setattr(forward, "_COMMAND", [sys.executable, "-c", said])
    with pytest.raises(LabError, match=r"nothing carries .* no proxy here") as caught:
        forward.ensure(LAB)
    assert "forward.log" in caught.value.hint


def test_one_that_stops_leaves_the_note_of_the_one_that_began_meanwhile(ports, monkeypatch):
    """Of another checkout: without its note no `lab down` would ever find it."""
    began = iter([None])
    monkeypatch.setattr(forward, "_alive", lambda: next(began, None))
    forward.note().write_text("12345\n")
    forward.stop()
    assert forward.note().read_text() == "12345\n"
