"""Where a server listens: one socket, whatever the name stands for."""

import socket

import pytest

from services.core.errors import LabError
from services.web import listen


def test_a_name_of_several_addresses_means_the_first(monkeypatch):
    places = [(socket.AF_INET, 1, 6, "", (host, 0)) for host in ("127.0.0.1", "127.0.0.2")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: places)
    with listen("two.test", 0) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"


def test_clients_wait_from_the_first_moment_on():
    with listen("127.0.0.1", 0) as listener:
        socket.create_connection(listener.getsockname(), timeout=5).close()


def test_a_port_is_taken_once_it_is_listened_on():
    with listen("127.0.0.1", 0) as listener, pytest.raises(LabError, match="already in use"):
        listen(*listener.getsockname())
