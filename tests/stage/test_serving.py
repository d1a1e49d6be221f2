"""Who may connect, and what becomes of those who only take room."""

import socket

import pytest

from lab.stage.web.serving import StageServer, bind
from services.core.errors import LabError
from tests.stage.serving import ask, served
from tests.waiting import wait_for


@pytest.fixture
def stage():
    with served() as found:
        yield found


def test_a_port_that_is_taken_is_said_with_a_way_out():
    with served() as (_, port):
        with pytest.raises(LabError, match=f"port {port}: another program has it") as caught:
            bind(lambda *_: [], port)
        assert "--port 0" in caught.value.hint


def test_it_listens_on_one_address_alone(stage):
    # Another one of loopback is reached only by what listens on all addresses.
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", stage[1]), timeout=5).close()


def test_a_stranger_who_fills_it_with_connections_does_not_stop_what_it_belongs_to(
    monkeypatch, capfd
):
    monkeypatch.setattr(StageServer, "most", 2)
    with served() as (_, port):
        idle = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(3)]
        # The third is closed at once, and takes no thread.
        assert idle[2].recv(1) == b""
        idle[0].sendall(b"RUDE WORDS HERE\r\n\r\n")
        while idle[0].recv(1024):
            pass
        for one in idle:
            one.close()
        wait_for(lambda: _answers(port), "it answers again", timeout_s=20)
    assert "RUDE" not in capfd.readouterr().err


def _answers(port):
    try:
        return ask(port, "GET", "/")[0] == 403
    except OSError:
        return False
