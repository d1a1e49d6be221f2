"""The accelerator as doctor shows it."""

import pytest

from lab import paths
from lab.host import accelerator, probe
from lab.host.probe import Boot
from provisioning.box import build


@pytest.fixture
def boots(monkeypatch, tmp_path):
    """The probe's answers by accelerator; and no box, no answer kept from before."""
    answers: dict[str, Boot] = {}
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LAB_ACCEL", raising=False)
    monkeypatch.setattr(paths, "ACCEL", tmp_path / "accel.json")
    monkeypatch.setattr(probe, "boot", lambda name, *_: answers[name])
    return answers


@pytest.fixture
def box(boots):
    folder = build.wanted().folder
    folder.mkdir(parents=True)
    (folder / "vmlinuz").touch()
    (folder / "manifest.json").write_text("{}")


def test_without_a_box_there_is_no_kernel_to_probe_with_and_no_fault(boots):
    check = accelerator.check()
    assert check.found
    assert check.detail.startswith("not probed yet: no box")


def test_emulation_is_shown_with_its_reason_and_how_slow_it_is(boots, box):
    boots |= {"kvm": Boot(5.0, "it hung"), "tcg": Boot(2.0, "")}
    check = accelerator.check()
    assert check.found
    assert "KVM does not work here (it hung)" in check.detail
    assert "8 times slower" in check.detail
    boots.clear()
    assert accelerator.check() == check, "the answer is kept"


def test_kvm_is_not_called_slow(boots, box):
    boots["kvm"] = Boot(0.2, "")
    assert accelerator.check().detail == "KVM: a kernel booted in 0.2 s"


def test_where_nothing_boots_something_is_missing(boots, box):
    boots |= {"kvm": Boot(0.0, "no QEMU"), "tcg": Boot(0.0, "no QEMU")}
    check = accelerator.check()
    assert not check.found
    assert "lab doctor" in check.remedy
