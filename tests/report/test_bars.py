"""What is drawn is what was found."""

from lab.experiment.check.judge import judge
from lab.report import bars as drawn
from lab.report.bars import API, FaultBar, bars, fault_bars, left_out
from tests.experiment.histories import Made, healed


def short(timeline):
    return {(b.mode, b.lane, b.name, b.what, b.from_s, b.to_s) for b in bars(timeline)}


def test_every_kind_is_on_its_lane(judgement):
    assert {(b.mode, b.lane, b.what) for b in bars(judgement.timeline)} >= {
        ("push", "node1", "gone"),
        ("push", "node1", "off"),
        ("push", "node3", "paused"),
        ("push", API, "silent"),
        ("push", API, "lie"),
        ("pull", "node2", "runs"),
        ("pull", "node2", "twice"),
        ("pull", "node3", "twice"),
        ("pull", "node3", "stray"),
    }


def test_the_bars_of_a_run():
    timeline = judge(healed().end(40)).timeline
    assert {bar for bar in short(timeline) if bar[1] in ("node1", "node2")} == {
        ("pull", "node1", "a", "runs", 1.15, 10),
        ("pull", "node1", "a", "gone", 10, 16),
        ("pull", "node1", "node1", "off", 10, 30),
        ("pull", "node2", "a", "runs", 16, 41),
    }


def test_a_container_that_runs_and_does_not_answer_is_drawn_where_it_runs():
    made = healed()
    hung = [r for r in made.records if r.kind == "asked" and 20 < r.at_s < 25]
    made.records = [r for r in made.records if r not in hung]
    # It runs again at 16 s.
    made.asks(16, 16.5, "node2", ok=False).asks(20.5, 25, "node2", ok=False)
    timeline = judge(made.end(40)).timeline
    start, bar = [b for b in bars(timeline) if b.what == "silent"]
    assert (start.lane, start.from_s, start.to_s) == ("node2", 16, 16.1)
    assert (bar.lane, bar.name, bar.from_s, bar.to_s) == ("node2", "a", 20.5, 24.6)
    assert {"19.600", "20.600"} <= {text.split(" s: ")[0] for text in bar.evidence}


def test_what_is_not_known_is_drawn():
    timeline = judge(Made().runs(1, "node1", "a").looked(5, "node1").end(20, seen=())).timeline
    assert ("pull", "node1", "node1", "unknown", 5, 21) in short(timeline)


def test_faults_last_until_they_are_undone_and_persons_act_in_a_moment():
    made = healed().fault(20, "node2", "acting", fault="pause")
    made.fault(21, "node2", "acted", fault="pause")
    for at_s, phase in [(25, "undone"), (26, "healed")]:
        made.put(at_s, "fault", id="pause", fault="pause", target="node2", phase=phase)
    made.fault(26, "node3", "intended", fault="never")
    timeline = judge(made.human(27, "looked").end(40)).timeline
    found = [bar._replace(evidence=()) for bar in fault_bars(timeline)]
    assert found[:2] == [
        FaultBar("cut", "node1", 10, 41, ()),
        FaultBar("pause", "node2", 20, 25, ()),
    ]
    assert (found[2].fault, found[2].target, found[2].from_s) == ("person:", "looked", 27)
    assert len(found) == 3


def test_too_many_bars_are_counted_and_the_longest_are_drawn(monkeypatch, judgement):
    everything = bars(judgement.timeline)
    monkeypatch.setattr(drawn, "MOST", 5)
    some = bars(judgement.timeline)
    assert len(some) == 5
    assert left_out(judgement.timeline) == len(everything) - 5
    shortest = min(bar.to_s - bar.from_s for bar in some)
    assert all(b.to_s - b.from_s <= shortest for b in everything if b not in some)


def test_one_that_moves_while_nothing_answers_is_silent_where_it_runs():
    made = Made().runs(1, "node1", "a").runs(1, "node2").runs(1, "node3").wanted(1, "a")
    made.steady(3).asks(2, 10, "node1").runs(10, "node2", "a").runs(12, "node1")
    made.asks(10.1, 25, "node1", ok=False).asks(10.1, 25, "node2", ok=False)
    timeline = judge(made.end(40)).timeline
    silent = [bar for bar in bars(timeline) if bar.what == "silent"]
    assert {bar.lane for bar in silent} == {"node1", "node2"}
    assert max(bar.to_s for bar in silent if bar.lane == "node1") <= 12
