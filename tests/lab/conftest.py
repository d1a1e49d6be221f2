"""Fixtures: a lab of doubles, both APIs on loopback, and the command line."""

import pytest
from click.testing import CliRunner

from lab import paths
from lab.cli import main
from lab.faults import ledger, mend, perform
from lab.faults import strike as striking
from lab.machines import remote
from lab.snapshot import thaw
from provisioning import topology
from services.core.errors import CommandFailed
from tests.lab.doubles import FakeLab, http_server


@pytest.fixture
def lab():
    return topology.load()


@pytest.fixture
def vms(lab, monkeypatch, tmp_path):
    """Four VMs that run, in both modes, with a lock of our own and no thaw cut short."""
    for folder in ("RUN", "SHARED"):
        monkeypatch.setattr(paths, folder, tmp_path / folder)
    monkeypatch.setattr(ledger, "folder", lambda: tmp_path / "faults")
    monkeypatch.setattr(thaw, "_MARKER", tmp_path / "thawing")
    fake = FakeLab(lab)
    fake.install(monkeypatch)
    return fake


@pytest.fixture
def failing(vms, monkeypatch):
    """Have commands that contain some words end with an error; looks do not wait."""
    words: list[str] = []

    def run(machine, argv, **more):
        if any(word in " ".join(argv) for word in words):
            raise CommandFailed(machine.name, argv[0], 1, "")
        return vms.run(machine, argv, **more)

    monkeypatch.setattr(remote, "run", run)
    for module in (mend, perform, striking):
        monkeypatch.setattr(module, "deadline_s", lambda _: 0.0)
    return words


@pytest.fixture
def run():
    """Run one command line; the result has exit_code, stdout and stderr."""
    return lambda *words: CliRunner().invoke(main, list(words))


@pytest.fixture
def push_api(monkeypatch):
    answers = {"GET /containers": (200, {"total": 0, "containers": [], "unreachable": []})}
    with http_server(answers) as (port, seen):
        monkeypatch.setenv("LAB_PUSH_PORT", str(port))
        yield answers, seen


@pytest.fixture
def pull_api(monkeypatch):
    answers = {
        "GET /api/containers": (200, {"containers": [], "revision": 1}),
        "GET /api/nodes": (200, {"nodes": [], "uptime_s": 9, "lease_s": 3}),
    }
    with http_server(answers) as (port, seen):
        monkeypatch.setenv("LAB_PULL_PORT", str(port))
        yield answers, seen
