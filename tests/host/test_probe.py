"""How long the probe waits for a kernel: on a program that speaks when a slow QEMU would."""

import os

import pytest

from lab.host import probe

QEMU = """#!/bin/sh
sleep 0.5
printf 'Linux version 6\\n'
sleep 0.5
printf 'Kernel panic - not syncing: {} on\\n'
sleep 60
"""


@pytest.fixture
def qemu(monkeypatch, tmp_path):
    """Its first word comes after 0.5 s, the marker after a second."""
    program = tmp_path / "qemu-system-x86_64"
    program.write_text(QEMU.format(probe.MARKER.decode()))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return program


def test_emulation_gets_the_time_that_a_busy_host_needs(qemu):
    kvm, tcg = probe._LIMITS_S["kvm"], probe._LIMITS_S["tcg"]
    assert all(patient >= 5 * brisk for brisk, patient in zip(kvm, tcg, strict=True))
    booted = probe.boot("tcg", "qemu64", qemu)
    assert booted.problem == ""
    assert 1.0 <= booted.seconds < 20


@pytest.mark.parametrize(
    ("limits", "problem"),
    [((0.2, 9.0), "printed nothing within 0.2 s"), ((5.0, 0.7), "root file system within 0.7 s")],
)
def test_a_kernel_that_is_late_is_given_up_and_the_limit_named(qemu, monkeypatch, limits, problem):
    monkeypatch.setitem(probe._LIMITS_S, "kvm", limits)
    assert problem in probe.boot("kvm", "host", qemu).problem


def test_a_kernel_that_dies_of_something_else_has_not_booted(qemu, monkeypatch):
    qemu.write_text(
        "#!/bin/sh\nprintf 'Linux version 6\\nKernel panic - not syncing: bad APIC\\n'\n"
    )
    assert "bad APIC" in probe.boot("kvm", "host", qemu).problem
