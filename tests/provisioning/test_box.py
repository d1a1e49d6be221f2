"""The parts of the box that need neither root nor Debian's mirror."""

import hashlib
import io
import os
import re
import tarfile
from pathlib import Path

import pytest

from provisioning.box import build, ext4, initrd, lockfile
from provisioning.box.tools import Tools
from provisioning.guest import source

HOST = Tools(Path("/"))


def _root(folder):
    """An unpacked guest as far as the initrd looks at one."""
    modules = folder / "usr/lib/modules/6.12"
    modules.mkdir(parents=True)
    (modules / "modules.dep").write_text(
        "kernel/net/virtio_net.ko: kernel/net/failover.ko kernel/core/virtio.ko\n"
        "kernel/net/failover.ko: kernel/core/virtio.ko\n"
        "kernel/core/virtio.ko:\n"
    )
    (modules / "modules.builtin").write_text("kernel/core/ext4.ko\n")
    for name in ("net/virtio_net", "net/failover", "core/virtio"):
        path = modules / f"kernel/{name}.ko"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    init = folder / "usr/lib/tiny/init-static"
    init.parent.mkdir(parents=True)
    init.write_bytes(b"init")
    return folder


def test_an_initrd_loads_what_a_module_needs_before_it_and_leaves_out_what_is_built_in(tmp_path):
    image = initrd.build(_root(tmp_path), ["virtio_net", "ext4"])
    assert b"/virtio.ko\n/failover.ko\n/virtio_net.ko\n" in image
    assert b"ext4" not in image


def test_equal_inputs_give_equal_bytes_wherever_and_whenever(tmp_path):
    first, second = _root(tmp_path / "a"), _root(tmp_path / "b")
    os.utime(second / "usr/lib/tiny/init-static", (1, 1))
    assert initrd.build(first, ["virtio_net"]) == initrd.build(second, ["virtio_net"])


def test_a_module_that_is_not_there_is_no_silent_omission(tmp_path):
    with pytest.raises(KeyError):
        initrd.build(_root(tmp_path), ["virtio_blk"])


def test_members_of_an_initrd_are_aligned_and_end(tmp_path):
    image = initrd.build(_root(tmp_path), ["virtio_net"])
    at = [found.start() for found in re.finditer(b"070701", image)]
    assert len(at) == 3 + 1 + 3 + 2, "folders, init, modules, their list, the end"
    assert {offset % 4 for offset in at} == {0}
    assert image.rstrip(b"\0").endswith(b"TRAILER!!!")


def test_a_file_system_is_the_same_bit_for_bit_from_two_folders_at_two_times(tmp_path):
    digests = []
    for name, when in (("a", 100), ("b", 2_000_000)):
        tree = tmp_path / name
        (tree / "etc").mkdir(parents=True)
        (tree / "etc/hosts").write_text("127.0.0.1 localhost\n")
        (tree / "link").symlink_to("etc/hosts")
        for path in (tree / "link", tree / "etc/hosts", tree / "etc", tree):
            # The link's own time is content too: left alone, it is the second it was made in.
            os.utime(path, (1000, 1000), follow_symlinks=False)
        os.utime(tree / "etc/hosts", (when, 1000))
        image = tmp_path / f"{name}.raw"
        ext4.make(tree, image, size_mib=64, epoch_s=1_700_000_000, tools=HOST)
        digests.append(hashlib.sha256(image.read_bytes()).hexdigest())
    assert digests[0] == digests[1]


def test_what_travels_has_no_times_no_owners_and_no_image_recipe():
    with tarfile.open(fileobj=io.BytesIO(source.archive())) as tar:
        members = tar.getmembers()
    names = [member.name for member in members]
    assert "services/agent/tick.py" in names
    assert not [n for n in names if n.startswith(("provisioning/box", "provisioning/host", "lab"))]
    assert {(m.mtime, m.uid, m.gid) for m in members} == {(0, 0, 0)}
    assert {m.mode for m in members} <= {0o644, 0o755}
    assert source.archive() == source.archive()


def test_the_box_does_not_depend_on_the_services_but_on_the_guests_files(monkeypatch, tmp_path):
    def key():
        return build.wanted().key

    before = key()
    real = source.files

    def with_change(prefix):
        changed = tmp_path / prefix.replace("/", "-")
        changed.write_text("changed")
        return lambda: iter(
            (name, changed if name.startswith(prefix) else path) for name, path in real()
        )

    monkeypatch.setattr(source, "files", with_change("services/"))
    assert key() == before
    monkeypatch.setattr(source, "files", with_change("provisioning/guest/masks"))
    assert key() != before


@pytest.mark.parametrize("name", ["GUEST", "TOOLS"])
def test_a_box_of_another_lock_is_another_box(monkeypatch, tmp_path, name):
    before = build.wanted().key
    file = getattr(lockfile, name)
    lock = lockfile.read(file)
    other = lock._replace(debs=(lock.debs[0]._replace(sha256="0" * 64), *lock.debs[1:]))
    lockfile.write(other, tmp_path / file.name)
    (tmp_path / file.name).with_suffix(".txt").write_text(file.with_suffix(".txt").read_text())
    monkeypatch.setattr(lockfile, name, tmp_path / file.name)
    assert build.wanted().key != before


def test_a_version_is_what_vagrant_accepts():
    version = build.wanted().version
    assert [part.isdecimal() for part in version.split(".")] == [True] * 3


def test_the_digest_is_of_code_and_not_of_what_is_read_about_it(tmp_path):
    for name, text in {"services/a.py": "a", "provisioning/b.txt": "b", "README.md": "r"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "LICENSE").write_text("l")
    before, sent = source.digest(tmp_path), source.archive(tmp_path)
    (tmp_path / "README.md").write_text("other words")
    assert source.digest(tmp_path) == before
    assert source.archive(tmp_path) != sent
    for name in ("services/a.py", "provisioning/b.txt"):
        (tmp_path / name).write_text("other code")
        assert source.digest(tmp_path) != before
        before = source.digest(tmp_path)
