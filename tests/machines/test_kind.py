"""Which kind of machines a checkout has, why, and where it keeps things then."""

import os
import shutil
import subprocess
import sys

import pytest

from lab import kind, paths
from lab.host import forward, netns
from lab.kind import QEMU, VAGRANT, Kind, decide
from lab.machines import choice, vagrant
from lab.machines.qemu import machines
from provisioning import topology
from services.core.errors import LabError
from tests.house.repository import ROOT


@pytest.mark.parametrize(
    ("asked", "exist", "lacks", "name"),
    [
        pytest.param("", "", "", VAGRANT, id="libvirt where it can be used"),
        pytest.param("", "", "no rights", QEMU, id="plain QEMU where it cannot"),
        pytest.param("", QEMU, "", QEMU, id="machines that exist are used"),
        pytest.param("", VAGRANT, "no rights", VAGRANT, id="also where they cannot be made again"),
        pytest.param(QEMU, "", "", QEMU, id="what the user asks for comes first"),
        pytest.param(QEMU, VAGRANT, "", QEMU, id="also before what exists, which is refused later"),
    ],
)
def test_the_kind(asked, exist, lacks, name):
    found = decide(asked, exist, lacks)
    assert found.name == name
    assert lacks in found.why or asked or exist


def test_who_may_become_root_gets_what_can_do_most(monkeypatch):
    ours: list[str] = []
    monkeypatch.setattr(kind, "_in_group", ours.__contains__)
    monkeypatch.setattr(shutil, "which", lambda name: "" if name == "vagrant" else name)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "may not become root" in kind._lacks()
    ours.append("libvirt")
    assert kind._lacks() == "vagrant not installed"
    ours.append("sudo")
    assert kind._lacks() == ""


def test_machines_are_known_by_their_notes(tmp_path):
    assert kind.existing(tmp_path) == ""
    for note, name in (
        (".vagrant/machines/api/libvirt/id", VAGRANT),
        (".lab/qemu/machines/api/made.json", QEMU),
    ):
        (tmp_path / note).parent.mkdir(parents=True)
        assert kind.existing(tmp_path) != name
        (tmp_path / note).touch()
        assert kind.existing(tmp_path) == name


@pytest.mark.parametrize(("name", "module"), [(VAGRANT, vagrant), (QEMU, machines)])
def test_each_kind_has_its_provider(monkeypatch, tmp_path, name, module):
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(paths, "KIND", Kind(name, ""))
    assert choice.chosen() is module


def test_a_kind_that_does_not_exist_is_named_with_those_that_do(monkeypatch):
    monkeypatch.setattr(paths, "KIND", Kind("multipass", ""))
    with pytest.raises(LabError, match="LAB_PROVIDER='multipass' is no kind") as refused:
        choice.chosen()
    assert refused.value.hint == "use one of: vagrant, qemu"


def test_machines_of_another_kind_are_not_left_behind(monkeypatch, tmp_path):
    (tmp_path / ".vagrant/machines/api/libvirt").mkdir(parents=True)
    (tmp_path / ".vagrant/machines/api/libvirt/id").touch()
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(paths, "KIND", Kind(QEMU, ""))
    with pytest.raises(LabError, match="has machines of the kind 'vagrant', not 'qemu'") as refused:
        choice.chosen()
    assert refused.value.hint.endswith("LAB_PROVIDER=vagrant lab down")


def test_plain_qemu_keeps_everything_in_the_checkout_but_short_sockets(tmp_path):
    code = "from lab import paths; print(paths.SHARED); print(paths.RUN)"
    said = subprocess.run(
        [sys.executable, "-S", "-c", code],
        cwd=ROOT,
        env={**os.environ, "LAB_PROVIDER": QEMU},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert said[0] == f"{ROOT}/.lab/qemu"
    assert len(f"{said[1]}/{'n' * 30}.qmp") < 108


def test_plain_qemu_has_no_namespace_and_no_forwarder(monkeypatch):
    monkeypatch.setattr(paths, "KIND", Kind(QEMU, ""))
    monkeypatch.setenv("LAB_NETNS", "space")
    assert netns.wanted(topology.load()) is None
    assert forward.current(topology.load())


def test_what_needs_saved_machines_says_so_in_a_sentence(monkeypatch):
    monkeypatch.setattr(paths, "KIND", Kind(QEMU, ""))
    with pytest.raises(LabError, match="'qemu' cannot be saved: freeze, thaw and chapters need"):
        choice.check_saves()
