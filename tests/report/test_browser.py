"""The page in a real browser: what it shows, on hover, by keyboard, and in its replay."""

import pytest

from lab.report.page import page
from provisioning.host import programs
from tests.browser import tab
from tests.waiting import wait_for

PROGRAM = programs.which("chromium-headless-shell")
NEEDED = "it is missing: apt-get install --no-install-recommends chromium-headless-shell"
SLIDER = "document.getElementById('cursor')"
TIP = "document.getElementById('tip')"


@pytest.fixture(scope="module")
def browser(tmp_path_factory, judgement, drawing):
    assert PROGRAM, NEEDED
    folder = tmp_path_factory.mktemp("browser")
    file = folder / "report.html"
    file.write_text(page(judgement, drawing))
    with tab(PROGRAM, folder / "profile") as one:
        one.file = file
        yield one


@pytest.fixture
def shown(browser):
    browser.call("Emulation.setEmulatedMedia", features=[])
    browser.open(browser.file)
    return browser


def cells(browser, mode):
    """What stands beside `mode`, at the cursor: wanted, each node, and what the API says."""
    rows = browser.value(
        "[...document.querySelectorAll('#state tr')].map(r => [...r.cells].map(c => c.textContent))"
    )
    return next(row[1:] for row in rows if row[0] == mode)


def put_cursor(browser, at_s):
    browser.value(
        f"{SLIDER}.value = ({at_s} - data.from_s) / (data.to_s - data.from_s) * {SLIDER}.max;"
        f"{SLIDER}.dispatchEvent(new Event('input'))"
    )


def centre(browser, element_id):
    box = browser.value(f"document.getElementById('{element_id}').getBoundingClientRect().toJSON()")
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def bar_id(browser, mode, lane, word):
    test = f"b[0] === '{mode}' && b[1] === '{lane}' && b[3] === '{word}'"
    return f"bar-{browser.value(f'data.bars.findIndex(b => {test})')}"


def test_it_asks_for_nothing_and_nothing_is_wrong(shown):
    assert {url for url in shown.requests if not url.endswith("/report.html")} == set()
    assert shown.errors == []
    assert shown.value("document.querySelector('#figure svg').getBoundingClientRect().width") > 900
    assert shown.value("document.documentElement.scrollWidth <= innerWidth")


def test_push_is_above_pull_on_one_axis(shown):
    push, pull = (centre(shown, bar_id(shown, mode, "node1", "gone")) for mode in ("push", "pull"))
    assert push[1] < pull[1]
    left = [
        shown.value(f"document.getElementById('{bar_id(shown, mode, 'node1', 'off')}')"
                    ".getBoundingClientRect().left")
        for mode in ("push", "pull")
    ]  # fmt: skip
    assert left[0] == pytest.approx(left[1], abs=0.5)


def test_the_cursor_shows_what_was_at_that_time(shown):
    put_cursor(shown, 5)
    assert cells(shown, "push")[:2] == ["a", "a runs"]
    put_cursor(shown, 12)
    assert cells(shown, "push") == ["a", "off, a gone", "", "", "node1 down"]
    put_cursor(shown, 37)
    assert cells(shown, "pull")[1:4] == ["", "a twice", "a twice"]
    put_cursor(shown, 30)
    assert cells(shown, "pull")[1:4] == ["", "a runs", "stray stray"]
    evidence = "document.getElementById('evidence').textContent"
    assert "person:" not in shown.value(evidence)
    put_cursor(shown, 27.1)
    assert "person: started a by hand, 27.0 s" in shown.value(evidence)


def test_hover_and_focus_show_the_evidence(shown):
    gone = bar_id(shown, "pull", "node1", "gone")
    shown.mouse("mouseMoved", *centre(shown, gone))
    assert shown.value(f"{TIP}.hidden") is False
    said = shown.value(f"{TIP}.textContent")
    assert said.startswith("pull, node1: a gone, 10.0 s to 15.8 s")
    assert "machine node1, state off" in said
    shown.mouse("mouseMoved", 1, 1)
    assert shown.value(f"{TIP}.hidden") is True
    shown.value("document.getElementById('fault-0').focus()")
    assert "phase bitten" in shown.value(f"{TIP}.textContent")
    shown.press("Escape")
    assert shown.value(f"{TIP}.hidden") is True


def test_the_cursor_follows_keys_and_mouse(shown):
    shown.value(f"{SLIDER}.focus()")
    shown.press("ArrowRight")
    assert shown.value(f"{SLIDER}.value") == "1"
    x, y = centre(shown, bar_id(shown, "pull", "node1", "off"))
    shown.mouse("mousePressed", x, y, buttons=1)
    shown.mouse("mouseReleased", x, y)
    assert cells(shown, "pull")[1] == "off"
    line = shown.value("document.querySelector('#figure line').getBoundingClientRect().x")
    assert line == pytest.approx(x, abs=2)


@pytest.mark.parametrize(("motion", "step"), [("no-preference", 2), ("reduce", 50)])
def test_the_replay_plays_and_pauses(shown, motion, step):
    feature = {"name": "prefers-reduced-motion", "value": motion}
    shown.call("Emulation.setEmulatedMedia", features=[feature])
    shown.open(shown.file)
    shown.value("document.getElementById('play').click()")
    wait_for(lambda: int(shown.value(f"{SLIDER}.value")) > 0, "the cursor moves", timeout_s=60)
    shown.value("document.getElementById('play').click()")
    at = int(shown.value(f"{SLIDER}.value"))
    assert at % step == 0
    assert shown.value("document.getElementById('play').textContent") == "Play"
