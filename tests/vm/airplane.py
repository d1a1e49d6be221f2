"""A network namespace with no way out, that counts whoever looks for one."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.host import netns
from provisioning.run import run

NAME = "airplane"
# Whoever asks for a name has to look for a route as well: a resolver on loopback, or behind a
# socket in the file system, would have a way out of its own.
_ALONE = """
echo nameserver 192.0.2.53 > "$1" && mount --bind "$1" /etc/resolv.conf && shift
[ ! -d /run/systemd/resolve ] || mount -t tmpfs none /run/systemd/resolve
exec "$@"
"""
# Of the kernel, in this namespace alone: packets for which no route was found, IPv4 and IPv6, and
# those that a machine of the lab wanted to have passed on.
_COUNTERS = ("IpOutNoRoutes", "Ip6OutNoRoutes", "IpForwDatagrams", "Ip6OutForwDatagrams")


class Airplane:
    """The namespace: run commands in it, and count their attempts to leave.

    environment: added to ours; what is empty in it is left out.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment

    def run(self, *words: str, cwd: Path, timeout_s: float, check: bool = True) -> str:
        """Run `words` inside and return all that they said."""
        environment = {**os.environ, **self.environment, "LAB_NETNS": NAME}
        file = tempfile.NamedTemporaryFile()  # noqa: SIM115 - bound for as long as it is needed
        alone = [*netns.prefix(NAME), "unshare", "--mount", "sh", "-c", _ALONE, "sh", file.name]
        done = subprocess.run(
            [*alone, *words],
            cwd=cwd,
            env={name: text for name, text in environment.items() if text},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        assert done.returncode == 0 or not check, f"{words} said:\n{done.stdout}"
        return done.stdout

    def attempts(self) -> dict[str, int]:
        """Return how often anything has looked for a way out since the namespace was made."""
        words = [*netns.prefix(NAME), "cat", "/proc/self/net/snmp", "/proc/self/net/snmp6"]
        lines = [line.split() for line in run(words).splitlines()]
        found = {line[0]: line[1] for line in lines if len(line) == 2}
        # IPv4 has a line of names, and one of values.
        names, values = [line for line in lines if line[0] == "Ip:"]
        found |= {f"Ip{name}": value for name, value in zip(names, values, strict=True)}
        return {name: int(found[name]) for name in _COUNTERS}


@contextmanager
def airplane(environment: dict[str, str]) -> Iterator[Airplane]:
    """A namespace with loopback and nothing else; the lab's bridges may come to it."""
    netns.remove(NAME)
    netns.ensure(NAME)
    try:
        assert run(["ip", "-n", NAME, "route", "show", "table", "all", "type", "unicast"]) == ""
        yield Airplane(environment)
    finally:
        netns.remove(NAME)
