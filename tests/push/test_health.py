"""What speaks of this process alone is answered at once, however long nodes take."""

import contextlib
import socket

import pytest

from services.push.api import make_app
from services.push.push import Push
from tests.push.fake_runner import FakeRunner
from tests.serving import Client, serving
from tests.waiting import wait_for

THREADS = 8
# More than the server has threads.
WAITING = 40


class Silent(FakeRunner):
    """Nodes that do not answer before `gate` is set. asked: how many lists wait for them."""

    asked = 0

    def look(self, nodes):
        self.asked += 1
        assert self.gate.wait(60)
        return super().look(nodes)


@pytest.fixture
def stuck():
    """A client of push, of which every thread waits for a silent node, and more requests wait."""
    runner = Silent("node1", "node2")
    runner.gate.clear()
    request = b"GET /containers HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with (
        serving(make_app(Push(runner)), threads=THREADS) as [address],
        contextlib.ExitStack() as stack,
    ):
        waiting = [
            stack.enter_context(socket.create_connection(address, timeout=20))
            for _ in range(WAITING)
        ]
        for client in waiting:
            client.sendall(request)
        wait_for(lambda: runner.asked == THREADS, "all threads wait", timeout_s=20)
        call = Client(address)
        yield call
        call.close()
        runner.gate.set()
        for client in waiting:
            assert client.recv(12) == b"HTTP/1.1 200"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/openapi.json"])
def test_health_does_not_wait_for_a_silent_node(stuck, path):
    # The nodes are silent until the end of this test.
    assert stuck("GET", path).status_code == 200
