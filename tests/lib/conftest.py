"""A server that answers once, with whatever a test says."""

import socket
import threading

import pytest


class Server:
    """server(answer) -> the address of one that reads a request, sends `answer` and hangs up.

    answer: bytes, or a function that takes the connection.
    """

    def __init__(self, listener):
        self._listener = listener
        self.threads: list[threading.Thread] = []
        self.seen: list[bytes] = []

    def __call__(self, answer):
        self.threads.append(threading.Thread(target=self._answer_once, args=(answer,)))
        self.threads[-1].start()
        return self._listener.getsockname()

    def _answer_once(self, answer):
        client, _ = self._listener.accept()
        with client:
            self.seen.append(client.recv(65536))
            if callable(answer):
                answer(client)
            else:
                client.sendall(answer)


@pytest.fixture
def server():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Server(listener)
        yield made
        for thread in made.threads:
            thread.join(20)
