"""A server that answers once, with whatever a test says."""

import socket
import threading
from collections.abc import Iterator

import pytest


@pytest.fixture
def server() -> Iterator:
    """server(answer) -> the address of one that reads a request, sends `answer` and hangs up.

    answer: bytes, or a function that takes the connection.
    """
    threads = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer_once(answer):
            client, _ = listener.accept()
            with client:
                head = client.recv(65536)
                server.seen.append(head)
                if callable(answer):
                    answer(client)
                else:
                    client.sendall(answer)

        def server(answer):
            threads.append(threading.Thread(target=answer_once, args=(answer,)))
            threads[-1].start()
            return listener.getsockname()

        server.seen = []
        yield server
        for thread in threads:
            thread.join(20)
