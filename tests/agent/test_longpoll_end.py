"""How a run of the agent ends: after its last answers, and after what it started."""

import pytest

from services.agent.longpoll import LOOK_S, LongPoll
from tests.agent.fake_lab import AWAY, RUNS, listen


def test_no_request_begins_after_the_end_and_the_last_is_not_cut_off(poll, lab):
    listen(poll, lab, 99.5)
    lab.now_s = 199.7
    while poll.wait(False):
        pass
    assert lab.now_s == pytest.approx(200, abs=0.02)
    assert lab.asked[-1][0] < 200


def test_a_pass_waits_a_tick_for_a_busy_systemd_and_no_longer(poll, lab):
    lab.now_s = 200.0
    while poll.wait(True):
        pass
    assert lab.now_s == pytest.approx(201, abs=LOOK_S)
    assert not poll.wait(False)


def test_what_changed_at_the_end_of_a_run_is_reported_by_it(poll, lab):
    listen(poll, lab, 99.5)
    lab.now_s = 200.1
    poll.report({})
    while poll.wait(False):
        pass
    assert lab.sent[-1][0] == {}
    assert lab.asked[-1] == (200.1, "beat")
    assert lab.now_s < 200.1 + LOOK_S


def test_the_end_of_a_run_waits_for_no_report_while_the_server_is_silent(poll, lab):
    lab.watch = lab.beat_answer = AWAY
    listen(poll, lab, 5)
    lab.now_s = 200.1
    poll.report({})
    while poll.wait(False):
        pass
    assert lab.asked[-1][0] < 200
    assert lab.now_s < 201


def test_a_run_asks_once_also_when_its_first_stop_took_all_its_time(lab, plane):
    late = LongPoll(plane, tick_s=1, until_s=50, now_s=lab.clock, pause=lab.pause)
    assert late.wait(False)
    late.desired(RUNS)
    assert lab.times("beat")
    assert not late.wait(False)
