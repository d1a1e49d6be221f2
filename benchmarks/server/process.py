"""One state server of this checkout as a process, and what it costs."""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.server.load import Address
from lab import paths
from services.core.errors import LabError

_END_S = 20
_TICKS = os.sysconf("SC_CLK_TCK")


class Server(NamedTuple):
    """A server that answers. admin, node: where its two realms listen."""

    pid: int
    admin: Address
    node: Address

    def cpu_s(self) -> float:
        """Seconds of CPU that it has used, user and system, all threads (proc_pid_stat(5))."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def rss_mib(self) -> float:
        """Its resident memory in MiB."""
        text = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"^VmRSS:\s+(\d+) kB$", text, re.MULTILINE)
        return int(found[1]) / 1024 if found else 0.0


@contextmanager
def running(folder: Path, nodes: Sequence[str], etcd: str = "") -> Iterator[Server]:
    """Run a state server over a new database in `folder`, with the lease of the profile seed.

    etcd: HOST:PORT,HOST:PORT of the members that hold its state instead. The token of each of
    `nodes` is token(NODE). Raises LabError where it does not start.
    """
    tokens = {node: [hashlib.sha256(token(node).encode()).hexdigest()] for node in nodes}
    file = folder / "tokens.json"
    file.write_text(json.dumps(tokens))
    state = ["--etcd", etcd] if etcd else ["--data", str(folder / "data")]
    argv = [sys.executable, "-m", "services.pull", *state]
    argv += ["--listen", "127.0.0.1:0", "--node-listen", "127.0.0.1:0", "--tokens", str(file)]
    with _process([*argv, "--profile", "seed"]) as (pid, (admin, node)):
        yield Server(pid, admin, node)


@contextmanager
def baseline(folder: Path, stored: int) -> Iterator[Address]:
    """Run the server over TinyDB's own storage with `stored` containers.

    Raises LabError where it does not start.
    """
    argv = [sys.executable, "-m", "benchmarks.server.baseline"]
    with _process([*argv, str(folder / f"tinydb-{stored}.json"), str(stored)]) as (_, (address,)):
        yield address


@contextmanager
def _process(argv: list[str]) -> Iterator[tuple[int, list[Address]]]:
    """Run a server; yield its process id and where it says that it listens."""
    process = subprocess.Popen(argv, cwd=paths.ROOT, stderr=subprocess.PIPE, text=True)
    try:
        yield process.pid, _listening(process)
    finally:
        process.terminate()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stderr:
            process.stderr.close()


def token(node: str) -> str:
    """The token of `node` in a measurement; no secret."""
    return f"bench-{node}"


def _listening(process: subprocess.Popen[str]) -> list[Address]:
    said: list[str] = []
    for line in process.stderr or ():
        said.append(line.strip())
        if line.startswith("listening on "):
            ports = re.findall(r"http://127\.0\.0\.1:(\d+)", line)
            return [("127.0.0.1", int(port)) for port in ports]
    raise LabError(
        f"the state server did not start: {' / '.join(said) or '(it said nothing)'}",
        hint="see whether it runs alone: python -m services.pull --help",
    )
