"""The same requests over TinyDB's own JSONStorage: the other half of the ratio. A program.

    python -m benchmarks.server.baseline FILE STORED

It writes and syncs the whole file for every change, and is not for several threads at once
(TinyDB's introduction says so): one request after the other. Server, framework and answers are
those of the state server.
"""

import json
import socket
import sys

from bottle import Bottle, request
from gevent.pywsgi import WSGIHandler, WSGIServer
from tinydb import TinyDB
from tinydb.table import Document, Table

from benchmarks.server.names import container


class _Handler(WSGIHandler):  # type: ignore[misc]
    def handle(self) -> None:
        """As the state server: the second packet of an answer does not wait for an ACK."""
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().handle()


def main(path: str, stored: int) -> None:
    """Serve `stored` containers from `path` until the process is ended."""
    table = TinyDB(path).table("placed")
    table.insert_multiple(
        Document({"name": container(number), "node": None, "reason": ""}, number + 1)
        for number in range(stored)
    )
    server = WSGIServer(("127.0.0.1", 0), make_app(table), log=None, handler_class=_Handler)
    server.start()
    print(f"listening on http://127.0.0.1:{server.server_port}", file=sys.stderr, flush=True)
    server.serve_forever()


def make_app(table: Table) -> Bottle:
    """Return an API that moves the containers of `table`, whose ids are their numbers from 1."""
    app = Bottle()

    @app.patch("/api/containers/<name>")  # type: ignore[untyped-decorator]
    def place(name: str) -> dict[str, object]:
        """Put a container on a node; what it says is what it wrote."""
        node = json.loads(request.body.read())["node"]
        table.update({"node": node}, doc_ids=[int(name[1:]) + 1])
        return {"container": {"name": name, "node": node}}

    return app


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
