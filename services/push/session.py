"""SSH to one node, through Fabric: opened when needed and reused; every wait is bounded.

The only module of the services that knows Fabric.
"""

import logging
import secrets
import shlex
import socket
import time
from typing import Any

from fabric import Config, Connection
from invoke.exceptions import CommandTimedOut, ThreadException
from paramiko.client import RejectPolicy
from paramiko.ssh_exception import AuthenticationException, BadHostKeyException, SSHException

from services.core.errors import CommandFailed, NodeUnreachable
from services.push.commands import Command
from services.push.errors import LoginRefused, NodeDistrusted
from services.push.inventory import Inventory, NodeLimits, Target

_KEEPALIVE_S = 5
# What the node's login prints before, after and beside our script (.bashrc, a banner) must not
# be read as the script's answer. $0 is a new random word for every call. Between two lines with
# that word stands the script's output; the second line has its exit code. The blank line ends
# what was printed without a newline.
_FRAME = """\
printf '\\n%s\\n' "$0"
trap 'printf "\\n%s %s\\n" "$0" "$?"' EXIT
"""
# What went wrong is in the errors below; paramiko would add a traceback to the journal.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


class Session:
    """One connection to one node, open from the first command on.

    For one thread only: Fabric's Connection is not safe in more (fabric#1992).
    """

    def __init__(self, target: Target, inventory: Inventory, limits: NodeLimits) -> None:
        self._target = target
        self._inventory = inventory
        self._limits = limits
        self._connection: Any = None

    def run(self, what: str, command: Command, *, timeout_s: float, start_by_s: float) -> str:
        """Run `command` on the node and return its standard output, without the login's.

        what: names it in errors. start_by_s: on the monotonic clock; a command that has not
        started by then is not started, because its client has got the answer that it was not.

        A connection that died since the last call is opened again. If it dies during the command,
        the command is not repeated: how far it came is unknown.
        Raises CommandFailed; NodeUnreachable, NodeDistrusted or LoginRefused when it did not
        run or its end is unknown.
        """
        mark = secrets.token_hex(8)
        argv = ("sh", "-c", _FRAME + command.script, mark, *command.words)
        result = self._exec(f"exec {shlex.join(argv)}", timeout_s, start_by_s)
        output, code = _unframe(result.stdout, mark)
        if code is None and result.exited == -1:
            self.close()
            raise self._unreachable(timeout_s, "connection lost during the command")
        if code is None:
            detail = f"the login ended before our command: {_last_line(result)}"
            raise CommandFailed(self._target.name, what, result.exited, detail)
        if code:
            raise CommandFailed(self._target.name, what, code, output or result.stderr)
        return output

    def open(self) -> None:
        """Log in now, so that the next command need not. Raises as `run` does."""
        try:
            self._open()
        except (SSHException, OSError, EOFError) as error:
            self.close()
            raise self._explain(error) from None

    def close(self) -> None:
        """Drop the connection; the next command opens another."""
        if self._connection is not None:
            self._connection.close()
            # Fabric does not close a client that never got as far as a login.
            self._connection.client.close()
            self._connection = None

    def _exec(self, line: str, timeout_s: float, start_by_s: float) -> Any:
        try:
            self._check_in_time(start_by_s)
            connection = self._open()
            self._check_in_time(start_by_s)
            return connection.run(
                line, hide=True, warn=True, in_stream=False, encoding="utf-8", timeout=timeout_s
            )
        except CommandTimedOut:
            self.close()
            raise self._unreachable(timeout_s, "no end of the command") from None
        except (SSHException, OSError, EOFError, ThreadException) as error:
            self.close()
            raise self._explain(error) from None

    def _open(self) -> Any:
        if self._connection is not None and not self._connection.is_connected:
            self.close()
        if self._connection is None:
            self._connection = self._new_connection(self._dial())
            self._connection.open()
            self._connection.transport.set_keepalive(_KEEPALIVE_S)
        return self._connection

    def _dial(self) -> socket.socket:
        """Connect without Fabric: it rounds its timeout down, and cannot set what follows."""
        place = (self._target.address, self._target.port)
        connection = socket.create_connection(place, timeout=self._limits.connect_s)
        # The kernel gives up on a peer that acknowledges nothing for so long (RFC 5482); with
        # the keepalive, a node that lost power is noticed even between commands.
        patience_ms = int(self._limits.connect_s * 1000)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, patience_ms)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _new_connection(self, dialled: socket.socket) -> Any:
        answer_s = self._limits.answer_s
        connection = Connection(
            self._target.address,
            user=self._inventory.user,
            port=self._target.port,
            # Without ~/.ssh/config and ~/.fabric.yml.
            config=Config(overrides={"load_ssh_configs": False}, lazy=True),
            connect_kwargs={
                "sock": dialled,
                "key_filename": str(self._inventory.key),
                "look_for_keys": False,
                "allow_agent": False,
                "timeout": answer_s,
                "banner_timeout": answer_s,
                "auth_timeout": answer_s,
                "channel_timeout": answer_s,
            },
        )
        # Fabric's default adds any key that it is shown.
        connection.client.set_missing_host_key_policy(RejectPolicy())
        connection.client.load_system_host_keys(str(self._inventory.known_hosts))
        return connection

    def _check_in_time(self, start_by_s: float) -> None:
        if time.monotonic() > start_by_s:
            raise self._unreachable(self._limits.answer_s, "")

    def _explain(self, error: Exception) -> Exception:
        name = self._target.name
        detail = getattr(error, "strerror", None) or str(error) or type(error).__name__
        if isinstance(error, BadHostKeyException) or "not found in known_hosts" in detail:
            return NodeDistrusted(name, detail)
        if isinstance(error, AuthenticationException):
            return LoginRefused(name, self._inventory.user, detail)
        waited_s = self._limits.connect_s if isinstance(error, OSError) else self._limits.answer_s
        return self._unreachable(waited_s, detail)

    def _unreachable(self, waited_s: float, detail: str) -> NodeUnreachable:
        return NodeUnreachable(self._target.name, waited_s, detail)


def _unframe(printed: str, mark: str) -> tuple[str, int | None]:
    """Return what stands between the lines with `mark`, and the exit code; None: it is cut off."""
    _, _, framed = printed.partition(f"\n{mark}\n")
    output, _, rest = framed.partition(f"\n{mark} ")
    code, newline, _ = rest.partition("\n")
    return output, int(code) if newline else None


def _last_line(result: Any) -> str:
    printed = (result.stderr or result.stdout).strip().splitlines()
    return printed[-1] if printed else "it printed nothing"
