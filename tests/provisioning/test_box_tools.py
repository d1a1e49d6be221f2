"""The tools of the lock: unpacked once, and run with their own libraries and settings."""

import subprocess
from pathlib import Path

import pytest

from provisioning.box import lockfile, tools
from provisioning.box.archive import debs
from provisioning.box.lockfile import Deb, Lock
from provisioning.box.tools import Tools
from provisioning.run import ToolFailed

# In place of the dynamic linker: says how it was called.
LINKER = """#!/bin/sh
echo "$MKE2FS_CONFIG $*"
"""


@pytest.fixture
def root(tmp_path):
    """An unpacked root with one program, and a linker that only says how it was called."""
    for name in ("usr/sbin/mke2fs", "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"):
        file = tmp_path / "root" / name
        file.parent.mkdir(parents=True)
        file.write_text(LINKER)
        file.chmod(0o755)
    return tmp_path / "root"


def test_a_tool_is_started_with_the_linker_libraries_and_settings_of_its_root(root):
    said = Tools(root).run(["mke2fs", "-V"], env={"A": "b"})
    library = f"--library-path {root}/usr/lib/x86_64-linux-gnu"
    assert said == f"{root}/etc/mke2fs.conf {library} {root}/usr/sbin/mke2fs -V\n"


def test_a_tool_that_its_root_lacks_is_an_error_and_never_the_hosts():
    with pytest.raises(ToolFailed):
        Tools(Path("/")).run(["no-such-tool"])


def test_packages_are_unpacked_once_under_the_key_of_their_lock(tmp_path, monkeypatch):
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    tree = tmp_path / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "usr/bin").mkdir(parents=True)
    (tree / "usr/bin/tool").write_text("text")
    fields = {"Package": "tool", "Version": "1", "Architecture": "all", "Maintainer": "N <n@n>"}
    control = "".join(f"{field}: {value}\n" for field, value in fields.items())
    (tree / "DEBIAN/control").write_text(f"{control}Description: a tool\n")
    deb = Deb("tool", "1", "ab" * 32)
    debs.path(deb).parent.mkdir(parents=True)
    subprocess.run(["dpkg-deb", "--build", tree, debs.path(deb)], check=True, capture_output=True)
    monkeypatch.setattr(debs, "ready", lambda *_: None)
    said: list[str] = []
    lock = Lock("", (deb,))
    first = tools.ready(lock, said.append)
    assert (first.root / "usr/bin/tool").read_text() == "text"
    assert tools.ready(lock, said.append) == first
    assert said == ["tools: unpack 1 packages"]
    assert tools.path(lock) != tools.path(Lock("", (deb._replace(sha256="cd" * 32),)))


def test_the_lock_has_the_tools_that_shape_a_box_and_not_a_whole_debian():
    names = {deb.name for deb in lockfile.current(lockfile.TOOLS).debs}
    assert {"e2fsprogs", "qemu-utils", "tar", "libzstd1", "libc6"} <= names
    assert "dpkg" not in names
