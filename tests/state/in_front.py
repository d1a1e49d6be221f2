"""What stands in front of a member of etcd, and alters what the client gets to see."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from services.core.address import Address
from services.state.etcd import EtcdKeys
from tests.state.etcd_cluster import Cluster

Json = dict[str, Any]
# Given path, request, and what asks the member: the answer; None for a connection that breaks.
Act = Callable[[str, Json, Callable[[], Json]], Json | None]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    act: Act
    cluster: Cluster

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = self.act(self.path, request, lambda: self.cluster.ask(0, self.path, request))
        if answer is None:
            self.close_connection = True
            return
        body = json.dumps(answer).encode()
        self.send_response(503 if "error" in answer else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Not on the terminal."""


@contextmanager
def in_front(cluster: Cluster, act: Act) -> Iterator[Address]:
    """Serve, as `act` says, in front of the first member; yield the address."""
    handler = type("Handler", (_Handler,), {"act": staticmethod(act), "cluster": cluster})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield ("127.0.0.1", server.server_port)
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def opened(*addresses: Address, prefix: str) -> Iterator[EtcdKeys]:
    keys = EtcdKeys(addresses, prefix=prefix)
    try:
        yield keys
    finally:
        keys.close()


@contextmanager
def behind(cluster: Cluster, act: Act, prefix: str) -> Iterator[tuple[EtcdKeys, EtcdKeys]]:
    """The keys of `prefix` through `act`, and without it."""
    with (
        in_front(cluster, act) as address,
        opened(address, prefix=prefix) as keys,
        opened(*cluster.addresses, prefix=prefix) as direct,
    ):
        yield keys, direct
