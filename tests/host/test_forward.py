"""The tunnels' ports."""

import socket

import pytest

from lab import forward


def test_a_taken_port_is_named_with_the_way_around_it():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(forward.PortTaken) as taken:
            forward.check_free(port, "push")
    assert str(port) in str(taken.value)
    assert "LAB_PUSH_PORT" in taken.value.hint
    forward.check_free(port, "push")
