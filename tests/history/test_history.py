"""A history is what was written, or says where it is not."""

import os
import threading
from types import MappingProxyType

import pytest

from lab.history.history import FILE, Writer, parse, read
from lab.history.record import FIELDS, VERSION, Record, dump, load
from services.core.errors import LabError
from tests.experiment.histories import healed


def lines(count):
    """So many notes and an end, as a file."""
    text, before = [], ""
    for number in range(count):
        before = dump(
            Record("human", number, 0.0, {"what": f"ten µs, {number}", "command": ""}), before
        )
        text.append(before)
    end = Record("end", count, 0.0, {"why": "complete", "text": ""})
    return [*text, dump(end, before)]


def damage(changed):
    return parse("\n".join([*changed, ""])).damage


def test_what_was_written_is_read(tmp_path):
    with Writer(tmp_path) as writer:
        writer.put("human", command="", what="first")
        writer.put("machine", at_s=1.5, error_s=0.25, machine="node1", state="off")
    found = read(tmp_path)
    assert found.damage == ()
    assert [record.kind for record in found.records] == ["human", "machine", "end"]
    assert found.records[1] == Record("machine", 1.5, 0.25, {"machine": "node1", "state": "off"})
    assert next(found.of("end")).fields["why"] == "complete"
    assert list(found.of("machine", machine="node2")) == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda text: text, ()),
        (lambda text: text[:-1], ("it has no end",)),
        (lambda text: [*text[:-1], text[-1][:20]], ("line 5", "it has no end")),
        (lambda text: [*text[:2], *text[3:]], ("line 3",)),
        (lambda text: [text[0], text[2], text[1], *text[3:]], ("line 2", "line 3", "line 4")),
        (lambda text: [text[0], text[1].replace("1", "7", 1), *text[2:]], ("line 2",)),
        (lambda text: [*text[:2], "", *text[2:]], ("line 3", "line 4")),
        (lambda text: [*text[:2], "\0" * 40, *text[3:]], ("line 3", "line 4")),
        (lambda text: [*text[:2], '{"kind": "human"}', *text[3:]], ("line 3", "line 4")),
        (lambda text: [*text, text[-1]], ("line 6",)),
        (lambda _: [], ("it has no end",)),
    ],
    ids=[
        "nothing",
        "the end is missing",
        "cut off",
        "a line was taken out",
        "two lines changed places",
        "a figure was edited",
        "an empty line",
        "a disk that lost a block",
        "a line that is none of ours",
        "the end twice",
        "empty",
    ],
)
def test_damage_is_named_by_its_line(change, named):
    found = damage(change(lines(4)))
    assert len(found) == len(named), found
    assert all(text.startswith(start) for text, start in zip(found, named, strict=True)), found


def test_a_record_has_the_fields_of_its_kind_and_no_other():
    for kind, fields in FIELDS.items():
        dump(Record(kind, 0.0, 0.0, dict.fromkeys(fields)))
        with pytest.raises(KeyError, match="colour"):
            dump(Record(kind, 0.0, 0.0, dict.fromkeys([*fields, "colour"])))


@pytest.mark.parametrize("at_s", [1.00004, 1.00006, 1.00015, 2.5])
def test_rounding_makes_no_range_narrower(at_s):
    before = Record("human", at_s, 0.00032, {"what": "", "command": ""})
    after = load(dump(before))
    assert after.at_s - after.error_s <= before.at_s - before.error_s
    assert after.at_s + after.error_s >= before.at_s + before.error_s
    # What happened on the host has no error.
    assert load(dump(before._replace(error_s=0.0))).error_s == 0.0


def test_threads_write_whole_lines_in_the_order_of_their_times(tmp_path):
    with Writer(tmp_path) as writer:

        def write():
            for _ in range(50):
                writer.put("human", command="", what="x" * 99)

        threads = [threading.Thread(target=write) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    found = read(tmp_path)
    assert found.damage == ()
    assert len(found.records) == 201
    times = [record.at_s for record in found.records]
    assert times == sorted(times)


def test_a_run_that_ends_with_an_error_says_so(tmp_path):
    with pytest.raises(LabError, match="the lab burns"), Writer(tmp_path):
        raise LabError("the lab burns")
    assert next(read(tmp_path).of("end")).fields == {"why": "error", "text": "the lab burns"}


def test_ctrl_c_is_an_interruption(tmp_path):
    with pytest.raises(KeyboardInterrupt), Writer(tmp_path):
        raise KeyboardInterrupt
    assert next(read(tmp_path).of("end")).fields["why"] == "interrupted"


def test_a_full_disk_ends_the_record_and_is_raised_when_asked(tmp_path, monkeypatch):
    real = os.write
    left = 1000

    def write(file, data):
        nonlocal left
        left -= len(data)
        return real(file, data if left > 0 else data[:10])

    with Writer(tmp_path) as writer:
        writer.check()
        monkeypatch.setattr(os, "write", write)
        for _ in range(20):
            writer.put("human", command="", what="x" * 60)
        with pytest.raises(LabError, match="no space left"):
            writer.check()
        monkeypatch.undo()
    found = read(tmp_path)
    assert 3 < len(found.records) < 20
    assert len(found.damage) == 2


def test_a_thread_that_is_late_writes_nowhere(tmp_path):
    with Writer(tmp_path) as writer:
        writer.put("human", command="", what="in time")
    with (tmp_path / "next").open("w") as other:  # it gets the number of the closed file
        writer.put("human", command="", what="late")
        assert other.tell() == 0
    assert (tmp_path / "next").read_text() == ""
    assert read(tmp_path).damage == ()


def test_no_history_is_a_clear_error(tmp_path):
    with pytest.raises(LabError, match="no history"):
        read(tmp_path)
    (tmp_path / FILE).write_text("")
    with pytest.raises(LabError, match="does not begin"):
        _ = read(tmp_path).begin


def test_a_history_of_another_version_is_called_that_and_not_damaged():
    made = healed()
    begin = made.records[0]
    made.records[0] = begin._replace(fields=MappingProxyType({**begin.fields, "version": 1}))
    made.end(40)
    said = f"it is of version 1, and this lab reads version {VERSION}"
    assert parse(made.text()).damage == (said,)


def test_a_history_of_the_version_before_is_read_as_one_of_this():
    made = healed()
    begin = made.records[0]
    made.records[0] = begin._replace(fields=MappingProxyType({**begin.fields, "version": 2}))
    made.end(40)
    assert parse(made.text()).damage == ()
