"""Exactly at a bound, and one step beyond it: when the agent asks, and what it then says."""

import math

import pytest

from services.agent.longpoll import LOOK_S, LongPoll, PollState, chance
from services.agent.reports import Reports
from services.core import wire
from services.core.backoff import FIRST_S
from services.core.errors import ApiRefused
from services.core.model import Assignment
from services.lib.http_client import Reply
from tests.agent.fake_lab import (
    AWAY,
    NOT_KNOWN,
    RUNS,
    UNCHANGED,
    Exchange,
    NotedPlane,
    desired,
    listen,
)


def test_a_chance_is_from_0_up_to_1():
    chances = [chance() for _ in range(100)]
    assert all(0 <= one < 1 for one in chances)
    assert len(set(chances)) > 1


def test_a_report_says_of_which_store_its_revision_is(lab, plane):
    beat, said = lab.beat, []

    def noted(observed, revision, epoch):
        said.append((revision, epoch))
        return beat(observed, revision, epoch)

    lab.beat = noted
    plane.desired(RUNS)
    plane.report({})
    assert said == [(0, ""), (5, "e")]


def test_a_report_that_fails_in_a_pass_that_polls_is_complained_about(lab, plane):
    plane.desired(RUNS)
    lab.beat_answer = ApiRefused("http://api", 413, "too much")
    plane.report({})
    assert plane.told == ["not reported: http://api answered 413: too much"]


@pytest.fixture
def reports(plane):
    made = Reports(plane, again_s=1.0, retry_s=5.0)
    made.update(RUNS)
    return made


def answered(reports, lab):
    """Send what is due now, and take the answer."""
    reports.begin(lab.now_s)
    pending = reports.pending
    if pending:
        lab.pause([pending], 1.0)
        reports.take()
    return pending is not None


@pytest.mark.parametrize(
    ("answer", "again_s"),
    [
        pytest.param(Reply(200, "", {"status": "ok"}), 1.0, id="answered"),
        pytest.param(ApiRefused("http://api", 413, "too much"), 5.0, id="refused"),
        pytest.param(NOT_KNOWN, 5.0, id="refused for its token, and there is no other"),
    ],
)
def test_the_next_report_goes_out_exactly_when_it_may(reports, lab, answer, again_s):
    lab.beat_answer, began_s = answer, lab.now_s
    assert answered(reports, lab)
    reports.update({})
    lab.now_s = math.nextafter(began_s + again_s, 0.0)
    assert not answered(reports, lab)
    lab.now_s = began_s + again_s
    assert answered(reports, lab)


def test_the_first_report_waits_for_nothing_however_young_the_clock(reports, lab):
    lab.now_s = 0.0
    assert answered(reports, lab)


def test_a_report_whose_token_was_replaced_is_repeated_without_a_complaint(reports, lab, plane):
    lab.new_token = lab.valid = "new"
    assert answered(reports, lab)
    lab.now_s += 1.0
    assert answered(reports, lab)
    assert (plane.told, reports.unsent) == ([], False)


def test_at_the_very_end_of_a_run_nothing_more_is_asked(lab, plane):
    poll = LongPoll(plane, tick_s=1, until_s=lab.now_s, now_s=lab.clock, pause=lab.pause)
    poll.desired(RUNS)
    assert poll.wait(True)
    assert lab.times("watch") == []


def test_an_answer_that_is_not_followed_is_a_failure(poll, lab):
    listen(poll, lab, 2)
    older = Reply(200, "", wire.dump_beat(Assignment("e", 4, (), 3.0)))
    lab.watch, lab.held_s, lab.beat_answer = desired(Assignment("e", 4, (), 3.0), '"o"'), 0.4, older
    poll.wait(False)
    listen(poll, lab, 1.0)
    assert poll.state is PollState.RETRYING


def test_a_tick_after_the_end_a_run_is_over_also_for_a_busy_systemd(poll, lab):
    lab.now_s = math.nextafter(201.0, 0.0)
    assert poll.wait(True)
    listen(poll, lab, 0.5)  # what is still on its way
    lab.now_s = 201.0
    assert not poll.wait(True)


def test_a_run_that_knows_its_assignment_already_says_once_what_runs(lab, plane, tmp_path):
    plane.desired(RUNS)
    before = len(lab.sent)
    again = NotedPlane(lab, tmp_path, now_s=lab.clock)
    poll = LongPoll(again, tick_s=1, until_s=200, now_s=lab.clock, pause=lab.pause)
    poll.desired(RUNS)
    listen(poll, lab, 2)
    assert lab.sent[before:] == [(RUNS, 5)]


def test_the_first_failure_of_a_run_is_followed_by_the_shortest_delay(lab, plane):
    lab.beat_answer = AWAY
    poll = LongPoll(
        plane, tick_s=1, until_s=200, now_s=lab.clock, pause=lab.pause, chance=lambda: 0.0
    )
    poll.desired(RUNS)
    failed_s = lab.now_s
    listen(poll, lab, 0.5)
    assert lab.times("beat")[1] == pytest.approx(failed_s + FIRST_S)


def test_a_change_during_an_outage_waits_for_the_next_try(poll, lab):
    listen(poll, lab, 2)
    lab.watch = lab.beat_answer = AWAY
    listen(poll, lab, 3)
    before = len(lab.sent)
    while len(lab.sent) == before:
        poll.wait(False)
    lab.pause([], 0.1)
    poll.report({})
    poll.wait(False)
    assert len(lab.sent) == before + 1


def test_a_tick_after_the_end_no_report_begins_beside_the_last_answer(poll, lab):
    listen(poll, lab, 2)
    lab.desired = lambda etag, wait_s: Exchange(lab, UNCHANGED, 500)
    listen(poll, lab, 1.5)
    before = len(lab.sent)
    poll.report({})
    lab.now_s = 201.0
    assert poll.wait(False)
    assert len(lab.sent) == before


def test_a_watch_whose_token_was_replaced_is_repeated_after_a_look(poll, lab, plane):
    listen(poll, lab, 2)
    lab.new_token = lab.valid = "new"
    before = len(lab.times("watch"))
    assert listen(poll, lab, 2) == []
    refused_s, again_s, *_ = lab.times("watch")[before:]
    assert again_s == pytest.approx(refused_s + LOOK_S)
    assert plane.told == []
