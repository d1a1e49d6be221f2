"""What is left over of a lab: by tables, by a property, and done away with."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab import paths
from lab.machines import boxes, inventory, leftovers
from lab.machines.leftovers import (
    FOREIGN,
    HALF,
    KILLED,
    LOST,
    NO_MACHINE,
    OLD_BOX,
    STOPPED,
    UNKNOWN,
    Domain,
    Inventory,
    Lab,
    Leftover,
    Removal,
    everything,
    foreign,
    left_over,
)  # fmt: skip
from provisioning.box.cache import NAME
from tests.lab import fake_libvirt
from tests.lab.fake_libvirt import FakeLibvirt

OURS, THEIRS, GONE = Path("/ours/Vagrantfile"), Path("/theirs/Vagrantfile"), Path("/gone/x")
LAB = Lab("lab", ["api", "node1"], OURS, "box", ["box_vagrant_box_image_2"], [OURS, THEIRS])
NOTHING = Inventory({}, [], [], {}, [])
KNOWN = Domain(True, True, OURS)


def one(domain, **more):
    return NOTHING._replace(domains={"api": domain}, **more)


@pytest.mark.parametrize(
    ("found", "tasks"),
    [
        (NOTHING, []),
        (one(KNOWN, notes=["api"], volumes=["lab_api.img"]), []),
        (one(KNOWN._replace(runs=False), notes=["api"], volumes=["lab_api.img"]), []),
        (one(Domain(True, False, OURS)), [(Removal.MACHINE, "api", KILLED)]),
        (one(Domain(True, False, GONE)), [(Removal.MACHINE, "api", LOST)]),
        (one(Domain(True, False, THEIRS), volumes=["lab_api.img"]), []),
        (
            one(Domain(False, False, THEIRS), volumes=["lab_api.img"]),
            [(Removal.MACHINE, "api", STOPPED), (Removal.VOLUME, "lab_api.img", NO_MACHINE)],
        ),
        (
            NOTHING._replace(domains={"node7": KNOWN}, notes=["node7"], volumes=["lab_node7.img"]),
            [
                (Removal.MACHINE, "node7", UNKNOWN),
                (Removal.NOTES, "node7", NO_MACHINE),
                (Removal.VOLUME, "lab_node7.img", NO_MACHINE),
            ],
        ),
        (NOTHING._replace(notes=["api"]), [(Removal.NOTES, "api", NO_MACHINE)]),
        (
            NOTHING._replace(volumes=["lab_api.img", "other_api.img", "lab_api.iso", "x.img"]),
            [(Removal.VOLUME, "lab_api.img", NO_MACHINE)],
        ),
        (
            NOTHING._replace(volumes=["box_vagrant_box_image_1", "box_vagrant_box_image_2"]),
            [(Removal.VOLUME, "box_vagrant_box_image_1", OLD_BOX)],
        ),
        (one(KNOWN, volumes=["box_vagrant_box_image_1"]), []),
        (
            one(KNOWN, volumes=["box_vagrant_box_image_2"], half=["box_vagrant_box_image_2"]),
            [(Removal.VOLUME, "box_vagrant_box_image_2", HALF)],
        ),
        (NOTHING._replace(half=["box_vagrant_box_image_2"]), []),
        (
            NOTHING._replace(networks={"lab-lab": True, "lab-mgmt": False}),
            [(Removal.NETWORK, "lab-mgmt", FOREIGN)],
        ),
    ],
    ids=[
        "nothing", "a lab that is whole", "a machine that is off", "Vagrant was killed",
        "its checkout is gone", "another checkout's, running", "another checkout's, off",
        "a node that the topology lost", "a note alone", "a disk alone, and what is not ours",
        "an old box", "an old box that a disk may stand on", "a killed upload",
        "a killed upload that made nothing", "a network that is defined otherwise",
    ],
)  # fmt: skip
def test_what_is_left_over(found, tasks):
    assert left_over(found, LAB) == tuple(Leftover(*task) for task in tasks)


@pytest.mark.parametrize(
    ("domain", "is_foreign"),
    [
        (Domain(True, False, THEIRS), True),
        (Domain(False, False, THEIRS), False),
        (Domain(True, True, THEIRS), False),
        (Domain(True, False, OURS), False),
        (Domain(True, False, GONE), False),
    ],
)
def test_only_what_runs_and_is_of_another_checkout_is_foreign(domain, is_foreign):
    assert foreign(one(domain), LAB) == ({"api": THEIRS} if is_foreign else {})


def test_a_task_says_what_and_why():
    task = Leftover(Removal.VOLUME, "lab_api.img", NO_MACHINE)
    assert str(task) == "delete volume lab_api.img: its machine is gone"


names = st.sampled_from(["api", "node1", "node7"])
volumes = st.sampled_from(
    ["lab_api.img", "lab_node7.img", "other_api.img", "disk.qcow2"]
    + [f"box_vagrant_box_image_{version}" for version in (1, 2)]
)
inventories = st.builds(
    Inventory,
    st.dictionaries(
        names,
        st.builds(Domain, st.booleans(), st.booleans(), st.sampled_from([OURS, THEIRS, GONE])),
    ),
    st.lists(names, unique=True),
    st.lists(volumes, unique=True),
    st.dictionaries(st.sampled_from(["lab-lab", "lab-mgmt"]), st.booleans()),
    st.lists(volumes.filter(lambda name: name.startswith("box")), max_size=1),
)


def performed(found, tasks):
    """What there is afterwards, by libvirt's rules: a task on nothing is an error."""
    domains, notes, volumes = dict(found.domains), set(found.notes), set(found.volumes)
    networks, half = dict(found.networks), set(found.half)
    for task in tasks:
        if task.act is Removal.MACHINE:
            del domains[task.name]
        elif task.act is Removal.NOTES:
            notes.remove(task.name)
        elif task.act is Removal.VOLUME:
            machine = task.name.removeprefix("lab_").removesuffix(".img")
            assert machine not in domains, "a disk went before its machine"
            volumes.remove(task.name)
            half.discard(task.name)
        else:
            del networks[task.name]
    return Inventory(domains, notes, volumes, networks, half)


@given(inventories)
def test_after_one_pass_nothing_is_left_over_and_what_belongs_here_is_untouched(found):
    after = performed(found, left_over(found, LAB))
    assert left_over(after, LAB) == ()
    ours = {n for n, d in found.domains.items() if d.known and n in LAB.machines}
    assert ours | foreign(found, LAB).keys() <= after.domains.keys()
    assert {"other_api.img", "disk.qcow2"} & set(found.volumes) <= set(after.volumes)


@given(inventories)
def test_after_everything_there_is_nothing_but_images_and_what_is_not_ours(found):
    after = performed(found, everything(found, LAB))
    assert not after.domains
    assert not after.notes
    assert not after.networks
    assert not {v for v in after.volumes if v.startswith("lab_")}
    assert {"other_api.img", "disk.qcow2"} & set(found.volumes) <= set(after.volumes)


@pytest.fixture
def lab(lab):
    return lab._replace(lab=fake_libvirt.NAME)


@pytest.fixture
def libvirt(monkeypatch, tmp_path):
    fake = FakeLibvirt()
    fake.install(monkeypatch, tmp_path)
    return fake


def test_what_a_killed_run_left_is_found_in_libvirt_and_done_away_with(lab, libvirt):
    libvirt.domains = {"fakelab_api": "running", "fakelab_node1": "shut off", "other": "running"}
    libvirt.makers = {"fakelab_node1": paths.ROOT / "Vagrantfile"}
    libvirt.volumes = {"fakelab_api.img", "fakelab_node1.img", "fakelab_node2.img", "x.img"}
    libvirt.networks = {"fakelab-lab", "default"}
    libvirt.active = {"fakelab-lab"}
    for name in ("api", "node2"):
        notes = paths.ROOT / ".vagrant/machines" / name / "libvirt"
        notes.mkdir(parents=True)
        (notes / "id").write_text(f"uuid-of-fakelab_{name}")
    place = inventory.ours(lab)
    found = place.look()
    said: list[str] = []
    place.perform(left_over(found, place.lab(found)), said.append)
    assert set(libvirt.domains) == {"fakelab_api", "other"}
    assert libvirt.volumes == {"fakelab_api.img", "x.img"}
    assert libvirt.networks == {"default"}
    assert said == [
        f"delete machine node1: {KILLED}",
        f"forget what Vagrant knows of machine node2: {NO_MACHINE}",
        f"delete volume fakelab_node1.img: {NO_MACHINE}",
        f"delete volume fakelab_node2.img: {NO_MACHINE}",
        f"delete network fakelab-lab: {FOREIGN}",
    ]
    again = place.look()
    assert left_over(again, place.lab(again)) == ()
    assert place.clear() == ["api"]
    assert set(libvirt.domains) == {"other"}
    assert libvirt.volumes == {"x.img"}


def test_an_upload_that_was_killed_is_begun_again(lab, libvirt, monkeypatch, tmp_path):
    name = boxes.image(NAME, "0.1.1")
    monkeypatch.setattr(boxes, "run", lambda words: '{"virtual-size": 1}')

    def killed(*words, timeout_s=60):
        """As kill -9 leaves it: the volume is there, and no clause of ours has run."""
        if words[0] == "vol-create-as":
            libvirt.volumes.add(name)
            (tmp_path / "note").write_text(boxes._uploading().read_text())
            return ""
        return libvirt.virsh(*words) if words[0] != "vol-upload" else ""

    monkeypatch.setattr(boxes, "virsh", killed)
    boxes.ensure_volume(name, tmp_path / "box.img")
    assert boxes.half_uploaded() == ()
    boxes._uploading().write_text((tmp_path / "note").read_text())
    place = inventory.ours(lab)
    found = place.look()
    (task,) = left_over(found, place.lab(found, [name]))
    assert task == Leftover(Removal.VOLUME, name, leftovers.HALF)
    place.perform([task], print)
    assert libvirt.volumes == set()
    assert boxes.half_uploaded() == ()
