"""What is installed for tests alone does not serve: neither now nor after a reboot."""

import os
import subprocess

import pytest

from provisioning.host import apt, programs, servers


@pytest.fixture
def installed(monkeypatch):
    """What apt was asked to install, of a host that has no sshd."""
    asked = []
    monkeypatch.setattr(programs, "which", lambda name: None if name == "sshd" else f"/{name}")
    monkeypatch.setattr(
        apt, "install", lambda packages, _, prefix: asked.append((packages, prefix))
    )
    return asked


def test_only_what_is_missing_is_installed_and_disabled(installed):
    servers.install(print)
    ((packages, prefix),) = installed
    assert packages == ["openssh-server"]
    assert prefix[-1] == "ssh.service ssh.socket"


@pytest.mark.parametrize("code", [0, 7])
def test_units_are_disabled_once_the_installation_has_succeeded(tmp_path, code):
    log = tmp_path / "log"
    for name in ("deb-systemd-helper", "update-rc.d"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho "{name} $*" >>{log}\n')
        (tmp_path / name).chmod(0o755)
    script = servers._QUIETLY.replace("/usr/sbin", str(tmp_path))
    argv = ["sh", "-c", script, "sh", "ssh.service ssh.socket"]
    within = f"{tmp_path}/policy-rc.d || [ $? = 101 ] && echo installed >>{log}; exit {code}"
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run([*argv, "sh", "-c", within], env=env, check=False)
    assert done.returncode == code
    disabled = ["ssh.service", "ssh.socket"] if code == 0 else []
    said = log.read_text().splitlines()
    assert [line for line in said if line.startswith("deb")] == [
        f"deb-systemd-helper disable {unit}" for unit in disabled
    ]
    assert said[0] == "installed"
    assert not (tmp_path / "policy-rc.d").exists()


def test_every_server_has_its_units():
    packages = {program.package for program in programs.FOR_TESTS}
    assert packages == {*servers._UNITS, "chromium-headless-shell"}
