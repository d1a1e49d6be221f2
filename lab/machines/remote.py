"""Run commands on the machines over SSH.

OpenSSH, with one connection per machine, open between commands: under emulation a login
costs a second of the guest's time and a command on an open connection a tenth of that.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from lab import paths
from lab.host import settings
from provisioning.topology import Machine
from services.core.errors import CommandFailed, LabError, NodeUnreachable

_SSH_FAILED = 255
# How long an idle connection stays: longer than the pauses of a person at work.
_PERSIST_S = 300
DEFAULT_TIMEOUT_S = 30.0
# Ends with this process, also where a thread of ours waits for its next line.
_WITH_US = ("setpriv", "--pdeathsig", "TERM")

# What a command printed, or why it did not succeed.
Result = str | LabError


def run(
    machine: Machine,
    argv: Sequence[str],
    *,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    data: bytes | None = None,
) -> str:
    """Run `argv` on `machine` as root and return its standard output.

    timeout_s bounds the whole command, connecting included. data: its standard input.
    Raises NodeUnreachable when no connection came about or time ran out, CommandFailed when
    the command ended with an error.
    """
    command = shlex.join(argv)
    try:
        done = subprocess.run(
            _ssh(machine, [command]),
            input=data if data is not None else b"",
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        disconnect(machine)
        raise NodeUnreachable(machine.name, timeout_s, argv[0]) from None
    stderr = done.stderr.decode(errors="replace")
    if done.returncode == _SSH_FAILED:
        disconnect(machine)
        raise NodeUnreachable(machine.name, timeout_s, "".join(stderr.strip().splitlines()[-1:]))
    if done.returncode:
        raise CommandFailed(machine.name, command, done.returncode, stderr)
    return done.stdout.decode(errors="replace")


def run_all(
    machines: Sequence[Machine],
    argv: Sequence[str],
    *,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    data: bytes | None = None,
) -> dict[str, Result]:
    """Run `argv` on all `machines` at once; name -> its output, or the error it ended with."""

    def one(machine: Machine) -> Result:
        try:
            return run(machine, argv, timeout_s=timeout_s, data=data)
        except LabError as error:
            return error

    return _at_once(one, machines)


def run_everywhere(
    machines: Sequence[Machine],
    argv: Sequence[str],
    *,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    data: bytes | None = None,
) -> dict[str, str]:
    """run_all, for what must succeed on every machine: raises the first one's error."""
    return _all_fine(run_all(machines, argv, timeout_s=timeout_s, data=data))


def run_each(
    machines: Sequence[Machine],
    commands: Mapping[str, Sequence[str]],
    *,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    data: Mapping[str, bytes] | None = None,
) -> dict[str, str]:
    """run_everywhere, with a command and a standard input for each machine, by its name."""
    inputs = data or {}

    def one(machine: Machine) -> Result:
        words = commands[machine.name]
        return run_all([machine], words, timeout_s=timeout_s, data=inputs.get(machine.name))[
            machine.name
        ]

    return _all_fine(_at_once(one, machines))


def _at_once(one: Callable[[Machine], Result], machines: Sequence[Machine]) -> dict[str, Result]:
    with ThreadPoolExecutor(max_workers=max(1, len(machines))) as pool:
        return dict(zip([m.name for m in machines], pool.map(one, machines), strict=True))


def _all_fine(results: Mapping[str, Result]) -> dict[str, str]:
    """Return the outputs; raises the first error among them."""
    outputs = {}
    for name, result in results.items():
        if isinstance(result, LabError):
            raise result
        outputs[name] = result
    return outputs


def interactive(machine: Machine, command: str) -> int:
    """Run `command` (a shell when empty) for who sits here; return its exit code.

    It gets a terminal there where there is one here, at both ends: what is piped stays bytes.
    """
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    words = [command] if command else []
    return subprocess.run(_ssh(machine, words, terminal=terminal), check=False).returncode


def stream(
    machine: Machine, argv: Sequence[str], take: Callable[[str], None], *, quiet: bool = False
) -> int:
    """Run `argv`, give `take` each line of its output as it comes; return its exit code.

    It ends with `take`'s error, or with this process. quiet: without what ssh itself complains of.
    """
    command = [*_WITH_US, *_ssh(machine, [shlex.join(argv)])]
    errors = subprocess.DEVNULL if quiet else None
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors) as ssh:
        try:
            # By hand: a text stream would take a carriage return for the end of a line.
            for line in ssh.stdout or ():
                take(line.decode(errors="replace").removesuffix("\n"))
        except BaseException:
            ssh.terminate()
            raise
    return ssh.returncode


@contextmanager
def channel(machine: Machine, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Yield a process whose input and output are a TCP connection to `port` on machine's loopback.

    Its output ends when there is no connection, or none any more. It ends with the block, or with
    this process.
    """
    words = [*_ssh(machine, []), "-W", f"127.0.0.1:{port}"]
    ssh = subprocess.Popen(
        [*_WITH_US, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
    )
    try:
        yield ssh
    finally:
        ssh.kill()
        # communicate() would wait for a master that inherited the output.
        for file in (ssh.stdin, ssh.stdout):
            if file:
                file.close()
        ssh.wait()


def disconnect(machine: Machine) -> None:
    """Drop the open connection: it may lead to a machine that is no more. Idempotent."""
    if not Path(_socket(machine)).is_socket():
        return
    subprocess.run(
        ["ssh", "-F", str(settings.SSH_CONFIG), "-o", f"ControlPath={_socket(machine)}"]
        + ["-O", "exit", machine.name],
        capture_output=True,
        check=False,
    )


def _ssh(machine: Machine, words: Sequence[str], *, terminal: bool = False) -> list[str]:
    ssh = settings.ssh()
    paths.RUN.mkdir(parents=True, exist_ok=True, mode=0o700)
    keep = ["-o", "ControlMaster=auto", "-o", f"ControlPersist={_PERSIST_S}"]
    keep += ["-o", f"ControlPath={_socket(machine)}"]
    flags = ["-t"] if terminal else []
    return [*ssh, *keep, *flags, machine.name, *words]


def _socket(machine: Machine) -> str:
    # Not below the checkout: a socket's path may have 108 characters (unix(7)).
    return os.fspath(paths.RUN / f"ssh-{machine.name}")
