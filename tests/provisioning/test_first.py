"""`lab-first`, the script of a machine's first boot, run with its paths below a folder."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "provisioning/guest/files/usr/local/sbin/lab-first"
# What it calls beside shell builtins, each a line in `called`.
CALLED = ("lab-mode", "chown", "sync")


@pytest.fixture
def guest(tmp_path):
    """The machine's root, with code `c0de`, given a token and told to start both modes."""
    for folder in ("run/credentials/@system", "etc/lab", "opt/lab", "bin"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "opt/lab/DIGEST").write_text("c0de\n")
    _give(tmp_path, "lab.first", "c0de push pull\n")
    _give(tmp_path, "lab.token", "s3cret")
    for name in CALLED:
        program = tmp_path / "bin" / name
        program.write_text(f'#!/bin/sh\necho "{name} $*" >> {tmp_path}/called\n')
        program.chmod(0o755)
    return tmp_path


def _give(guest: Path, name: str, text: str) -> None:
    file = guest / "run/credentials/@system" / name
    file.unlink(missing_ok=True)
    file.write_text(text)
    file.chmod(0o400)  # as systemd has them


def _boot(guest: Path) -> list[str]:
    """Run the script; return what it called, with paths as the machine sees them."""
    script = SCRIPT.read_text()
    for folder in ("/run/credentials", "/etc/lab", "/opt/lab"):
        script = script.replace(folder, f"{guest}{folder}")
    path = f"{guest / 'bin'}:{os.environ['PATH']}"
    subprocess.run(["sh", "-c", script], env={"PATH": path}, check=True)
    return (guest / "called").read_text().replace(str(guest), "").splitlines()


def _mode(file: Path) -> int:
    return file.stat().st_mode & 0o777


def test_a_node_takes_its_token_over_and_starts_its_modes_without_waiting(guest):
    assert _boot(guest) == ["lab-mode --no-block push pull", "sync "]
    assert (guest / "etc/lab/token").read_text() == "s3cret"
    assert _mode(guest / "etc/lab/token") == 0o600
    assert (guest / "etc/lab/first").exists()


def test_the_api_machine_takes_the_table_over_for_the_state_servers_user(guest):
    _give(guest, "lab.tokens", '{\n "node1": []\n}\n')
    assert "chown lab-pull /etc/lab/tokens.json" in _boot(guest)
    assert (guest / "etc/lab/tokens.json").read_text() == '{\n "node1": []\n}\n'
    assert _mode(guest / "etc/lab/tokens.json") == 0o600
    assert not (guest / "etc/lab/token").exists()


@pytest.mark.parametrize(
    "told",
    [
        pytest.param("0ther push pull\n", id="other code follows over SSH"),
        pytest.param("c0de\n", id="no mode was asked for"),
    ],
)
def test_it_takes_the_token_over_and_starts_nothing(guest, told):
    _give(guest, "lab.first", told)
    assert _boot(guest) == ["sync "]
    assert (guest / "etc/lab/token").read_text() == "s3cret"
    assert (guest / "etc/lab/first").exists()
