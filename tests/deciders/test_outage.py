"""What scheduler and node controller do about a state server that does not answer, or fails."""

import pytest

from services.core.errors import ApiRefused, ApiUnreachable
from services.core.profiles import profile
from services.deciders import scheduler
from services.deciders.loop import Clock, run
from services.deciders.state_server import Wait
from tests.pull.direct import DirectApi, declare, names, report
from tests.states import open_state


@pytest.fixture
def store(tmp_path):
    return open_state(tmp_path, lease_s=3.0)


def watching(seconds):
    return profile("fast")._replace(watch_s=seconds)


def hands():
    """(clock, slept): a pass' own clock, which moves only while it sleeps."""
    slept: list[float] = []
    return Clock(lambda: sum(slept), slept.append, lambda: 0.5), slept


def test_an_outage_is_one_line_and_is_waited_out_at_growing_intervals(store, capsys):
    api = DirectApi(store)
    api.away = True
    clock, slept = hands()
    run(scheduler.decide, api, watching(10), clock)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == ["nothing decided: /api/containers?unassigned=true does not "
                                     "answer: connection refused"]  # fmt: skip
    assert slept[:3] == sorted(slept[:3])
    assert slept[0] < slept[2]
    assert all(0 < pause_s <= 1 for pause_s in slept)
    assert 9 <= sum(slept) < 10
    assert len(api.asked) == len(slept) + 1


@pytest.mark.parametrize("known", [False, True], ids=["read", "watched"])
def test_nothing_is_decided_from_what_is_possibly_stale(store, capsys, known):
    report(store, "node1")
    api = DirectApi(store)
    if known:
        scheduler.decide(api, print, watching(10))
    declare(store, "a")
    store.stale = lambda: "etcd is lost"
    with pytest.raises(ApiUnreachable, match="possibly stale: etcd is lost"):
        api.unassigned.changed(1) if known else scheduler.decide(api, print, watching(10))
    assert names(store) == {"a": None}
    del store.stale
    scheduler.decide(api, print, watching(10))
    assert names(store) == {"a": "node1"}


def test_an_outage_within_a_pass_is_over_when_the_api_is_back(store, capsys):
    report(store, "node1")
    declare(store, "a")
    api = DirectApi(store)
    api.away = True
    clock, slept = hands()

    def back(pause_s):
        slept.append(pause_s)
        api.away = len(slept) < 3
        api.ending = True

    run(scheduler.decide, api, watching(10), clock._replace(sleep=back))
    assert len(slept) == 3
    assert names(store) == {"a": "node1"}


def test_each_outage_is_told_and_waited_out_anew(store, capsys):
    clock, slept = hands()
    looks: list[None] = []

    def decide(*_):
        looks.append(None)
        if len(looks) % 4:
            raise ApiUnreachable("url", "away")
        return Wait(lambda _: True)

    run(decide, DirectApi(store), watching(3), clock)
    assert len(capsys.readouterr().err.splitlines()) > 1
    assert slept[:3] == slept[3:6]


def test_a_plain_pass_does_not_wait_for_the_api(store, capsys):
    api = DirectApi(store)
    api.away = True
    clock, slept = hands()
    run(scheduler.decide, api, profile("seed"), clock)
    assert slept == []
    assert capsys.readouterr().err.startswith("nothing decided: ")


def test_a_server_that_cannot_write_is_asked_again_and_told_of_in_the_end(store):
    api = DirectApi(store)
    api.failing = 503
    clock, slept = hands()
    with pytest.raises(ApiRefused, match="503"):
        run(scheduler.decide, api, watching(10), clock)
    assert sum(slept) > 8


def test_a_refusal_is_not_repeated(store):
    api = DirectApi(store)
    api.failing = 403
    clock, slept = hands()
    with pytest.raises(ApiRefused, match="403"):
        run(scheduler.decide, api, watching(10), clock)
    assert slept == []


def test_a_server_that_answers_but_holds_nobody_is_left_alone_ever_longer(store, capsys):
    clock, slept = hands()

    def full(_):
        raise ApiRefused("url", 503, "too many wait")

    with pytest.raises(ApiRefused, match="503"):
        run(lambda *_: Wait(full), DirectApi(store), watching(10), clock)
    assert slept[0] < slept[3]
    assert len(capsys.readouterr().err.splitlines()) == 1
