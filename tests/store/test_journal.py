"""Lines and journals on the real file system."""

import os
import resource
import stat
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.store.files import REAL_FILES
from services.store.journal import Change, Damage, Journal, apply, decode, encode, parse
from services.store.journal import encode_change as line_of

rows = st.dictionaries(st.text(), st.none() | st.dictionaries(st.text(), st.text() | st.booleans()))


@given(st.integers(1), st.dictionaries(st.text(), rows))
def test_a_change_is_one_line_of_plain_text_and_is_read_as_it_was_written(number, changes):
    line = line_of(number, changes)
    assert line.count(b"\n") == 1
    assert line.isascii()
    assert list(parse(line)) == [Change(number, changes, len(line))]


def test_every_flipped_bit_of_a_line_is_noticed():
    line = encode({"n": 1, "rows": {"t": {"a": None}}})
    for at in range(len(line)):
        for bit in range(8):
            flipped = line[:at] + bytes([line[at] ^ 1 << bit]) + line[at + 1 :]
            with pytest.raises(ValueError, match="torn or damaged"):
                decode(flipped)
            assert {type(item) for item in parse(flipped)} == {Damage}
            assert sum(item.size for item in parse(flipped)) == len(line)


@pytest.mark.parametrize("document", [1, [], {}, {"n": 1}, {"rows": {}}])
def test_a_whole_line_that_is_no_change_is_damage(document):
    line = encode(document)
    assert list(parse(line)) == [Damage(len(line))]


def test_applying_puts_and_removes_rows():
    tables = {"t": {"a": {"n": 1}, "b": {}}}
    apply({"t": {"a": None, "c": {}}, "u": {"x": None}}, tables)
    assert tables == {"t": {"b": {}, "c": {}}, "u": {}}


@pytest.fixture
def journal(tmp_path):
    made = Journal(REAL_FILES, tmp_path / "journal")
    yield made
    made.close()


@contextmanager
def files_no_larger_than(size):
    """A real write that stops in the middle; Python ignores the signal that comes with it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_write_that_stops_in_the_middle_is_taken_back_on_a_real_disk(journal):
    journal.append(b"one\n")
    with files_no_larger_than(6), pytest.raises(OSError, match="too large"):
        journal.append(b"twotwotwo\n")
    assert journal.usable
    assert journal.path.read_bytes() == b"one\n"
    journal.append(b"three\n")
    assert journal.path.read_bytes() == b"one\nthree\n"
    assert journal.size == len(b"one\nthree\n")


def test_a_short_write_is_continued(journal, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: real(handle, data[:2]))
    journal.append(b"one two three\n")
    assert journal.path.read_bytes() == b"one two three\n"


def test_lines_are_synced_after_they_are_written_and_names_with_their_directory(
    journal, tmp_path, monkeypatch
):
    done = []

    def watch(name):
        real = getattr(os, name)

        def watched(handle, *rest):
            mode = os.fstat(handle).st_mode
            done.append(f"{name} {'directory' if stat.S_ISDIR(mode) else 'file'}")
            return real(handle, *rest)

        monkeypatch.setattr(os, name, watched)

    for name in ("write", "fdatasync", "fsync"):
        watch(name)
    journal.append(b"one\n")
    REAL_FILES.sync_directory(tmp_path)
    assert done == ["write file", "fdatasync file", "fsync directory"]


def test_a_file_that_exists_is_not_taken_for_a_new_journal(journal):
    with pytest.raises(FileExistsError):
        Journal(REAL_FILES, journal.path)


def test_only_the_owner_may_read_it(journal):
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600
