"""Bits that flip, and files that go missing."""

import pytest

from services.lib.durable import DamagedFile
from services.store.database import Database
from services.store.recovery import UNKNOWN_BYTES
from tests.store.faulty import FaultyFiles
from tests.store.history import HERE, SCRIPT, Run, put, state_of


@pytest.fixture(scope="module")
def history():
    """The files, and the state after each batch: two in the older journal, four in the newer."""
    run = Run(FaultyFiles())
    run.open()
    states = [run.acknowledged]
    for batch in SCRIPT:
        run.make(batch)
        states.append(run.acknowledged)
        if len(states) == 3:
            run.db._writer.begin()
    return run.files.seen(), states


def name_of(image, kind, which):
    return sorted(name for name in image if name.startswith(kind))[which]


def reopen(image):
    files = FaultyFiles(image)
    return Database(HERE, files=files), files


def test_there_are_two_generations_and_both_have_changes(history):
    image, states = history
    assert len(image) == 4
    assert all(image[name] for name in image)
    assert state_of(reopen(image)[0]) == states[-1]


def flips(content):
    for at in range(len(content)):
        for bit in range(8):
            yield content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :]


def prefixes_of_changes():
    state = [{}]
    run = Run(FaultyFiles())
    run.open()
    for batch in SCRIPT:
        for change in batch:
            run.make([change])
            state.append(run.acknowledged)
    return state


def test_any_flipped_bit_of_the_newest_journal_is_noticed_and_what_was_before_it_is_there(history):
    image, states = history
    name = name_of(image, "journal", -1)
    good = prefixes_of_changes()
    for content in flips(image[name]):
        db, files = reopen(image | {name: content})
        assert state_of(db) in good
        assert state_of(db) != states[-1]
        assert "torn or damaged and dropped" in db.problem
        lost = len(good) - 1 - good.index(state_of(db))
        assert lost < db.lost_bytes <= len(content)
        assert files.seen()[f"{name}.damaged"] == content


def test_any_flipped_bit_of_the_newest_checkpoint_is_noticed_and_nothing_is_lost(history):
    image, states = history
    name = name_of(image, "checkpoint", -1)
    for content in flips(image[name]):
        db, files = reopen(image | {name: content})
        assert state_of(db) == states[-1]
        assert "checkpoint" in db.problem
        assert db.lost_bytes == 0
        assert files.seen()[f"{name}.damaged"] == content
        # And the next damage to the newest is survived as well.
        once_more = files.seen()
        db, _ = reopen(once_more | {newest(once_more, "checkpoint"): b""})
        assert state_of(db) == states[-1]


def test_a_checkpoint_cut_off_or_grown_at_the_end_of_a_line_is_noticed_too(history):
    image, states = history
    name = name_of(image, "checkpoint", -1)
    lines = image[name].splitlines(keepends=True)
    for damaged in (lines[:-1], lines + lines[-1:], lines[:1]):
        db, _ = reopen(image | {name: b"".join(damaged)})
        assert state_of(db) == states[-1]
        assert "rows of" in db.problem


@pytest.mark.parametrize("kind", ["checkpoint", "journal"])
def test_the_spare_generation_may_be_damaged_without_harm(history, kind):
    image, states = history
    name = name_of(image, kind, 0)
    for content in flips(image[name]):
        db, _ = reopen(image | {name: content})
        assert state_of(db) == states[-1]
        assert db.lost_bytes == 0


def test_a_journal_cut_off_anywhere_gives_the_changes_that_are_whole(history):
    image, _ = history
    name = name_of(image, "journal", -1)
    content = image[name]
    good = prefixes_of_changes()
    for size in range(len(content)):
        db, _ = reopen(image | {name: content[:size]})
        assert state_of(db) in good
        torn = size - content.rfind(b"\n", 0, size) - 1
        assert db.lost_bytes == torn
        assert ("torn" in db.problem) == bool(torn)


def test_a_journal_that_was_written_twice_is_read_once(history):
    image, states = history
    name = name_of(image, "journal", -1)
    db, _ = reopen(image | {name: image[name] * 2})
    assert state_of(db) == states[-1]


def test_a_line_that_was_taken_out_is_noticed(history):
    image, _ = history
    name = name_of(image, "journal", -1)
    lines = image[name].splitlines(keepends=True)
    db, _ = reopen(image | {name: b"".join(lines[:1] + lines[2:])})
    assert db.lost_bytes == sum(map(len, lines[2:]))
    assert "dropped" in db.problem


def test_a_missing_checkpoint_is_said_and_nothing_is_lost(history):
    image, states = history
    left = dict(image)
    del left[name_of(image, "checkpoint", -1)]
    db, _ = reopen(left)
    assert state_of(db) == states[-1]
    assert "is missing" in db.problem
    assert db.lost_bytes == 0


def test_a_missing_journal_is_said_and_may_have_held_anything(history):
    image, _ = history
    left = dict(image)
    del left[name_of(image, "journal", -1)]
    db, _ = reopen(left)
    assert "is missing" in db.problem
    assert db.lost_bytes == UNKNOWN_BYTES


@pytest.mark.parametrize("spoiled", [b"", b"\xff\xfe" * 40, b"crc32 0\n", b"{}\n"])
def test_without_any_good_checkpoint_it_is_an_error_with_a_way_out(history, spoiled):
    image, _ = history
    files = FaultyFiles(image | {n: spoiled for n in image if n.startswith("checkpoint")})
    with pytest.raises(DamagedFile) as caught:
        Database(HERE, files=files)
    assert str(HERE) in caught.value.hint
    assert [call for call in files.calls if call not in ("names", "read", "link")] == []


def test_journals_alone_are_never_taken_for_an_empty_database(history):
    image, _ = history
    with pytest.raises(DamagedFile):
        reopen({n: content for n, content in image.items() if n.startswith("journal")})


def newest(image, kind):
    return name_of({name: 0 for name in image if "damaged" not in name}, kind, -1)


def test_what_was_lost_is_said_until_somebody_has_acted_on_it(history):
    image, _ = history
    for _ in range(3):
        image = image | {newest(image, "journal"): image[newest(image, "journal")] + b"torn"}
        db, files = reopen(image)
        image = files.seen()
    assert db.lost_bytes == 3 * len(b"torn")
    assert "earlier opening" in db.problem
    db.change(lambda: db.table("meta").put("skip", {"n": 12}))
    assert reopen(files.seen())[0].lost_bytes == 0
    assert reopen(files.seen())[0].problem == ""


def test_after_one_loss_a_second_damage_costs_nothing_more(history):
    image, _ = history
    name = newest(image, "journal")
    lines = image[name].splitlines(keepends=True)
    db, files = reopen(image | {name: lines[0] + b"?" + lines[1] + b"".join(lines[2:])})
    assert db.lost_bytes > 0
    db.change(lambda: db.table("wanted").put("new", {}))
    state = state_of(db)
    image = files.seen()
    again, _ = reopen(image | {newest(image, "checkpoint"): b""})
    assert state_of(again) == state
    assert again.lost_bytes == 0


def test_damage_is_said_once_and_only_so_many_damaged_files_are_kept():
    files = FaultyFiles()
    run = Run(files)
    run.open()
    for n in range(8):
        run.make([[put("a", {"n": n})]])
        image = run.files.seen()
        image[newest(image, "journal")] += b"torn"
        run = Run(FaultyFiles(image), state=run.acknowledged)
        run.open()
        assert run.db.lost_bytes == len(b"torn")
    assert len([name for name in run.files.seen() if "damaged" in name]) == 4
    run.make([[put("b", {})]])
    assert reopen(run.files.seen())[0].problem == ""
