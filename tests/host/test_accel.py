"""KVM or emulation: asked of a kernel that boots, once per boot of the host."""

import pytest

from lab.host import accel, probe
from lab.host.probe import Boot
from services.core.errors import LabError

KERNEL = "/boot/vmlinuz"


@pytest.fixture
def ask(monkeypatch, tmp_path):
    """ask(kvm=Boot, tcg=Boot) -> (the choice, the accelerators that were tried)."""
    monkeypatch.delenv("LAB_ACCEL", raising=False)

    def ask(**boots):
        tried = []

        def boot(name, cpu, kernel):
            tried.append(name)
            return boots[name]

        monkeypatch.setattr(probe, "boot", boot)
        return accel.choose(KERNEL, tmp_path / "accel.json"), tried

    return ask


def test_kvm_that_boots_a_kernel_is_taken(ask):
    chosen, tried = ask(kvm=Boot(0.2, ""))
    assert (chosen.name, chosen.slowness, tried) == ("kvm", 1.0, ["kvm"])


def test_kvm_that_hangs_is_not_and_the_answer_says_why(ask):
    chosen, _ = ask(kvm=Boot(5.0, "the kernel printed nothing within 5 s"), tcg=Boot(2.0, ""))
    assert (chosen.name, chosen.slowness) == ("tcg", 8.0)
    assert "printed nothing" in chosen.why


def test_the_answer_is_kept(ask):
    first, _ = ask(kvm=Boot(1.0, "no"), tcg=Boot(2.0, ""))
    again, tried = ask()
    assert (again, tried) == (first, [])


def test_a_damaged_cache_is_asked_anew(ask, tmp_path):
    ask(kvm=Boot(0.2, ""))
    (tmp_path / "accel.json").write_text("{")
    _, tried = ask(kvm=Boot(0.2, ""))
    assert tried == ["kvm"]


def test_the_user_decides(ask, monkeypatch):
    monkeypatch.setenv("LAB_ACCEL", "tcg")
    chosen, tried = ask(tcg=Boot(2.0, ""))
    assert (chosen.name, tried) == ("tcg", ["tcg"])
    monkeypatch.setenv("LAB_ACCEL", "kvm")
    chosen, tried = ask(kvm=Boot(5.0, "silent"))
    assert (chosen.name, tried) == ("kvm", ["kvm"])
    monkeypatch.setenv("LAB_ACCEL", "magic")
    with pytest.raises(LabError) as refused:
        ask()
    assert "kvm or tcg" in refused.value.hint


def test_a_host_on_which_nothing_boots(ask):
    with pytest.raises(LabError) as refused:
        ask(kvm=Boot(1.0, "no"), tcg=Boot(0.0, "qemu-system-x86_64 is not installed"))
    assert "not installed" in str(refused.value)
