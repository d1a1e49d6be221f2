"""What may become of the files: every byte torn or flipped; deleted, replaced, or not ours."""

import errno
import os
import shutil

import pytest

from services.core.errors import LabError
from services.state import EmbeddedKeys, Unavailable, recovery, storage
from services.state.keys import Conflict


def filled(folder, commits=6):
    """A store that was killed after so many commits: key n, and a counter."""
    folder.mkdir()
    keys = EmbeddedKeys(folder)
    for n in range(commits):
        keys.commit({}, {f"n/{n}": {"is": n}, "counter": {"is": n}})
    return keys


def content(keys):
    return {item.key: item.value["is"] for item in keys.read("").items}


def after(commits):
    """What a store has after so many of the commits of `filled`."""
    found = {f"n/{n}": n for n in range(commits)}
    return found | ({"counter": commits - 1} if commits else {})


def newest(folder):
    return max(folder.glob("state-????????"))


def damaged(tmp_path, name, change):
    """The content of a copy whose newest file is `change(its bytes)`, and the opened store."""
    folder = tmp_path / name
    shutil.copytree(tmp_path / "store", folder)
    file = newest(folder)
    file.write_bytes(change(file.read_bytes()))
    keys = EmbeddedKeys(folder)
    keys.close()
    again = EmbeddedKeys(folder)
    found = content(again)
    again.close()
    shutil.rmtree(folder)
    return found, keys


@pytest.fixture(autouse=True)
def no_sync(monkeypatch):
    """What is damaged here is no machine, so nothing need get further than the kernel."""
    monkeypatch.setattr("os.fdatasync", lambda handle: None, raising=False)
    monkeypatch.setattr("os.fsync", lambda handle: None)


def test_a_file_that_is_torn_at_any_byte_keeps_every_commit_before_it(tmp_path):
    filled(tmp_path / "store")
    whole = newest(tmp_path / "store").read_bytes()
    head = whole.index(b"\n") + 1
    for size in range(head, len(whole)):
        found, keys = damaged(tmp_path, f"torn{size}", lambda text, size=size: text[:size])
        kept = whole[:size].count(b"\n") - 1
        assert found == after(kept), size
        at_a_line = whole[:size].endswith(b"\n")
        assert bool(keys.problem) == keys.lost == (not at_a_line)


def test_a_bit_that_is_flipped_at_any_byte_is_noticed_and_nothing_before_it_is_lost(tmp_path):
    store = filled(tmp_path / "store")
    store.close()
    # A second generation, so that its rows can be damaged, too.
    again = EmbeddedKeys(tmp_path / "store")
    again.commit({}, {"n/6": {"is": 6}, "counter": {"is": 6}})
    whole = newest(tmp_path / "store").read_bytes()
    rows = sum(map(len, whole.splitlines(keepends=True)[: 1 + len(after(6)) + 1]))
    for place in range(len(whole)):

        def flip(text, place=place):
            return text[:place] + bytes([text[place] ^ 1]) + text[place + 1 :]

        found, keys = damaged(tmp_path, f"flip{place}", flip)
        # Rows that are damaged are those of the generation before, with all commits since; but
        # the end of the last one is the beginning of a commit, too.
        assert found == after(7 if place < rows - 1 else 6), place
        assert keys.problem


@pytest.mark.parametrize("what", ["deleted", "replaced", "moved"])
def test_a_file_that_is_taken_away_is_noticed_before_the_next_acknowledgement(tmp_path, what):
    folder = tmp_path / "store"
    keys = filled(folder)
    file = newest(folder)
    if what == "deleted":
        file.unlink()
    elif what == "replaced":
        shutil.copy(file, tmp_path / "other")
        (tmp_path / "other").replace(file)
    else:
        file.rename(tmp_path / "elsewhere")
    keys.commit({}, {"n/6": {"is": 6}, "counter": {"is": 6}})
    assert content(EmbeddedKeys(folder)) == after(7)


def test_a_folder_that_is_taken_away_ends_writes_and_its_return_mends_them(tmp_path):
    folder = tmp_path / "store"
    keys = filled(folder)
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(Unavailable) as caught:
        keys.commit({}, {"n/6": {"is": 6}})
    assert "df -h" in caught.value.hint
    assert keys.trouble
    assert content(keys) == after(6)
    folder.mkdir()
    keys.commit({}, {"n/6": {"is": 6}, "counter": {"is": 6}})
    assert keys.trouble == ""
    assert content(EmbeddedKeys(folder)) == after(7)


@pytest.mark.parametrize("call", ["write", "fdatasync", "open"])
def test_what_cannot_be_written_did_not_happen_and_the_next_commit_may(tmp_path, monkeypatch, call):
    folder = tmp_path / "store"
    keys = filled(folder)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(f"os.{call}", full, raising=False)
        if call == "open":
            newest(folder).unlink()
        # After a sync that failed, the next commit begins another file.
        for _ in range(1 if call == "fdatasync" else 3):
            with pytest.raises(Unavailable, match="No space left"):
                keys.commit({}, {"n/6": {"is": 6}})
            assert content(keys) == after(6)
    keys.commit({}, {"n/6": {"is": 6}, "counter": {"is": 6}})
    assert content(EmbeddedKeys(folder)) == after(7)


def test_generations_follow_each_other_and_only_one_spare_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "SMALLEST_LIMIT_BYTES", 100)
    keys = filled(tmp_path / "store", 60)
    assert keys.stats()["generations"] > 3
    assert len(list((tmp_path / "store").iterdir())) == 2
    assert content(EmbeddedKeys(tmp_path / "store")) == after(60)


def test_the_file_of_another_format_is_refused_and_stays(tmp_path):
    keys = filled(tmp_path / "store")
    keys.close()
    file = newest(tmp_path / "store")
    for each in (tmp_path / "store").iterdir():
        each.write_bytes(recovery.encode({"format": 1, "n": 0, "rows": 0}))
    with pytest.raises(LabError, match="another version"):
        EmbeddedKeys(tmp_path / "store")
    assert recovery.decode(file.read_bytes())["format"] == 1


def test_a_commit_that_a_batch_overtook_is_a_conflict(tmp_path):
    keys = filled(tmp_path / "store")
    before = keys.read("counter").items[0].revision
    keys.commit({"counter": before}, {"counter": {"is": 7}})
    with pytest.raises(Conflict):
        keys.commit({"counter": before}, {"counter": {"is": 8}})
    with pytest.raises(Conflict):
        keys.commit({"counter": 0}, {"counter": {"is": 8}})
