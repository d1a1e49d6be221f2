"""Record what of the lab runs on this machine: python3 -S -E -m services.recorder.

It listens on loopback only, on a port that no container can take. A client says `after NUMBER`, and
gets every record with a higher number, and each new one as it comes. It says `ping WORD`, and
gets the machine's clock: that shows how far the clock is from its own, and that all that had
happened by then has been sent. What a client did not get because the network was cut, it gets when
it asks again, as long as it is among the last RECORDS.
"""

import json
import os
import select
import time
from collections import deque
from socket import SO_REUSEADDR, SOL_SOCKET, socket
from typing import Any

from services.lib.sd_notify import notify
from services.recorder.cgroups import Cgroups

ADDRESS = ("127.0.0.1", 77)
# With 20 containers on a node they and what is sent of them at once need 16 MB.
RECORDS = 2000
# Of all of the lab's tools together there are one or two at a time.
_CLIENTS = 8
_LONGEST = 200
_CONTAINER = "-container@"
_MODES = ("push", "pull")


def now_s() -> float:
    """Return the seconds since the boot, at the hardware's own pace.

    chrony lets the other clocks go up to 8 % faster or slower while it corrects the time of day.
    """
    return time.clock_gettime(time.CLOCK_MONOTONIC_RAW)


class Recorder:
    """The last RECORDS records. instance: the number of this process since the boot, from 1."""

    def __init__(self, cgroups: Cgroups, boot: str, instance: int) -> None:
        self._cgroups = cgroups
        self._records: deque[dict[str, Any]] = deque(maxlen=RECORDS)
        self._number = 0
        self._who = {"boot": boot, "instance": instance}
        self._record(cgroups.populated)

    def hello(self) -> dict[str, Any]:
        """Return what a client gets first."""
        numbers = {"oldest": self._records[0]["number"], "newest": self._number}
        return {**self._who, "now_s": now_s(), **numbers}

    def after(self, number: int) -> list[dict[str, Any]]:
        """Return the records with a higher number."""
        return [record for record in self._records if record["number"] > number]

    def refresh(self) -> list[dict[str, Any]]:
        """Return a record of each change."""
        return [self._record(populated) for populated in self._cgroups.refresh()]

    def _record(self, populated: frozenset[str]) -> dict[str, Any]:
        self._number += 1
        record = {"number": self._number, "at_s": now_s(), **sorted_out(populated)}
        self._records.append(record)
        return record


def sorted_out(units: frozenset[str]) -> dict[str, list[str]]:
    """Return the containers of each mode, and the other units, each in order."""
    found: dict[str, list[str]] = {mode: [] for mode in (*_MODES, "units")}
    for unit in sorted(units):
        name = unit.removesuffix(".service")
        mode, mark, container = name.partition(_CONTAINER)
        found[mode if mark else "units"].append(container or name)
    return found


class RecordServer:
    """Serves `recorder` to clients, all in one thread that sleeps until something happens."""

    def __init__(self, recorder: Recorder, events: int, listener: socket) -> None:
        self._recorder = recorder
        self._events = events
        self._listener = listener
        self._poll = select.poll()
        # file -> the client, and what it has begun to say.
        self._clients: dict[int, tuple[socket, bytearray]] = {}
        self._listening: set[int] = set()
        for file in (events, listener.fileno()):
            self._poll.register(file, select.POLLIN)

    def turn(self) -> None:
        """Wait until something happens, and deal with it."""
        ready = {file for file, _ in self._poll.poll()}
        if self._events in ready:
            self._tell_all(self._recorder.refresh())
        if self._listener.fileno() in ready:
            self._accept()
        for file in ready & self._clients.keys():
            self._read(file)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        client.setblocking(False)
        if len(self._clients) >= _CLIENTS:
            client.close()
            return
        self._clients[client.fileno()] = (client, bytearray())
        self._poll.register(client.fileno(), select.POLLIN)
        self._send(client.fileno(), [self._recorder.hello()])

    def _read(self, file: int) -> None:
        client, begun = self._clients[file]
        try:
            data = client.recv(4096)
        except OSError:
            data = b""
        begun += data
        *lines, rest = begun.split(b"\n")
        if not data or len(rest) > _LONGEST:
            self._drop(file)
            return
        begun[:] = rest
        for line in lines:
            self._answer(file, line.decode(errors="replace").split())

    def _answer(self, file: int, words: list[str]) -> None:
        if words[:1] == ["ping"]:
            # First what has happened by now: the answer says that it was sent.
            self._tell_all(self._recorder.refresh())
            self._send(file, [{"pong": words[1:], "now_s": now_s()}])
        elif len(words) == 2 and words[0] == "after" and words[1].isdigit():
            self._listening.add(file)
            self._send(file, self._recorder.after(int(words[1])))
        else:
            self._drop(file)

    def _tell_all(self, records: list[dict[str, Any]]) -> None:
        for file in [*self._listening] if records else []:
            self._send(file, records)

    def _send(self, file: int, records: list[dict[str, Any]]) -> None:
        text = "".join(json.dumps(record) + "\n" for record in records)
        try:
            if file in self._clients:
                self._clients[file][0].sendall(text.encode())
        except OSError:
            # Also one that does not read: it asks again for what it lacks.
            self._drop(file)

    def _drop(self, file: int) -> None:
        if file in self._clients:
            self._poll.unregister(file)
            self._listening.discard(file)
            self._clients.pop(file)[0].close()


def main() -> None:
    """Serve until killed."""
    with open("/proc/sys/kernel/random/boot_id") as file:
        boot = file.read().strip()
    # Appended, as each process since the boot did; systemd preserves the folder.
    with open(f"{os.environ['RUNTIME_DIRECTORY']}/instances", "a+") as file:
        file.write("x")
        file.flush()
        instance = file.tell()
    cgroups = Cgroups()
    listener = socket()
    listener.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
    listener.bind(ADDRESS)
    listener.listen()
    server = RecordServer(Recorder(cgroups, boot, instance), cgroups.file, listener)
    notify("READY=1")
    while True:
        server.turn()


if __name__ == "__main__":
    main()
