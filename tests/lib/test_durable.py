import errno
import os
import stat
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.lib.durable import DamagedFile, DurableFile, Loaded, UnwritableFile
from tests.serving import ROOT
from tests.waiting import wait_for


@pytest.fixture
def file(tmp_path):
    return DurableFile(str(tmp_path / "doc.json"))


def spoil(path, how):
    """Damage the file at `path` as disks, crashes and hands do."""
    file = Path(path)
    file.write_bytes(how(file.read_bytes()))


def checked(body):
    """`body` behind the checksum that fits it, as another program may have written it."""
    return b"crc32 %08x\n" % zlib.crc32(body) + body


DAMAGE = [
    pytest.param(lambda content: b"", id="empty"),
    pytest.param(lambda content: content[:-3], id="cut short"),
    pytest.param(lambda content: content.replace(b"2", b"3"), id="one character changed"),
    pytest.param(lambda content: content + content, id="written twice"),
    pytest.param(lambda content: b"\xff\xfe" * 40, id="not text"),
    pytest.param(lambda content: content.partition(b"\n")[2], id="without its checksum"),
    pytest.param(lambda content: checked(b"[" * 100_000), id="nested, with its checksum"),
    pytest.param(lambda content: checked(b'{"n": 1e999}'), id="no number, with its checksum"),
    pytest.param(lambda content: checked(b'"\xff"'), id="no text, with its checksum"),
]


def test_nothing_there_is_no_problem(file):
    assert file.load() == Loaded(None)


def test_what_was_saved_last_is_loaded(file):
    file.save({"n": 1})
    file.save({"n": 2})
    assert file.load() == Loaded({"n": 2})


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_file_gives_way_to_the_generation_before_and_says_so(file, how):
    file.save({"n": 1})
    file.save({"n": 2})
    spoil(file.path, how)
    loaded = file.load()
    assert loaded.document == {"n": 1}
    assert file.path in loaded.problem
    assert "generation before" in loaded.problem


def test_a_missing_file_does_so_too(file):
    file.save({"n": 1})
    file.save({"n": 2})
    Path(file.path).unlink()
    assert file.load().document == {"n": 1}
    assert "missing" in file.load().problem


def test_a_save_after_damage_keeps_the_good_generation(file):
    file.save({"n": 1})
    file.save({"n": 2})
    spoil(file.path, lambda content: content[:9])
    file.load()
    file.save({"n": 4})
    spoil(file.path, lambda content: b"")
    assert file.load().document in ({"n": 1}, {"n": 4})


@pytest.mark.parametrize("how", DAMAGE)
def test_both_generations_damaged_is_an_error_with_a_way_out(file, how):
    file.save({"n": 2})
    file.save({"n": 22})
    spoil(file.path, how)
    spoil(file.previous, how)
    with pytest.raises(DamagedFile) as caught:
        file.load()
    assert file.path in caught.value.hint


def test_a_first_save_that_is_damaged_is_not_taken_for_nothing(file):
    file.save({"n": 2})
    spoil(file.path, lambda content: content[:9])
    with pytest.raises(DamagedFile):
        file.load()


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to(path)])
def test_what_cannot_be_read_at_all_is_an_error_with_a_way_out(file, make):
    make(Path(file.path))
    with pytest.raises(DamagedFile, match="cannot be read") as caught:
        file.load()
    assert file.path in caught.value.hint


def test_a_folder_that_is_gone_is_an_error_with_a_hint(tmp_path):
    with pytest.raises(UnwritableFile) as caught:
        DurableFile(str(tmp_path / "gone" / "doc.json")).save(1)
    assert caught.value.hint


def test_a_full_disk_leaves_the_old_document(file):
    file.save({"n": 1})
    Path(f"{file.path}.new").symlink_to("/dev/full")
    with pytest.raises(UnwritableFile, match="No space left"):
        file.save({"n": 2})
    assert file.load() == Loaded({"n": 1})


def test_damage_that_cannot_be_moved_away_hides_nothing_and_is_not_kept(file, monkeypatch):
    file.save({"n": 1})
    file.save({"n": 2})
    spoil(file.path, lambda content: b"")

    def refuse(*_):
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", refuse)
        loaded = file.load()
    assert loaded.document == {"n": 1}
    assert "cannot be moved away: Read-only file system" in loaded.problem
    file.save({"n": 3})
    spoil(file.path, lambda content: b"")
    assert DurableFile(file.path).load().document == {"n": 1}


def test_a_name_that_may_not_survive_a_power_cut_is_an_error_and_the_next_save_is_whole(
    file, monkeypatch
):
    real = os.fsync

    def fail_for_folders(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EIO, "Input/output error")
        real(handle)

    file.save({"n": 1})
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail_for_folders)
        with pytest.raises(UnwritableFile, match="Input/output error"):
            file.save({"n": 2})
    assert file.load() == Loaded({"n": 2})
    file.save({"n": 3})
    assert file.load() == Loaded({"n": 3})


def test_content_reaches_the_disk_before_its_name_and_its_name_before_the_answer(file, monkeypatch):
    done = []

    def watch(name):
        real = getattr(os, name)

        def watched(*args):
            done.append("fsync of " + Path(f"/proc/self/fd/{args[0]}").readlink().name
                        if name == "fsync" else f"{name} to {Path(args[1]).name}")  # fmt: skip
            return real(*args)

        monkeypatch.setattr(os, name, watched)

    file.save(1)
    watch("fsync")
    watch("link")
    watch("replace")
    file.save(2)
    folder = Path(file.path).parent.name
    assert done == [
        "fsync of doc.json.new",
        "link to doc.json.previous",
        "replace to doc.json",
        f"fsync of {folder}",
    ]


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
@settings(max_examples=50)
def test_any_json_survives(tmp_path_factory, document):
    file = DurableFile(str(tmp_path_factory.mktemp("durable") / "doc.json"))
    file.save(document)
    assert file.load() == Loaded(document)


WRITER = """
import itertools, sys
from services.lib.durable import DurableFile
file = DurableFile(sys.argv[1])
for n in itertools.count(1):
    file.save({"n": n, "rest": "x" * 20_000})
    print(n, flush=True)
"""


@pytest.mark.parametrize("_round", range(5))
def test_killed_while_writing_it_has_everything_it_acknowledged(file, tmp_path, _round):
    said = tmp_path / "said"
    with said.open("w") as out:
        writer = subprocess.Popen([sys.executable, "-c", WRITER, file.path], cwd=ROOT, stdout=out)
        try:
            wait_for(lambda: said.read_text().count("\n") > 3, "some writes", timeout_s=20)
            time.sleep(0.003 * _round)  # any moment will do; each round another one
        finally:
            writer.kill()
            writer.wait()
    acknowledged = int(said.read_text().split("\n")[-2])
    assert file.load().document["n"] >= acknowledged
