"""The page by keyboard alone: the replay, the languages, dark and light, and the menu of faults."""

import pytest

from lab.stage.control import Control, faults
from lab.stage.source import Replay
from services.core.errors import LabError
from tests.stage.browsing import Stage, Written, made
from tests.stage.made import heard

NOW = "Number(document.querySelector('.replay input').value)"


@pytest.fixture
def replay(tmp_path, page):
    long = heard(made().machine(20, "node1", "off"), 60)
    Written(tmp_path, long)
    with Stage(Replay(tmp_path)) as stage:
        page.open(stage.url(lang="en"))
        page.says("header.top", "RECORDED")
        yield page


def test_space_and_arrows_move_a_replay(replay):
    replay.says(".play", "Pause")
    replay.press(" ")
    replay.says(".play", "Play")
    at_s = replay.value(NOW)
    replay.press("ArrowRight")
    replay.wait(f"Math.abs({NOW} - {at_s} - 5) < 0.3", "5 s later")
    replay.press("Home")
    replay.wait(f"{NOW} < 0.3", "the beginning")
    for _ in range(5):
        replay.press("ArrowRight")
    replay.wait(f"Math.abs({NOW} - 25) < 0.5", "25 s later")
    replay.says(".box.off h3", "node1")
    replay.press("ArrowLeft")
    replay.press("ArrowLeft")
    replay.wait("!document.querySelector('.box.off')", "before the fault")
    replay.press("ArrowUp")
    replay.says(".replay", "speed \u00d72")
    replay.press("ArrowDown")
    replay.press("ArrowDown")
    replay.says(".replay", "speed \u00d70.5")


def test_a_replay_that_is_over_begins_again(replay):
    replay.value("fetch('/replay', {method: 'POST', headers: {'X-Token': 't0ken',"
                 "'Content-Type': 'application/json'}, body: '{\"at_s\": 60}'})")  # fmt: skip
    replay.wait(f"{NOW} >= 60", "the end")
    replay.press(" ")
    replay.wait(f"{NOW} < 10", "the beginning")


def test_every_word_is_french_in_french(tmp_path, page):
    Written(tmp_path, heard(made().machine(2, "node1", "off").fault(2, "node1"), 60))
    with Stage(Replay(tmp_path)) as stage:
        page.open(stage.url(lang="fr"))
        page.says(".headline.bad", "1 conteneur a disparu. Rien ne le redémarre.")
        assert page.value("document.documentElement.lang") == "fr"
        page.says(".box.off", "sans courant")
        page.says("header.top", "ENREGISTRÉ")
        page.press("l")
        page.says(".headline.bad", "1 container is gone.")


def test_both_dictionaries_have_the_same_words(live, page):
    page.value("import('/page/words.js').then(({WORDS}) => { window.words = WORDS; return 1; })")
    shape = (
        "(function shape(of) { return typeof of === 'object' && !Array.isArray(of)"
        " ? Object.fromEntries(Object.entries(of).map(([k, v]) => [k, shape(v)]))"
        " : typeof of + (of.length ?? ''); })"
    )
    english, french = (page.value(f"{shape}(words.{lang})") for lang in ("en", "fr"))
    texts = {key: value for key, value in english.items() if not str(value).startswith("string")}
    assert {key: french[key] for key in texts} != {}
    assert english.keys() == french.keys()
    for table in ("looks", "machines", "nodes", "faults", "ended"):
        assert english[table].keys() == french[table].keys()
    known = {fault["name"] for fault in faults()}
    assert known - english["faults"].keys() == set()


def test_d_changes_between_dark_and_light(live, page):
    paper = "getComputedStyle(document.body).backgroundColor"
    assert page.value(paper) == "rgb(255, 255, 255)"
    page.press("d")
    assert page.value(paper) == "rgb(16, 20, 24)"
    page.press("d")
    assert page.value(paper) == "rgb(255, 255, 255)"
    page.media(prefers_color_scheme="dark")
    page.open(live.stage.url())
    page.says("header.top", "LIVE")
    assert page.value(paper) == "rgb(16, 20, 24)"


def test_the_keys_are_listed_and_esc_closes(live, page):
    page.press("?")
    page.says("dialog[open]", "dark or light")
    page.press("Escape")
    page.wait("!document.querySelector('dialog')", "it is closed")


@pytest.fixture
def struck(tmp_path, page):
    """The commands that the page has performed; one on node2 is refused."""
    words = []

    def perform(command):
        if "node2" in command:
            raise LabError("node2 is off", hint="lab heal")
        words.append(" ".join(command))

    extra = {"control": {"faults": faults()}}
    source = Written(tmp_path, made()).source()
    with Stage(source, breaks=Control(perform), extra=extra) as stage:
        page.open(stage.url(lang="en"))
        page.says("header.top", "LIVE")
        yield words


def test_a_fault_strikes_by_keyboard(struck, page):
    focused = "document.activeElement.getAttribute('aria-label') ?? ''"
    for _ in range(20):
        page.press("Tab")
        if page.value(focused) == "break node1":
            break
    assert page.value("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.press("Enter")
    page.says("dialog[open]", "lab chaos cut node1")
    page.says("dialog[open]", "lab chaos kill-container node1 --name=a --mode=push")
    page.press("ArrowDown")
    page.press("ArrowDown")
    page.press("Enter")
    page.says(".said", "done: lab chaos pause node1")
    assert struck == ["lab chaos pause node1"]
    assert not page.value("!!document.querySelector('dialog')")


def test_a_refused_fault_says_why_and_what_to_do(struck, page):
    page.value("document.querySelector('[aria-label=\"break node2\"]').click()")
    page.says("dialog[open]", "lab chaos cut node2")
    page.press("Enter")
    page.says(".said.wrong", "node2 is off. lab heal")
    assert struck == []


def test_without_control_there_is_nothing_to_break(live, page):
    assert page.value("document.querySelectorAll('.break').length") == 0
