"""The phone page in a browser as wide as a small phone; and the label of a recorded step."""

from contextlib import ExitStack
from types import SimpleNamespace

import pytest

from lab.demo.cue import Excerpt
from lab.stage.opening import Feed, playing
from tests.report.conftest import HOSTILE
from tests.stage.browsing import Stage, Written, made
from tests.stage.made import heard
from tests.stage.phones import STOP, phone, playing_demo
from tests.stage.test_browser_look import axe

MISSED = {"keys": ("wait", "reset", "recorded", "on"), "missed_s": 12.0, "step": "wait"}
ON, FALLBACK, WAIT = "button.on", "button.fallback", "button.wait"


@pytest.fixture
def small(page):
    page.tab.resize(360, 640)
    return page


@pytest.fixture
def desk(tmp_path, monkeypatch):
    with playing_demo(tmp_path / "state", monkeypatch) as one:
        yield one


@pytest.fixture
def opened(small):
    with ExitStack() as stack:

        def opened(lang="en"):
            small.open(stack.enter_context(phone(lang))[0])
            return small

        yield opened


def click(page, selector):
    page.value(f"document.querySelector({selector!r}).click()")


def test_it_shows_the_notes_and_a_press_goes_on_once(desk, opened):
    desk.tell(**STOP)
    page = opened()
    page.says(".say", STOP["say"])
    page.says("main", "lab chaos cut node1")
    page.says("main", "push: lost. pull: repaired.")
    page.says("main", "Next step The machine comes back.")
    page.wait(f"!document.querySelector('{ON}').disabled", "it can be gone on")
    assert page.value(f"document.querySelector('{FALLBACK}').disabled")
    for _ in range(3):
        click(page, ON)
    assert desk.key() == "\r"
    desk.tell(step="wait", keys=())
    page.says("[role=status]", "Under way: wait")
    assert page.value(f"document.querySelector('{ON}').disabled")
    desk.tell(**MISSED)
    page.says("[role=status]", "Pull is not done after 12 s.")
    click(page, FALLBACK)
    assert desk.key() == "p"
    desk.tell(**MISSED, recorded=Excerpt("f", 1, 4))
    page.says(".recorded", "RECORDED")
    page.wait("!document.querySelector('.recorded')", "the recorded step is over")
    click(page, WAIT)
    assert desk.key() == "w"


def test_it_works_by_keyboard(desk, opened):
    desk.tell(**STOP)
    page = opened()
    page.wait(f"!document.querySelector('{ON}').disabled", "it can be gone on")
    page.press("p")
    page.press("ArrowRight")
    assert desk.key() == "\r"
    desk.tell(**MISSED)
    page.says("[role=status]", "Pull is not done")
    page.press("w")
    assert desk.key() == "w"


def test_a_press_that_came_too_late_is_said(desk, opened):
    desk.tell(**STOP)
    page = opened()
    page.wait(f"!document.querySelector('{ON}').disabled", "it can be gone on")
    # As if the keyboard had been faster, and the page had not heard of it.
    answer = "new Response(JSON.stringify({error: 'gone'}), {status: 409})"
    page.value(f"window.fetch = () => Promise.resolve({answer}), 0")
    click(page, ON)
    page.says("[role=alert]", "gone")


def test_without_a_demonstration_it_says_so_and_waits(tmp_path, monkeypatch, opened):
    with playing_demo(tmp_path / "state", monkeypatch, ends=False) as desk:
        desk.tell(**STOP)
        page = opened("fr")
        page.says(".say", STOP["say"])
    page.says("[role=status]", "ordinateur : lab demo --resume")
    with playing_demo(tmp_path / "state", monkeypatch) as desk:
        desk.tell(**STOP)
        page.says(".say", STOP["say"])
    page.says("[role=status]", "Aucune démonstration en cours.")


def test_names_full_of_html_are_text(desk, opened):
    texts = ("stop", "step", "say", "command", "expect", "then")
    desk.tell(names=(HOSTILE,), keys=("on",), **dict.fromkeys(texts, HOSTILE))
    page = opened()
    page.says(".say", HOSTILE.split()[0])
    assert page.value("document.querySelectorAll('main script, main img:not([alt])').length") == 0
    assert page.tab.errors == []


@pytest.mark.parametrize("lang", ["en", "fr"])
@pytest.mark.parametrize("state", [STOP, {**STOP, **MISSED, "recorded": Excerpt("f", 1, 600)}, {}])
def test_it_fits_on_a_small_phone_and_every_target_is_large(desk, opened, lang, state):
    desk.tell(**state)
    page = opened(lang)
    page.wait("!!document.querySelector('h1')", "the demonstration is shown")
    page.value("document.querySelector('summary').click()")
    page.wait("document.querySelector('details img')?.complete", "the code is drawn")
    assert page.value("document.documentElement.scrollWidth <= 360")
    assert page.value("document.documentElement.scrollHeight <= 640")
    small = page.value(
        "[...document.querySelectorAll('button, summary, a')].map(b => b.getBoundingClientRect())"
        ".filter(r => r.width < 48 || r.height < 48).length"
    )
    assert small == 0
    big = page.value(
        "[...document.querySelectorAll('.big')].map(b => b.getBoundingClientRect())"
        ".filter(r => r.height >= 96 && r.width >= 140 && r.bottom <= 640).length"
    )
    assert big == 2
    assert page.value("document.documentElement.lang") == lang
    page.value(axe())
    found = page.value("axe.run().then(r => r.violations.map(v => v.id + ': ' + v.nodes[0].html))")
    assert found == []
    assert [
        url for url in page.tab.requests if "//127.0.0.1" not in url and "data:" not in url
    ] == []


def test_the_stage_shows_a_recorded_step_labelled_and_is_live_again(tmp_path, desk, page):
    for name in ("live", "recorded"):
        (tmp_path / name).mkdir()
    live = Written(tmp_path / "live", made())
    past = Written(tmp_path / "recorded", heard(made().machine(4, "node1", "off"), 30))
    doubles = SimpleNamespace(source=live.source(), run=lambda over: over.wait())
    stage = Stage(live.source())
    stage._playing = playing(Feed(live=doubles), stage.board, {})
    with stage:
        page.open(stage.url(lang="en"))
        page.says("header.top", "LIVE")
        desk.tell(**STOP)
        desk.tell(**MISSED, recorded=Excerpt(str(past.folder), 3.5, 6.0))
        page.says("header.top", "RECORDED")
        page.says(".box.off h3", "node1")
        page.says("header.top", "LIVE")
        page.wait("!document.querySelector('.box.off')", "the machine that is live is not off")
