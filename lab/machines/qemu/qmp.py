"""Ask one QEMU over its control socket, in the language QMP: qemu-qmp-ref(7)."""

import json
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

from provisioning.run import ToolFailed

_AGAIN_S = 0.01
_NONE: Mapping[str, Any] = MappingProxyType({})


def ask(
    door: Path, command: str, arguments: Mapping[str, Any] = _NONE, *, timeout_s: float = 10.0
) -> Any:
    """Return what the QEMU that listens at `door` answers to `command`.

    Raises ConnectionError where none listens there, or it ends meanwhile; ToolFailed where it
    refuses, and where it is silent for so long. One client at a time is served, others wait.
    """
    end_s = time.monotonic() + timeout_s
    try:
        # A QEMU that hangs takes the connection all the same, and does not even greet.
        with _connected(door, end_s) as channel, channel.makefile("rw") as lines:
            _answer(lines)  # its greeting
            for words in ({"execute": "qmp_capabilities"}, _order(command, arguments)):
                channel.settimeout(max(_AGAIN_S, end_s - time.monotonic()))
                lines.write(json.dumps(words) + "\n")
                lines.flush()
                answer = _answer(lines)
                if "error" in answer:
                    raise ToolFailed(["QEMU"], 1, f"{command}: {answer['error']['desc']}")
            return answer["return"]
    except TimeoutError:
        raise _silent(door, command) from None


def hmp(door: Path, line: str) -> str:
    """Return what QEMU says to `line`, typed at its monitor: for what QMP has no command."""
    said: str = ask(door, "human-monitor-command", {"command-line": line})
    return said


def _order(command: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {"execute": command, **({"arguments": {**arguments}} if arguments else {})}


def _connected(door: Path, end_s: float) -> socket.socket:
    while True:
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        channel.settimeout(max(_AGAIN_S, end_s - time.monotonic()))
        try:
            channel.connect(str(door))
        except BlockingIOError:  # the queue in front of it is full
            channel.close()
            if time.monotonic() > end_s:
                raise _silent(door, "connect") from None
            time.sleep(_AGAIN_S)
        except FileNotFoundError:
            channel.close()
            raise ConnectionRefusedError(f"no QEMU listens at {door}") from None
        except BaseException:
            channel.close()
            raise
        else:
            return channel


def _answer(lines: IO[str]) -> dict[str, Any]:
    """The next line that is no event."""
    while True:
        line = lines.readline()
        if not line:
            raise ConnectionResetError("QEMU has ended")
        answer: dict[str, Any] = json.loads(line)
        if "event" not in answer:
            return answer


def _silent(door: Path, command: str) -> ToolFailed:
    return ToolFailed(["QEMU"], 124, f"{command}: no answer at {door}")
