"""Records from a file that is being written, and from a recorded run."""

import time

import pytest

from lab.history.history import FILE, Writer, is_written
from lab.history.record import Record
from lab.stage.source import Replay, Tail
from services.core.errors import LabError
from tests.experiment.histories import healed
from tests.stage.made import Made

# What each history that is made by hand begins with.
BEGINS = ["begin", "rate", "looked", "looked", "looked"]


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass when a test says so."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def folder(path, made):
    (path / FILE).write_text(made.text())
    return path


def kinds(source):
    return [item if isinstance(item, str) else item.kind for item in source.due()[1]]


class TestTail:
    def test_it_gives_each_record_once_as_it_is_written(self, tmp_path):
        with Writer(tmp_path) as writer:
            tail = Tail(tmp_path)
            assert kinds(tail) == []
            writer.put("note", text="one")
            assert kinds(tail) == ["note"]
            assert kinds(tail) == []
        assert kinds(tail) == ["end"]

    def test_half_a_line_waits_for_its_other_half(self, tmp_path):
        text = Made().text()
        for at in (1, 40, len(text) - 1):
            (tmp_path / FILE).write_text(text[:at])
            tail = Tail(tmp_path)
            before = kinds(tail)
            (tmp_path / FILE).write_text(text)
            assert [*before, *kinds(tail)] == BEGINS

    def test_a_damaged_line_is_named_with_its_number(self, tmp_path):
        lines = Made().text().split("\n")
        lines[2] = lines[2].replace("node1", "node7")
        (tmp_path / FILE).write_text("\n".join(lines))
        found = kinds(Tail(tmp_path))
        assert found[:2] == BEGINS[:2]
        assert found[2].startswith("line 3: its checksum")

    def test_its_clock_is_that_of_the_records_and_goes_on(self, tmp_path, clock):
        tail = Tail(folder(tmp_path, Made().runs(42, "node1")))
        tail.due()
        assert tail.now_s() == 42
        clock[0] += 5
        assert tail.now_s() == 47

    def test_a_record_of_the_past_turns_no_clock_back(self, tmp_path, clock):
        tail = Tail(folder(tmp_path, Made().looked(42, "node1").runs(30, "node1")))
        tail.due()
        assert tail.now_s() == 42


class TestReplay:
    def test_it_plays_in_the_time_of_the_run(self, tmp_path, clock):
        replay = Replay(folder(tmp_path, Made().runs(5, "node1").looked(5, "node1").runs(9, "x")))
        assert kinds(replay) == BEGINS
        clock[0] += 5
        assert kinds(replay) == ["runs", "looked"]
        clock[0] += 100
        assert kinds(replay) == ["runs"]
        assert replay.now_s() == 9

    def test_a_record_of_the_past_comes_when_it_was_written(self, tmp_path, clock):
        replay = Replay(folder(tmp_path, Made().looked(5, "node1").runs(3, "node1")))
        clock[0] += 4
        assert kinds(replay) == BEGINS
        clock[0] += 1
        assert kinds(replay) == ["looked", "runs"]

    def test_it_stands_still_goes_on_and_hurries(self, tmp_path, clock):
        replay = Replay(folder(tmp_path, healed()))
        clock[0] += 3
        replay.move(None, True, None)
        clock[0] += 100
        assert replay.now_s() == 3
        replay.move(None, False, 4.0)
        clock[0] += 2
        assert replay.now_s() == 11
        assert replay.due()[0] == 0
        assert replay.extra()["replay"]["speed"] == 4.0

    @pytest.mark.parametrize(("to_s", "at_s"), [(20, 20), (-5, 0), (1e6, 39.6)])
    def test_it_is_moved_within_the_run_and_played_from_its_beginning(
        self, tmp_path, clock, to_s, at_s
    ):
        replay = Replay(folder(tmp_path, healed()))
        clock[0] += 30
        replay.due()
        replay.move(to_s, None, None)
        moves, items = replay.due()
        assert moves == 1
        records = [item for item in items if isinstance(item, Record)]
        assert records[0].kind == "begin"
        assert max(record.at_s for record in records) <= replay.now_s() == at_s

    def test_a_history_without_a_beginning_cannot_be_played(self, tmp_path):
        (tmp_path / FILE).write_text("".join(healed().text().splitlines(keepends=True)[1:]))
        with pytest.raises(LabError, match="does not begin"):
            Replay(tmp_path)

    def test_damage_is_known_from_the_beginning(self, tmp_path):
        (tmp_path / FILE).write_text(healed().text()[:-20])
        assert any("it has no end" in sentence for sentence in Replay(tmp_path).damage)


def test_a_history_is_being_written_until_its_end(tmp_path):
    assert not is_written(tmp_path / FILE)
    with Writer(tmp_path):
        assert is_written(tmp_path / FILE)
    assert not is_written(tmp_path / FILE)
