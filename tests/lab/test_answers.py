"""Waiting until the APIs answer."""

import threading

import pytest

from lab import waiting
from lab.host import settings
from lab.host.accel import Accel
from lab.host.settings import Settings
from lab.planes import answers
from lab.waiting import TookTooLong
from provisioning import topology


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    monkeypatch.setattr(settings, "load", lambda: Settings(None, Accel("kvm", 1.0, "")))


def test_both_apis_are_asked_at_once(monkeypatch):
    both = threading.Barrier(2)
    monkeypatch.setattr(answers, "answers", lambda *_: both.wait(20) >= 0)
    answers.await_answers(topology.load(), ["push", "pull"], ["node1"])


def test_the_api_that_stays_silent_is_named(monkeypatch):
    monkeypatch.setattr(answers, "_ANSWER_S", 0.1)
    monkeypatch.setattr(answers, "answers", lambda _, mode, __: mode == "push")
    with pytest.raises(TookTooLong, match="the pull API answers") as raised:
        answers.await_answers(topology.load(), ["push", "pull"], ["node1"])
    assert "--unit pull-api" in raised.value.hint


def test_answers_that_do_not_come_soon_are_no_error(monkeypatch):
    monkeypatch.setattr(answers, "answers", lambda _, mode, __: mode == "push")
    assert not answers.come(topology.load(), ["push", "pull"], ["node1"], 0.1)
    assert answers.come(topology.load(), ["push"], ["node1"], 0.1)


def test_who_waits_a_short_time_waits_no_longer(monkeypatch):
    waits = []
    monkeypatch.setattr(waiting, "until", lambda *_, timeout_s, **__: waits.append(timeout_s))
    assert answers.come(topology.load(), ["push"], ["node1"], 0.1)
    answers.await_answers(topology.load(), ["push"], ["node1"])
    assert waits == [0.1, 20]
