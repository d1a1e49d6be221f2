"""When the agent asks, and how often: no sockets and no clock but the test's."""

from itertools import pairwise

import pytest

from services.agent.longpoll import LOOK_S
from services.core import wire
from services.core.backoff import MOST_S
from services.core.errors import ApiRefused
from services.core.follow import EMPTY_STORE
from services.core.model import Assignment, Container
from services.lib.http_client import Reply
from tests.agent.fake_lab import (
    AWAY,
    NOT_FOUND,
    RUNS,
    UNCHANGED,
    A,
    Exchange,
    cut_off,
    desired,
    listen,
)

B = Assignment("e", 6, (Container("b"),), 3.0)


def gaps(times):
    return [after - before for before, after in pairwise(times)]


def test_a_pass_sends_one_request_after_another_a_tick_each(poll, lab):
    assert listen(poll, lab, 5) == []
    # The first one without a condition is answered at once.
    assert lab.etags[:2] == ["", '"1"']
    assert gaps(lab.times("watch")) == pytest.approx([LOOK_S, 1, 1, 1, 1])


def test_every_slice_renews_the_lease_from_when_it_was_sent(poll, lab, plane):
    listen(poll, lab, 9.5)
    sent_s = lab.times("watch")[-2]
    lab.now_s = sent_s + 2.99
    assert not cut_off(plane)
    lab.now_s = sent_s + 3.01
    assert cut_off(plane)


def test_another_assignment_is_news_at_once(poll, lab):
    listen(poll, lab, 2)
    lab.watch, lab.held_s = desired(B, '"2"'), 0.4
    began_s = lab.now_s
    (news,) = listen(poll, lab, 1.5)
    assert (news.containers, news.outage) == ({"b": Container("b")}, "")
    assert lab.now_s - began_s < 1.7


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(UNCHANGED, id="304 at once"),
        pytest.param(desired(A), id="the same at once, with the same ETag"),
        pytest.param(desired(A, ""), id="the same at once, without an ETag"),
    ],
)
def test_a_server_that_does_not_hold_is_asked_once_a_tick(poll, lab, answer):
    listen(poll, lab, 1)
    lab.watch, lab.held_s = answer, 0.001
    before = len(lab.asked)
    assert listen(poll, lab, 10) == []
    assert len(lab.asked) - before <= 22  # a tick, and once more where the ETag is lost


def test_a_server_that_names_another_etag_each_time_is_asked_once_a_look(poll, lab):
    listen(poll, lab, 1)
    lab.held_s = 0.001
    for number in range(40):
        lab.watch = desired(A, f'"{number + 10}"')
        poll.wait(False)
    assert min(gaps(lab.times("watch"))) >= LOOK_S - 1e-6


def test_a_change_of_what_runs_is_reported_beside_the_request_that_waits(poll, lab):
    listen(poll, lab, 2)
    poll.report({})
    began_s = lab.now_s
    poll.wait(False)
    assert lab.sent[-1] == ({}, 5)
    assert lab.times("beat")[-1] == began_s
    listen(poll, lab, 5)
    assert len(lab.sent) == 3  # asked, then under the revision of the answer, then this


def test_an_assignment_that_changes_nothing_here_is_reported_as_acted_on(poll, lab):
    listen(poll, lab, 2)
    lab.watch = desired(A._replace(revision=9), '"9"')
    listen(poll, lab, 1.5)
    lab.watch = UNCHANGED
    poll.report(RUNS)
    listen(poll, lab, 1)
    assert lab.sent[-1] == (RUNS, 9)


def test_a_server_that_counts_anew_is_told_again_what_runs(poll, lab):
    listen(poll, lab, 2)
    before = len(lab.sent)
    lab.watch = desired(A, '"700"')
    listen(poll, lab, 1.5)
    lab.watch = UNCHANGED
    listen(poll, lab, 1)
    assert lab.sent[before:] == [(RUNS, 5)]


def test_an_outage_is_asked_about_by_reports_at_growing_intervals(poll, lab):
    listen(poll, lab, 2)
    lab.watch = lab.beat_answer = AWAY
    lab.asked.clear()
    news = listen(poll, lab, 6)
    assert {item.outage for item in news} == {"API unreachable"}
    beats = lab.times("beat")
    assert gaps(beats)[:4] == pytest.approx([0.41, 0.81, 1.01, 1.01])
    assert max(gaps(beats)) <= MOST_S + 0.02
    lab.watch, lab.beat_answer = UNCHANGED, Reply(200, "", wire.dump_beat(A))
    (back,) = listen(poll, lab, 1.1)
    assert (back.containers.keys(), back.outage) == ({"a"}, "")
    # What is answered now is not about what was known before.
    assert (lab.asked[-1][1], lab.etags[-2:]) == ("watch", ["", '"1"'])


def test_a_server_that_takes_beats_and_drops_watches_is_not_asked_ever_faster(poll, lab):
    listen(poll, lab, 2)
    lab.held_s, lab.watch = 0.001, AWAY
    lab.desired = lambda etag, wait_s: (
        lab.asked.append((lab.now_s, "watch")) or Exchange(lab, AWAY, 0.001)
    )
    listen(poll, lab, 10)
    assert len(lab.times("beat")) < 16


def test_a_refusal_for_want_of_a_token_reads_it_again_and_backs_off(poll, lab):
    listen(poll, lab, 2)
    refused = ApiRefused("http://api", 401, "who are you?", "lab token rotate")
    lab.watch = lab.beat_answer = refused
    news = listen(poll, lab, 3)
    assert news[0].outage == "API answered 401: who are you? (lab token rotate)"
    assert news[0].containers.keys() == {"a"}
    assert len(news) == 1
    assert 3 <= lab.tokens_read <= 6


def test_a_token_that_was_replaced_is_no_outage(poll, lab, plane):
    listen(poll, lab, 2)
    lab.new_token = lab.valid = "new"
    # A report and a watch go out with the old one; the second answer finds the new one read.
    poll.report({})
    before = len(lab.times("watch"))
    assert listen(poll, lab, 3) == []
    assert plane.told == []
    assert len(lab.times("watch")) - before >= 3
    assert lab.sent[-1][0] == {}
    assert lab.tokens_read <= 2


def test_a_server_without_watches_is_polled_once_a_tick(poll, lab):
    lab.desired = lambda etag, wait_s: (
        lab.asked.append((lab.now_s, "watch")) or Exchange(lab, NOT_FOUND, 0.01)
    )
    before = len(lab.times("beat"))
    assert listen(poll, lab, 5) == []
    assert len(lab.times("watch")) == 1
    assert 5 <= len(lab.times("beat")) - before <= 7


def test_an_answer_that_is_not_followed_gives_no_lease(poll, lab, plane):
    listen(poll, lab, 2)
    lab.watch = desired(Assignment("new", 0, (), 3.0), '"n"')
    lab.beat_answer = Reply(200, "", wire.dump_beat(Assignment("new", 0, (), 3.0)))
    news = listen(poll, lab, 6)
    assert {item.outage for item in news} == {EMPTY_STORE}
    assert cut_off(plane)
    assert max(gaps(lab.times("beat")[-4:])) <= MOST_S + 0.02


def test_a_report_that_is_refused_is_told_and_tried_again_a_tick_later(poll, lab, plane):
    listen(poll, lab, 2)
    lab.beat_answer = ApiRefused("http://api", 413, "too much")
    before = len(lab.sent)
    poll.report({})
    listen(poll, lab, 2.5)
    assert lab.sent[before:] == [({}, 5)] * 3
    assert min(gaps(lab.times("beat")[before:])) >= 1
    assert set(plane.told) == {"not reported: http://api answered 413: too much"}
    lab.beat_answer = Reply(200, "", wire.dump_beat(A))
    listen(poll, lab, 3)
    assert len(lab.sent) == before + 4


@pytest.mark.parametrize(
    ("answer", "renews"), [(A, True), (B, False)], ids=["what holds", "another assignment"]
)
def test_a_report_renews_the_lease_only_on_what_is_acted_on(poll, lab, plane, answer, renews):
    listen(poll, lab, 2)
    lab.desired = lambda etag, wait_s: Exchange(lab, UNCHANGED, 50)  # the watch hangs
    lab.beat_answer = Reply(200, "", wire.dump_beat(answer))
    listen(poll, lab, 2)
    poll.report({})
    listen(poll, lab, 2)
    assert cut_off(plane) is not renews
