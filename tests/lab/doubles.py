"""A lab without VMs: what `lab` would hear from libvirt, from systemd and from the two APIs.

Only the outermost calls are replaced (libvirt's list of machines, a command over SSH); HTTP is
real, on loopback. Units obey systemd's awkward rules: starting an active unit is a no-op, a
stopped one disappears from the list, a unit that failed stays in it. So are the other tools:
find fails on a folder that is not there, and below /run, where folders vanish as it looks; a
machine that was never made is neither halted nor booted.
"""

import json
import re
import shlex
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lab.faults import perform
from lab.faults.state import MARKS
from lab.faults.traces import LOOK
from lab.host import forward, settings
from lab.host.accel import Accel
from lab.machines import remote, vagrant
from lab.machines.units import FAKE, container_unit
from lab.waiting import TookTooLong
from provisioning.run import ToolFailed
from services.core.errors import CommandFailed, NodeUnreachable


class FakeMachine:
    """One VM: its power, its units, its files. Understands the commands that `lab` sends."""

    def __init__(self, name, units=()):
        self.name = name
        self.state = "running"
        self.hangs = False
        self.units = dict(units)
        self.starts: Counter[str] = Counter()
        # A mode that is on is so on every machine.
        self.enabled = {"push.target", "pull.target"}
        self.kill_misses = False
        self.marks = set()
        # What a look for traces finds beside marks: lines of `kind name`.
        self.traces = []
        self.ahead_s = 0.0
        self.journal = []
        self.commands = []

    def run(self, argv):
        self.commands.append(list(argv))
        if self.hangs or self.state != "running":
            raise NodeUnreachable(self.name, 5)
        tool = argv[0]
        if tool == "systemctl":
            return self._systemctl(argv[1], [word for word in argv[2:] if not word.startswith("-")])
        if tool == "mkdir":
            self.marks |= set(argv[2:])
        elif tool == "rm":
            self.marks -= set(argv)
            self._forget(f"file {argv[-1]}")
        elif tool == "nft":
            self._forget(f"table {argv[-1]}")
        elif tool == "tc":
            self._forget(f"queue {argv[-2]}")
        elif tool == "sh":
            return self._shell(argv[2])
        elif tool == "find":
            return self._find(argv)
        elif tool == "journalctl":
            return "-- cursor: s=1\n" if "--show-cursor" in argv else self._journal(argv)
        elif tool == "printf":
            return argv[1].replace("\\f", "\f")
        elif tool == "date":
            return f"{time.time() + self.ahead_s}"
        elif tool == "cat":
            return "LAB_PROFILE=fast\nLAB_API=10.77.0.10:8081\n"
        return ""

    def _forget(self, trace):
        self.traces = [one for one in self.traces if one != trace]

    def _shell(self, script):
        """A look for traces, or commands of which those count that are known; all end with 0."""
        if script == LOOK:
            return self._look()
        said = ""
        for command in re.split(r" \|\| |; ", script):
            words = command.split()
            if words and words[0] in (
                "systemctl",
                "rm",
                "nft",
                "tc",
                "date",
                "journalctl",
                "printf",
            ):
                said += self.run(shlex.split(command)) or ""
        return said

    def _look(self):
        marks = [mark.removeprefix(f"{MARKS}/") for mark in sorted(self.marks)]
        lines = [f"mark {mark}" for mark in marks if "/" in mark] + self.traces
        fake = container_unit("push", FAKE)
        lines += [f"unit {fake}"] if self.units.get(fake) == "active" else []
        return "".join(f"{line}\n" for line in lines)

    def _find(self, argv):
        folder = argv[1]
        below = sorted(mark for mark in self.marks if mark.startswith(f"{folder}/"))
        if folder in ("/", "/run") or not below:
            raise CommandFailed(self.name, "find", 1, "find: No such file or directory")
        return "".join(f"{mark.removeprefix(folder + '/')}\n" for mark in below)

    def _journal(self, argv):
        """The lines of `journal`, pairs of unit and text; none of a unit that it does not name."""
        names = {word.removeprefix("--unit=") for word in argv if word.startswith("--unit=")}
        found = [(unit, text) for unit, text in self.journal if unit in names]
        if "--output=json" not in argv:
            return "".join(f"{text}\n" for _, text in found)
        fields = ("__REALTIME_TIMESTAMP", "__CURSOR", "_SYSTEMD_UNIT", "MESSAGE")
        at_us = 1_700_000_000_000_000 + 1000 * int(self.name[-1] if self.name != "api" else 0)
        return "".join(
            json.dumps(dict(zip(fields, (str(at_us + 10_000 * i), f"c{i}", *one), strict=True)))
            + "\n"
            for i, one in enumerate(found)
        )

    def _systemctl(self, verb, units):
        if verb == "list-units":
            return "".join(
                f"{name} loaded {active} running Something with words\n"
                for name, active in sorted(self.units.items())
                if any(fnmatch(name, pattern) for pattern in units)
            )
        if verb == "show":
            return "\n".join(
                f"Id={name}\nActiveState={self.units.get(name, 'inactive')}\n"
                f"InvocationID={self.starts[name]}\n"
                f"UnitFileState={'enabled' if name in self.enabled else 'static'}\n"
                for name in units
            )
        for name in units:
            if verb == "start" and self.units.get(name) != "active":
                self.units[name] = "active"
                self.starts[name] += 1
            elif verb == "stop":
                self.units.pop(name, None)
            elif verb == "kill" and name in self.units and not self.kill_misses:
                self.units[name] = "failed"
        return ""


class FakeLab:
    """Machines by name, standing in for lab.machines.vagrant and lab.machines.remote."""

    def __init__(self, topology):
        self.machines = {machine.name: FakeMachine(machine.name) for machine in topology.machines}
        api = self.machines[topology.api.name]
        api.units = {"push.target": "active", "pull.target": "active"}
        self.libvirt_hangs = False
        self.forwarder_runs = True
        # What was asked of libvirt.
        self.virsh = []

    def __getitem__(self, name):
        return self.machines[name]

    def machine_states(self, topology, *, timeout_s=60):
        if self.libvirt_hangs:
            raise ToolFailed(["virsh"], 124, f"no end within {timeout_s:g} s", "lab doctor")
        return {name: machine.state for name, machine in self.machines.items()}

    def start(self, name):
        if self.machines[name].state == "absent":
            raise TookTooLong(f"{name} answers over SSH", 160, False, "its console says nothing")
        self.machines[name].state = "running"

    def cut(self, name):
        if self.machines[name].state == "running":
            self.machines[name].state = "off"
        self.machines[name].units.clear()
        self.machines[name].marks.clear()

    halt = cut

    def on_host(self, argv, **_):
        """A command of a plan on the host: virsh, or a shell that asks for a state."""
        if argv[0] == "sh":
            found = re.search(r'domstate \w+_(\w+) .*"(.*)"', argv[2])
            assert found, argv
            now = self.machines[found[1]].state
            if {"off": "shut off"}.get(now, now) != found[2]:
                raise ToolFailed(argv, 1, now)
            return now
        verb, domain = argv[-2:]
        name = domain.rpartition("_")[2]
        self.virsh.append((verb, name))
        if verb in ("destroy", "shutdown"):
            self.cut(name)
        else:
            self.machines[name].state = "paused" if verb == "suspend" else "running"
        return ""

    def carry(self, topology):
        """lab.host.forward.ensure."""
        begun, self.forwarder_runs = not self.forwarder_runs, True
        return begun

    def run(self, machine, argv, *, timeout_s=30.0, data=None):
        # As over SSH: words must survive a shell.
        return self.machines[machine.name].run(shlex.split(shlex.join(argv)))

    def run_all(self, machines, argv, *, timeout_s=30.0, data=None):
        answers = {}
        for machine in machines:
            try:
                answers[machine.name] = self.run(machine, argv)
            except NodeUnreachable as error:
                answers[machine.name] = error
        return answers

    def install(self, monkeypatch):
        """Stand in for the VMs; deadlines are those of a machine with KVM."""
        for name in ("machine_states", "start", "cut", "halt"):
            monkeypatch.setattr(vagrant, name, getattr(self, name))
        for name in ("run", "run_all"):
            monkeypatch.setattr(remote, name, getattr(self, name))
        monkeypatch.setattr(perform, "run", self.on_host)
        monkeypatch.setattr(forward, "ensure", self.carry)
        monkeypatch.setattr(forward, "current", lambda _: self.forwarder_runs)
        kvm = settings.Settings(None, Accel("kvm", 1.0, "a test"))
        monkeypatch.setattr(settings, "load", lambda: kvm)


@contextmanager
def http_server(answers) -> Iterator[tuple[int, list]]:
    """Serve `answers` on loopback; yields the port and the requests as (method, path, body).

    answers: "METHOD /path" -> (status, body, {header: value}), the headers optional; with the
    query or without; or a function that takes the request's headers and returns such a thing.
    """
    seen: list = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self):
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            seen.append((self.command, self.path, body))
            plain = self.path.partition("?")[0]
            found = answers.get(f"{self.command} {self.path}") or answers.get(
                f"{self.command} {plain}", (404, {"error": "no such route", "hint": ""})
            )
            status, content, *headers = found(self.headers) if callable(found) else found
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("X-Request-ID", "of-the-double")
            for name, value in (headers[0] if headers else {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815 - http.server's names

        def log_message(self, *words):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_port, seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
