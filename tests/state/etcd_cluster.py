"""Real members of etcd on loopback."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from services.core.address import Address
from services.state.gateway import RANGE, text
from tests.waiting import wait_for

PROGRAM = shutil.which("etcd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/bin")


class Timers(NamedTuple):
    """heartbeat_ms: of a leader. election_ms: after such a silence another one is elected."""

    heartbeat_ms: int
    election_ms: int


DEFAULT = Timers(100, 1000)
QUICK = Timers(20, 200)


class Cluster:
    """Members m0, m1 … in `folder`; stop() at the end. Members end by SIGKILL, never in order."""

    def __init__(self, folder: Path, size: int = 3, timers: Timers = QUICK) -> None:
        assert PROGRAM, "etcd is missing: apt-get install --no-install-recommends etcd-server"
        self.folder = folder
        ports = _free_ports(2 * size)
        self.addresses: list[Address] = [("127.0.0.1", port) for port in ports[:size]]
        self._peers = [f"http://127.0.0.1:{port}" for port in ports[size:]]
        self._timers = timers
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, *members: int) -> None:
        """Start or resume `members`, by default all, and wait until each serves reads."""
        members = members or tuple(range(len(self.addresses)))
        for member in members:
            if member in self._processes:
                self._processes[member].send_signal(signal.SIGCONT)
                continue
            with self._log(member).open("ab") as log:
                argv = self._command(member)
                self._processes[member] = subprocess.Popen(argv, stdout=log, stderr=log)
        for member in members:
            wait_for(partial(self._serves, member), f"m{member} serves", timeout_s=30)

    def kill(self, member: int) -> None:
        """End `member` as a power cut does; its data stays."""
        process = self._processes.pop(member)
        process.kill()
        process.wait()

    def pause(self, member: int) -> None:
        """Let `member` hang."""
        self._processes[member].send_signal(signal.SIGSTOP)

    def stop(self) -> None:
        for member in list(self._processes):
            self.kill(member)

    def leader(self) -> int:
        """Wait until there is a leader; return which member it is."""
        return wait_for(self._leader, "a leader", timeout_s=30, every_s=0.01) - 1

    def ask(self, member: int, path: str, body: dict[str, Any], timeout_s: float = 10) -> Any:
        """Post `body` to one member; return the answer. AssertionError if it is no success."""
        connection = http.client.HTTPConnection(*self.addresses[member], timeout=timeout_s)
        try:
            connection.request("POST", path, json.dumps(body))
            response = connection.getresponse()
            raw = response.read()
            assert response.status == 200, raw
            return json.loads(raw)
        finally:
            connection.close()

    def below(self, prefix: str) -> list[dict[str, Any]]:
        """Ask the first member what it has below `prefix`."""
        limits = {"key": text(prefix), "range_end": text(f"{prefix}~")}
        found: list[dict[str, Any]] = self.ask(0, RANGE, limits, timeout_s=60).get("kvs", [])
        return found

    def _leader(self) -> int:
        """The number of the leader, from 1; 0 if the members that run know none."""
        for member in self._processes:
            try:
                status = self.ask(member, "/v3/maintenance/status", {}, timeout_s=1)
            except OSError:
                continue
            if status.get("leader") == status["header"]["member_id"]:
                return member + 1
        return 0

    def _serves(self, member: int) -> bool:
        ended = self._processes[member].poll() is not None
        assert not ended, self._log(member).read_text()[-2000:]
        try:
            return bool(self.ask(member, "/v3/kv/range", {"key": "AA=="}, timeout_s=0.2))
        except (OSError, AssertionError):
            return False

    def _log(self, member: int) -> Path:
        return self.folder / f"m{member}.log"

    def _command(self, member: int) -> list[str]:
        client = "http://{}:{}".format(*self.addresses[member])
        peers = ",".join(f"m{number}={peer}" for number, peer in enumerate(self._peers))
        options = {
            "name": f"m{member}",
            "data-dir": self.folder / f"m{member}",
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": self._peers[member],
            "initial-advertise-peer-urls": self._peers[member],
            "initial-cluster": peers,
            "heartbeat-interval": self._timers.heartbeat_ms,
            "election-timeout": self._timers.election_ms,
        }
        # They end with the tests, however those end.
        argv = ["setpriv", "--pdeathsig", "KILL", str(PROGRAM)]
        return [*argv, *(f"--{name}={value}" for name, value in options.items())]


def _free_ports(count: int) -> list[int]:
    """Ports that the kernel gives, all different."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
