"""The twin of the baseline: beside the lab, never in its way, and gone afterwards."""

import ipaddress
import json

import pytest

from benchmarks.baseline import build
from benchmarks.baseline import twin as untuned
from lab.host import networks, settings
from lab.machines import boxes, domains
from provisioning import topology
from provisioning.run import ToolFailed
from services.core.errors import LabError
from tests.lab import fake_libvirt
from tests.lab.fake_libvirt import FakeLibvirt


def test_the_twin_has_the_same_machines_and_nothing_else_of_the_labs(lab):
    twin = untuned.twin(lab)
    assert [(m.name, m.memory_mib) for m in twin.machines] == [
        (m.name, m.memory_mib) for m in lab.machines
    ]
    assert not {m.mac for m in twin.machines} & {m.mac for m in lab.machines}
    ours = [networks.management_cidr(one) for one in (lab, twin)]
    ours += [f"{one.lab_network.gateway}/{one.lab_network.netmask}" for one in (lab, twin)]
    found = [ipaddress.ip_network(cidr, strict=False) for cidr in ours]
    assert not any(a.overlaps(b) for a in found for b in found if a is not b)
    # `lab down`, which goes by this prefix, must not take one for the other.
    assert not domains.domain(twin, "api").startswith(f"{lab.lab}_")


@pytest.fixture
def lab():
    return topology.load()._replace(lab=fake_libvirt.NAME)


@pytest.fixture
def libvirt(monkeypatch, tmp_path):
    fake = FakeLibvirt(
        domains=["fakelab_api", "fakelab-untuned_api", "fakelab-untuned_node9"],
        volumes=["fakelab_api.img", "fakelab-untuned_api.img", "fakelab-untuned_node1.img"],
        networks=["fakelab-lab", "fakelab-untuned-lab", "fakelab-untuned-mgmt"],
    )
    fake.install(monkeypatch, tmp_path)
    return fake


def test_what_is_left_of_it_goes_and_the_lab_stays(lab, libvirt, tmp_path):
    (tmp_path / "state/untuned/vagrant/machines/api").mkdir(parents=True)
    said: list[str] = []
    untuned.clear(lab, said.append)
    assert said == ["deleted of the baseline: api, node9"]
    assert set(libvirt.domains) == {"fakelab_api"}
    assert libvirt.volumes == {"fakelab_api.img"}
    assert libvirt.networks == {"fakelab-lab"}
    assert not (tmp_path / "state/untuned/vagrant/machines/api").exists()
    untuned.clear(lab, said.append)
    assert len(said) == 1


def test_its_settings_are_those_of_the_lab_but_for_names_and_addresses(
    lab, libvirt, tmp_path, monkeypatch
):
    ours = {"accel": "tcg", "emulator": "/e", "proxy_command": "nc", "slowness": 9, "key": "k"}
    (tmp_path / "state/lab.json").write_text(json.dumps(ours))
    monkeypatch.setattr(untuned, "share", lambda file, name: tmp_path / name)
    monkeypatch.setattr(untuned, "deadline_s", lambda seconds: seconds * 9)
    volumes = []
    monkeypatch.setattr(boxes, "ensure_volume", lambda name, file: volumes.append(name))
    box = build.wanted()
    untuned.prepare(lab, box, print)
    untuned.prepare(lab, box, print)
    said = json.loads((tmp_path / "state/untuned/untuned.json").read_text())
    assert said["lab"] == "fakelab-untuned"
    assert said["proxy_command"] == "nc"
    assert said["kernel"].endswith("vmlinuz")
    assert said["initrd"].endswith("initrd")
    assert "key" not in said
    assert set(volumes) == {f"{build.NAME}_vagrant_box_image_{box.version}_box.img"}
    link = tmp_path / "state/untuned/vagrant.d/boxes" / build.NAME / box.version / "libvirt"
    assert link.readlink() == box.folder


@pytest.mark.parametrize("wrong", ["debian\n", ToolFailed(["ssh"], 255, "refused")])
def test_a_machine_that_is_not_what_was_asked_for_is_no_measurement(lab, monkeypatch, wrong):
    def run(words, **_):
        if "10.77.2.12" not in words[-2]:
            return {"10.77.2.10": "api\n", "10.77.2.11": "node1\n"}.get(words[-2][8:], "node3\n")
        if isinstance(wrong, str):
            return wrong
        raise wrong

    monkeypatch.setattr(untuned, "run", run)
    monkeypatch.setattr(untuned, "deadline_s", lambda seconds: seconds)
    monkeypatch.setattr(settings, "load", lambda: settings.Settings(None, None))
    with pytest.raises(LabError, match="machine 'node2' of the baseline says"):
        untuned.check(lab)


def test_the_untuned_box_is_built_from_what_is_in_its_folder():
    assert build.wanted() == build.wanted()
    assert "initramfs-tools" in build._packages()
    assert not {"tiny-initramfs", "nginx-light"} & set(build._packages())
