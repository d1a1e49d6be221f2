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
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lab.faults import perform
from lab.host import forward, settings
from lab.host.accel import Accel
from lab.machines import power, remote
from lab.waiting import TookTooLong
from provisioning.run import ToolFailed
from services.core.errors import NodeUnreachable
from tests.lab.fake_machine import FakeMachine


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
            monkeypatch.setattr(power, name, getattr(self, name))
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
