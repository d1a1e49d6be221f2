"""`lab doctor`: what is printed, and the exit codes."""

import json
import re

import pytest

from lab import paths
from lab.host import accelerator
from lab.kind import QEMU, Kind
from provisioning.host import access, apt, doctor, programs, tested
from provisioning.host.check import Check

ACCELERATOR = Check("accelerator", True, "KVM: a kernel booted in 0.2 s", "")
CHECKS = [
    Check("virsh", True, "/usr/bin/virsh", "apt-get install libvirt-clients", "9.1", "9.0"),
    Check("vagrant", False, "not found", "apt-get install vagrant", "", "2.3.4"),
]


@pytest.fixture(autouse=True)
def probed(monkeypatch):
    monkeypatch.setattr(accelerator, "check", lambda: ACCELERATOR)


def test_doctor_names_what_is_missing_and_the_command_that_helps(run, monkeypatch):
    monkeypatch.setattr(doctor, "checks", lambda **_: list(CHECKS))
    result = run("doctor")
    assert result.exit_code == 1
    found, missing, kind, probed = result.stdout.splitlines()[1:]
    words = [re.split("  +", line) for line in (found, missing)]
    assert words[0] == ["virsh", "newer", "9.1", "9.0", "/usr/bin/virsh"]
    assert words[1] == ["vagrant", "MISSING", "2.3.4", "not found", "apt-get install vagrant"]
    assert kind.endswith(f"{paths.KIND.name}: {paths.KIND.why}")
    assert probed.endswith(ACCELERATOR.detail)


def test_doctor_fixes_first_and_looks_after(run, monkeypatch):
    fixed = []
    monkeypatch.setattr(doctor, "fix", lambda say, **_: fixed.append(True))
    monkeypatch.setattr(doctor, "checks", lambda **_: CHECKS[: 1 if fixed else 2])
    result = run("doctor", "--fix", "--json")
    assert result.exit_code == 0, "newer than tested is a remark"
    virsh, *_ = json.loads(result.stdout)
    assert virsh == {**CHECKS[0]._asdict(), "state": "newer"}


def test_doctor_records_what_is_here_as_tested(run, monkeypatch, tmp_path):
    monkeypatch.setattr(tested, "FILE", tmp_path / "tested.json")
    monkeypatch.setattr(doctor, "checks", lambda **asked: CHECKS[:1] if asked["tests"] else [])
    result = run("doctor", "--record")
    assert json.loads(tested.FILE.read_text()) == {"virsh": "9.1"}
    assert result.stdout.splitlines()[1].split()[1:4] == ["found", "9.1", "9.1"]


def test_plain_qemu_needs_neither_libvirt_nor_root(run, monkeypatch):
    installed = []
    monkeypatch.setattr(paths, "KIND", Kind(QEMU, "a test"))
    monkeypatch.setattr(programs, "which", lambda name: None if name == "vagrant" else name)
    monkeypatch.setattr(apt, "install", lambda packages, say: installed.extend(packages))
    monkeypatch.setattr(access, "fix", lambda say: pytest.fail("a folder of root's"))
    doctor.fix(print, plain=True)
    assert installed == []
    names = [check.name for check in doctor.checks(plain=True)]
    assert {"qemu-system-x86_64", "qemu-img", "ssh", "/dev/kvm"} <= {*names}
    assert not {"vagrant", "virsh", "libvirtd", "shared folder", "access to libvirt"} & {*names}
