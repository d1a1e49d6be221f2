"""Two computers in folders: where a bundle is made, and where it goes."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from lab.bundle import contents as content
from lab.bundle import pack, unpack
from lab.snapshot import state, store
from lab.terminal.progress import Progress
from provisioning.box import build as box_build
from provisioning.box import manifest
from provisioning.host import wheels
from tests.snapshot.test_store import saved

BOX = box_build.wanted().key
OLDER = "0123456789abcdef"


class Computer:
    """A cache and a checkout's chapters, below one folder."""

    def __init__(self, folder, monkeypatch):
        self.folder = folder
        self.cache = folder / "cache"
        self.chapters = folder / "chapters"
        self._patch = monkeypatch
        folder.mkdir()

    def sit_down(self):
        """From now on this is the computer that commands run on."""
        self._patch.setenv("LAB_CACHE", str(self.cache))
        self._patch.setattr(store, "CHAPTERS", self.chapters)
        return self

    def add_box(self, key=BOX):
        folder = self.cache / f"box-{key}"
        folder.mkdir(parents=True)
        (folder / "pushpull-lab.box").write_bytes(b"box" + key.encode())
        (folder / "more").mkdir()
        (folder / "more/notes.txt").write_text("notes")
        (folder / "catalog.json").write_text(str(folder))
        manifest.write(manifest.Manifest("", {}, {}, {}, {}), folder)

    def add_wheels(self):
        folder = wheels.folder(wheels.key())
        folder.mkdir(parents=True)
        (folder / "click-8.1.0-py3-none-any.whl").write_bytes(b"wheel")

    def add_chapter(self, name, memory=b"memory", box=BOX):
        kept = store.chapters()
        with kept.making(name) as folder:
            (folder / "api.memory").write_bytes(memory)
            (folder / "api.qcow2").write_bytes(b"disk")
            made = saved(store.digests(folder))._replace(box=box)
            state.write(folder, made)
        # As libvirt's wishes of a thaw from another checkout: not part of what was saved.
        (self.chapters / name / "api.xml").write_text("<domain/>")

    def export(self, *chapters, force=False, with_wheels=True, name="bundle.tar"):
        file = self.folder / name
        pack.export(file, chapters, Progress(), force=force, with_wheels=with_wheels)
        return file

    def bring_in(self, file, force=False):
        said = io.StringIO()
        unpack.bring_in(file, Progress(said), force=force)
        return said.getvalue()

    def tree(self):
        """Every file with its bytes: what must be unchanged after a refusal."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
        }


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A computer with a box, wheels and the chapters `one` and `two`."""
    computer = Computer(tmp_path / "home", monkeypatch).sit_down()
    computer.add_box()
    computer.add_wheels()
    computer.add_chapter("one")
    computer.add_chapter("two", b"\0" * 3 * 1024 * 1024 + b"end")
    return computer


@pytest.fixture
def plane(tmp_path, monkeypatch):
    """A computer with nothing on it; `sit_down` before it is used."""
    return Computer(tmp_path / "plane", monkeypatch)


def rewrite(source: Path, target: Path, change) -> Path:
    """Copy a bundle; change: (TarInfo, bytes) -> a list of those to write in its place."""
    with tarfile.open(source) as old, tarfile.open(target, "w") as new:
        for info in old:
            stream = old.extractfile(info)
            data = stream.read() if stream else b""
            for one, text in change(info, data):
                new.addfile(one, io.BytesIO(text))
    return target


def told(data: bytes, **changes) -> bytes:
    """A bundle.json that says something else, and is honest about its digest."""
    fields = json.loads(data)
    fields.pop("digest")
    fields |= changes
    return (json.dumps(fields | {"digest": content._digest(fields)}) + "\n").encode()
