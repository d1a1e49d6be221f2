"""A state server for one node that does what a test says, over real HTTP on loopback."""

import json
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from services.core import wire
from services.core.model import Assignment, Container

A = Assignment("e", 5, (Container("a"),), lease_s=3.0)


class StateServer:
    """Holds watches, takes reports. Set `assignment` with `assign`; the rest may be set freely.

    refusals: path ending -> (status, body) instead of an answer. tokens: those that are taken,
    None for all. holds: whether a watch is held at all. leaving: answers to goodbyes, in turn.
    """

    def __init__(self, assignment: Assignment = A) -> None:
        self.assignment = assignment
        self.version = 1
        self.refusals: dict[str, tuple[int, dict[str, str]]] = {}
        self.tokens: set[str] | None = None
        self.holds = True
        self.leaving: list[tuple[list[str], list[str]]] = []
        self.requests: list[tuple[str, str, Any]] = []  # method, path, body
        self.headers: list[dict[str, str]] = []
        self.changed = threading.Condition()

    def assign(self, assignment: Assignment) -> None:
        with self.changed:
            self.assignment = assignment
            self.version += 1
            self.changed.notify_all()

    def reports(self) -> list[dict[str, Any]]:
        return [body for _, path, body in self.requests if path.endswith("/heartbeat")]

    def asked(self, ending: str) -> list[str]:
        """The paths that were asked for, of those that end so before their query."""
        return [p for _, p, _ in self.requests if p.partition("?")[0].endswith(ending)]

    def reply(self, method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[int, Any]:
        with self.changed:
            self.requests.append((method, path, body))
            self.headers.append(headers)
        ending = path.partition("?")[0].rpartition("/")[2]
        if ending in self.refusals:
            return self.refusals[ending]
        token = headers.get("Authorization", "").removeprefix("Bearer ")
        if self.tokens is not None and token not in self.tokens:
            return 401, {"error": "who are you?", "hint": "lab token rotate"}
        if ending == "heartbeat":
            return 200, wire.dump_beat(self.assignment)
        if ending == "leaving":
            return 200, dict(zip(("elsewhere", "waiting"), self.leaving.pop(0), strict=True))
        query = parse_qs(path.partition("?")[2])
        return self._desired(float(query["wait"][0]), headers.get("If-None-Match"))

    @property
    def etag(self) -> str:
        return f'"e-{self.version}"'

    def _desired(self, wait_s: float, known: str | None) -> tuple[int, Any]:
        until_s = time.monotonic() + wait_s
        with self.changed:
            while self.holds and known == self.etag and time.monotonic() < until_s:
                self.changed.wait(until_s - time.monotonic())
            if known == self.etag:
                return 304, None
            return 200, wire.dump_assignment(self.assignment)

    @contextmanager
    def serving(self, port: int = 0):
        """Serve until the end of the block; yield the address."""

        class Handler(BaseHTTPRequestHandler):
            def do(handler) -> None:  # noqa: N805
                length = int(handler.headers.get("Content-Length", 0))
                body = json.loads(handler.rfile.read(length)) if length else None
                headers = dict(handler.headers)
                status, answer = self.reply(handler.command, handler.path, body, headers)
                handler.send_response(status)
                handler.send_header("ETag", self.etag)
                handler.end_headers()
                if answer is not None:
                    handler.wfile.write(json.dumps(answer).encode())

            do_GET = do_POST = do  # noqa: N815

            def log_message(handler, *arguments: object) -> None:  # noqa: N805
                pass

            def handle(handler) -> None:  # noqa: N805
                with suppress(OSError):  # the agent hung up: its pass is over
                    super().handle()

        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        server.daemon_threads = False
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_address[:2]
        finally:
            server.shutdown()
            with self.changed:
                self.version += 1  # lets go of who is held
                self.changed.notify_all()
            server.server_close()
            thread.join(10)
