"""There and back: what is exported is what is imported, and nothing else."""

import tarfile

import pytest

from lab.bundle import archive, pack, unpack
from lab.snapshot import state, store
from lab.snapshot.state import Damaged
from lab.terminal.progress import Progress
from provisioning.box import manifest
from provisioning.host import wheels
from services.core.errors import LabError
from tests.bundle.conftest import BOX, OLDER


def test_what_was_exported_is_there_after_the_import(home, plane):
    file = home.export("one", "two")
    plane.sit_down().bring_in(file)
    for name in ("one", "two"):
        store.verify(store.chapters().path(name))
    packed = {name: data for name, data in home.tree().items() if name != "bundle.tar"}
    local = {"chapters/one/api.xml", "chapters/two/api.xml", f"cache/box-{BOX}/catalog.json"}
    assert plane.tree() == {name: data for name, data in packed.items() if name not in local}


def test_a_second_import_changes_nothing_and_says_so(home, plane):
    file = home.export("one")
    plane.sit_down().bring_in(file)
    before = plane.tree()
    said = plane.bring_in(file)
    assert f"box {BOX}: here already" in said
    assert "wheels: here already" in said
    assert "chapter one: here already" in said
    assert plane.tree() == before


def test_equal_things_make_equal_bundles_with_what_they_say_of_themselves_first(home):
    one, two = home.export("one"), home.export("one", name="again.tar")
    assert one.read_bytes() == two.read_bytes()
    with tarfile.open(one) as tar:
        names = tar.getnames()
        assert {info.mtime for info in tar} == {0}
    assert names[0] == "bundle.json"
    assert names[1].startswith(f"boxes/{BOX}/")
    order = ["boxes", "wheels", "chapters"]
    tops = [name.split("/")[0] for name in names[1:]]
    assert tops == sorted(tops, key=order.index)


def test_with_a_chapter_travels_the_box_that_it_stands_on(home, plane):
    home.add_box(OLDER)
    home.add_chapter("older", box=OLDER)
    file = home.export("older")
    plane.sit_down().bring_in(file)
    assert (plane.cache / f"box-{OLDER}/manifest.json").exists()
    assert (plane.cache / f"box-{BOX}/manifest.json").exists()


def test_a_bundle_with_keys_in_it_is_for_its_owner_alone(home):
    assert home.export("one").stat().st_mode & 0o077 == 0
    plain = home.export(name="plain.tar")
    assert plain.stat().st_mode & 0o044


def test_chapters_are_for_their_owner_alone_after_an_import(home, plane):
    file = home.export("one")
    plane.sit_down().bring_in(file)
    for path in (plane.chapters, plane.chapters / "one", *(plane.chapters / "one").iterdir()):
        assert path.stat().st_mode & 0o077 == 0


def test_holes_stay_holes(home, plane):
    file = home.export("two")
    plane.sit_down().bring_in(file)
    memory = plane.chapters / "two/api.memory"
    assert memory.read_bytes() == b"\0" * 3 * 1024 * 1024 + b"end"
    assert memory.stat().st_blocks * 512 < 1024 * 1024


def test_a_chapter_that_is_here_is_replaced_only_by_force(home, plane):
    file = home.export("one")
    plane.sit_down().add_chapter("one", b"mine")
    before = plane.tree()
    with pytest.raises(LabError, match="'one'") as raised:
        plane.bring_in(file)
    assert "--force" in raised.value.hint
    assert plane.tree() == before
    plane.bring_in(file, force=True)
    assert (plane.chapters / "one/api.memory").read_bytes() == b"memory"


def test_a_chapter_without_its_box_is_refused(home, plane, monkeypatch):
    monkeypatch.setattr(pack, "_box", lambda key: [])
    file = home.export("one")
    plane.sit_down()
    with pytest.raises(LabError, match=BOX):
        plane.bring_in(file)
    assert plane.tree() == {}
    plane.add_box()
    plane.bring_in(file)
    assert store.chapters().names() == ["one"]


def test_a_damaged_chapter_is_not_packed(home):
    (home.chapters / "one/api.memory").write_bytes(b"memorY")
    with pytest.raises(Damaged, match=r"api\.memory has changed"):
        home.export("one")
    assert not list(home.folder.glob("bundle.tar*"))


def test_a_damaged_box_is_not_packed(home):
    parts = {"pushpull-lab.box": {"sha256": "00"}}
    manifest.write(manifest.Manifest("", parts, {}, {}, {}), home.cache / f"box-{BOX}")
    with pytest.raises(LabError, match=r"pushpull-lab\.box has changed"):
        home.export()


def test_without_a_box_there_is_nothing_to_pack(plane):
    plane.sit_down()
    with pytest.raises(LabError) as raised:
        plane.export(with_wheels=False)
    assert raised.value.hint == "lab box build"


def test_a_bundle_that_exists_is_replaced_only_by_force(home):
    file = home.export("one")
    with pytest.raises(LabError, match="exists"):
        home.export()
    home.export(force=True)
    with archive.opened(file) as bundle:
        assert bundle.contents.chapters == ()


def test_an_export_that_fails_leaves_the_older_file_and_nothing_else(home, monkeypatch):
    file = home.export("one")
    before = file.read_bytes()
    monkeypatch.setattr(archive, "write", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        home.export("one", force=True)
    assert file.read_bytes() == before
    assert [path.name for path in home.folder.glob("bundle*")] == ["bundle.tar"]


def test_a_file_that_changes_while_it_is_packed_is_noticed(home, monkeypatch):
    honest = pack._part
    monkeypatch.setattr(pack, "_part", lambda name, path: honest(name, path)._replace(
        member=honest(name, path).member._replace(sha256="0" * 64)
    ))  # fmt: skip
    with pytest.raises(LabError, match="changed while it was packed"):
        home.export()


@pytest.mark.parametrize("way", ["export", "import"])
def test_a_full_disk_is_said_before_anything_is_written(home, plane, monkeypatch, way):
    file = home.export("one")
    free = type("Usage", (), {"free": 10})
    module = pack if way == "export" else unpack
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: free)
    plane.sit_down()
    with pytest.raises(LabError, match="0 MiB free, and 1 MiB are needed"):
        plane.bring_in(file) if way == "import" else home.sit_down().export("one", name="more.tar")
    assert plane.tree() == {}
    assert not list(home.folder.glob("more.tar*"))


def test_wheels_alone_are_taken_before_there_is_an_environment(home, plane):
    file = home.export("one")
    plane.sit_down()
    folder = unpack.bring_wheels(file, Progress())
    assert folder == wheels.folder(wheels.key())
    assert [path.read_bytes() for path in folder.iterdir()] == [b"wheel"]
    assert list(plane.tree()) == [f"cache/wheels/{wheels.key()}/click-8.1.0-py3-none-any.whl"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda m: m.setattr(wheels, "python", lambda: "cp39-linux-riscv64"), "cp39-linux-riscv64"),
        (lambda m: m.setattr(wheels, "key", lambda: "0" * 16), "another requirements.lock"),
    ],
    ids=["another Python", "another lock"],
)
def test_wheels_that_do_not_fit_are_refused(home, plane, monkeypatch, change, problem):
    file = home.export()
    change(monkeypatch)
    if problem.startswith("cp39"):
        monkeypatch.setattr(wheels, "key", lambda: "0" * 16)
    plane.sit_down()
    with pytest.raises(LabError, match=problem):
        unpack.bring_wheels(file, Progress())
    assert "wheels: not those of this checkout" in plane.bring_in(file)
    assert not (plane.cache / "wheels").exists()


def test_a_bundle_without_wheels_says_so(home, plane):
    file = home.export(with_wheels=False)
    plane.sit_down()
    with pytest.raises(LabError, match="no wheels"):
        unpack.bring_wheels(file, Progress())


def test_what_a_killed_import_left_goes_with_the_next(home, plane):
    file = home.export("one")
    plane.sit_down()
    for left in (plane.cache / ".import/boxes", plane.chapters / ".import/one"):
        left.mkdir(parents=True)
        (left / "half").write_bytes(b"half")
    assert store.chapters().names() == []
    plane.bring_in(file)
    assert not any(path.name.startswith(".") for path in plane.folder.rglob("*"))
    state.read(plane.chapters / "one")


def test_an_import_that_was_killed_between_two_names_is_finished_by_the_next(home, plane):
    file = home.export("one", "two")
    plane.sit_down()
    renamed = store.Store.delete

    def killed(self, name):
        if name == "two":
            raise KeyboardInterrupt
        return renamed(self, name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store.Store, "delete", killed)
        with pytest.raises(KeyboardInterrupt):
            plane.bring_in(file)
    assert store.chapters().names() == ["one"]
    plane.bring_in(file)
    assert store.chapters().names() == ["one", "two"]
