"""Real servers on loopback: in a thread of the test, or as the process that systemd starts."""

import hashlib
import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import gevent
import requests
from bottle import Bottle
from gevent.event import Event

from services.core.address import Address, parse_address, show_address
from services.web import listen
from services.web.server import Server, serve_until

ROOT = Path(__file__).parent.parent
THREADS = 32


@contextmanager
def serving(
    *apps: Bottle, port: int = 0, threads: int = THREADS, **options: Any
) -> Iterator[list[Address]]:
    """Serve `apps`, their handlers in threads, from one thread; yield their addresses.

    port: of the first one; the others get free ones. options: of services.web.server.Server.
    """
    ports = [port, *[0] * len(apps)]
    listeners = [listen("127.0.0.1", wanted) for _, wanted in zip(apps, ports, strict=False)]
    begun, ends = threading.Event(), []

    def run() -> None:
        hub = gevent.get_hub()
        servers = [
            Server(app, listener, threads=threads, **options)
            for app, listener in zip(apps, listeners, strict=True)
        ]
        ended = Event()
        ends.append(lambda: hub.loop.run_callback_threadsafe(ended.set))
        begun.set()
        serve_until(servers, ended)
        hub.destroy(destroy_loop=True)

    addresses = [("127.0.0.1", int(one.getsockname()[1])) for one in listeners]
    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert begun.wait(10)
        yield addresses
    finally:
        ends[0]()
        thread.join(10)
        assert not thread.is_alive()


def unused_port() -> int:
    """A port of loopback on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def has_ipv6() -> bool:
    """Whether this machine's loopback has an IPv6 address."""
    with suppress(OSError), socket.create_server(("::1", 0), family=socket.AF_INET6):
        return True
    return False


class Client:
    """Calls one server as a user's script would."""

    def __init__(self, address: Address, *, token: str = "") -> None:
        """token: of a node, for its realm."""
        self.url = f"http://{show_address(address)}"
        self._session = requests.Session()
        self._session.trust_env = False
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def __call__(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        return self._session.request(method, self.url + path, timeout=20, **kwargs)

    def close(self) -> None:
        self._session.close()


def token_of(node: str) -> str:
    """The token of `node` in tests; no secret."""
    return f"token-of-{node}"


def write_tokens(path: Path, *nodes: str, spare: str = "") -> Path:
    """Write the file of tokens that has those of `nodes`, and `spare` as another of each."""
    spares = [spare] if spare else []
    table = {node: [token_of(node), *spares] for node in nodes}
    digests = {
        node: [hashlib.sha256(token.encode()).hexdigest() for token in tokens]
        for node, tokens in table.items()
    }
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text(json.dumps(digests))
    return fresh.rename(path)


class StateServer:
    """`python -m services.pull` as a process of its own, both realms on free ports."""

    def __init__(
        self,
        data: Path,
        *,
        etcd: Sequence[Address] = (),
        admin: int = 0,
        host: str = "127.0.0.1",
        profile: str = "fast",
        nodes: Sequence[str] = ("node1", "node2", "node3"),
        options: Sequence[str] = (),
        patience: dict[str, float] | None = None,
    ) -> None:
        """etcd: its members, instead of a state in `data`. profile: "" to start it without one.

        nodes: have tokens. patience: instead of its own.
        """
        self.tokens = write_tokens(Path(f"{data}.tokens.json"), *nodes)
        program = ["services.pull"]
        if patience is not None:
            program = ["tests.pull.impatient", json.dumps(patience)]
        members = ",".join(map(show_address, etcd))
        store = ["--etcd", members] if etcd else ["--data", str(data)]
        command = [sys.executable, "-m", *program, *store]
        command += ["--listen", f"{host}:{admin}", "--node-listen", f"{host}:0"]
        command += ["--tokens", str(self.tokens), *options]
        self.process = subprocess.Popen(
            [*command, *(["--profile", profile] if profile else [])],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"]},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said: list[str] = []
        assert self.process.stderr
        for line in self.process.stderr:
            self.said.append(line)
            if "listening on " in line:
                break
        # None of them if it ended instead.
        places = re.findall(r'http://([^\s,"]+)', self.said[-1]) or ["127.0.0.1:0"] * 2
        self.admin, self.node = map(parse_address, places)

    def stop(self) -> int:
        """SIGTERM; return the exit code."""
        self.process.terminate()
        return self._reap()

    def kill(self) -> None:
        """SIGKILL; nothing to a process that has ended."""
        self.process.kill()
        self._reap()

    def _reap(self) -> int:
        code = self.process.wait(10)
        assert self.process.stderr
        self.process.stderr.close()
        return code
