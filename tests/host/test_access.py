"""Who may use what: libvirt, /dev/kvm, the shared folder."""

import grp
import os

import pytest

from provisioning.host import access
from provisioning.run import ToolFailed

DENIED = ToolFailed(["virsh"], 1, "error: authentication unavailable")


@pytest.fixture
def user(monkeypatch, tmp_path):
    """A user in no group that counts, on a host with systemd; returns what root was asked to do."""
    done = []
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(access, "_user", lambda: "alice")
    monkeypatch.setattr(access, "_systemd", lambda: True)
    monkeypatch.setattr(access, "confined", lambda: False)
    monkeypatch.setattr(access, "SHARED", tmp_path)
    monkeypatch.setattr(access, "_KVM", tmp_path / "kvm")
    monkeypatch.setattr(access, "run", lambda *_, **__: "qemu:///system\n")
    monkeypatch.setattr(access, "run_as_root", lambda argv: done.append(argv))
    monkeypatch.delenv("LAB_ACCEL", raising=False)
    groups(monkeypatch)
    return done


def groups(monkeypatch, *joined):
    """The system has the groups libvirt and kvm; alice is in those `joined`."""
    table = {
        name: grp.struct_group((name, "x", 100, ["alice"] if name in joined else []))
        for name in ("libvirt", "kvm")
    }
    monkeypatch.setattr(grp, "getgrall", lambda: list(table.values()))
    monkeypatch.setattr(grp, "getgrnam", table.__getitem__)


def deny(monkeypatch):
    def denied(*_, **__):
        raise DENIED

    monkeypatch.setattr(access, "run", denied)


def missing():
    return {check.name: check for check in access.checks() if not check.found}


def test_a_user_whom_libvirt_lets_in_needs_no_group_and_no_new_login(user):
    assert missing() == {}
    access.fix(print)
    assert user == []


def test_a_user_whom_libvirt_refuses_joins_its_group(user, monkeypatch):
    deny(monkeypatch)
    (refused,) = missing().values()
    assert refused.detail == "error: authentication unavailable"
    assert refused.remedy == "sudo adduser alice libvirt"
    access.fix(print)
    assert user == [["adduser", "--quiet", "alice", "libvirt"]]


def test_a_member_whom_libvirt_refuses_logs_in_again(user, monkeypatch):
    deny(monkeypatch)
    groups(monkeypatch, "libvirt")
    (refused,) = missing().values()
    assert refused.remedy.startswith("log in again")
    access.fix(print)
    assert user == []


@pytest.mark.parametrize(
    ("joined", "remedy"),
    [((), "sudo adduser alice kvm, then log in again"), (("kvm",), "log in again")],
)
def test_kvm_that_does_not_open_is_named_with_the_way_around(user, monkeypatch, joined, remedy):
    access._KVM.touch()
    monkeypatch.setattr(os, "access", lambda path, _: path != access._KVM)
    groups(monkeypatch, *joined)
    (closed,) = missing().values()
    assert closed.remedy == remedy
    monkeypatch.setenv("LAB_ACCEL", "tcg")
    assert "LAB_ACCEL=tcg" in closed.detail
    assert missing() == {}


def test_the_shared_folder_of_another_user_is_not_taken(user, monkeypatch, tmp_path):
    monkeypatch.setattr(os, "access", lambda path, _: path != tmp_path)
    (taken,) = missing().values()
    assert tmp_path.owner() in taken.detail
    assert "lab down" in taken.remedy
    access.fix(print)
    assert user == []


def test_without_systemd_a_user_is_told_to_be_root(user, monkeypatch):
    monkeypatch.setattr(access, "_systemd", lambda: False)
    (refused,) = missing().values()
    assert refused.remedy == "be root"
