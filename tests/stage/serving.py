"""The stage's server on loopback, and a page as far as HTTP knows one."""

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from lab.stage.board import Board
from lab.stage.web.server import Parts, make_app
from lab.stage.web.serving import bind

TOKEN = "right"


@contextmanager
def served(**parts) -> Iterator[tuple[Board, int]]:
    """A server of an empty board; yields that and the port."""
    board = Board("t")
    board.restart()
    server = bind(make_app(Parts(board, TOKEN, **parts)), 0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield board, server.server_port
    finally:
        board.close()
        server.shutdown()
        server.server_close()
        thread.join()


def ask(port, method, path, body=None, **headers):
    """One request: its status, its headers, and its body, decoded if it is JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    sent = {key.replace("_", "-"): value for key, value in headers.items()}
    if isinstance(body, dict):
        sent.setdefault("Content-Type", "application/json")
        body = json.dumps(body)
    try:
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        text = answer.read()
        kind = answer.headers.get("Content-Type", "")
        return answer.status, answer.headers, json.loads(text) if "json" in kind else text
    finally:
        connection.close()


class Page:
    """One stream, read event by event."""

    def __init__(self, port: int, seen: str = "", token: str = TOKEN) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        headers = {"Last-Event-ID": seen} if seen else {}
        self.connection.request("GET", f"/stream?token={token}", headers=headers)
        self.answer = self.connection.getresponse()

    def event(self):
        """The next event: its kind, its id and its data; comments are left out."""
        found: dict[str, str] = {}
        while "data" not in found:
            line = self.answer.readline().decode().rstrip("\n")
            key, _, value = line.partition(": ")
            if key:
                found[key] = value
        return found["event"], found["id"], json.loads(found["data"])

    def close(self):
        self.answer.close()
        self.connection.close()
