"""The page: one file, offline, under 300 kB; what comes from a history is text in it."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest

from lab.experiment.check.judge import judge
from lab.report.figure import draw
from lab.report.page import page
from tests.experiment.histories import NODES
from tests.report.conftest import HOSTILE, made

LIMIT = 300_000


class Reader(HTMLParser):
    """Elements, their attributes, and the text of the page as a reader of it has it."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.texts, self.scripts = [], [], [], []
        self.open = ""
        self.feed(text)

    @property
    def replay(self):
        """The JSON that the page's script reads."""
        return next(text for text in self.scripts if text.startswith("{"))

    def handle_starttag(self, tag, attrs):
        self.open = tag
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        (self.scripts if self.open in ("script", "style") else self.texts).append(data)

    def handle_endtag(self, tag):
        self.open = ""


@pytest.fixture(scope="module")
def html(judgement, drawing):
    return page(judgement, drawing)


def test_it_is_one_small_file_that_asks_for_no_other(html):
    assert len(html.encode()) < LIMIT
    reader = Reader(html)
    assert not {"img", "link", "iframe", "object", "embed"} & set(reader.tags)
    references = {
        value
        for name, value in reader.attributes
        if name in ("src", "href", "xlink:href", "action", "data", "srcset")
    }
    assert all(value.startswith("#") for value in references)
    assert re.findall(r"url\((?!#|'#|\"#)", html) == []
    assert "default-src 'none'" in html


def test_the_browser_may_run_our_script_alone(html):
    script = Reader(html).scripts[-1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in html
    assert not any(name.startswith("on") for name, _ in Reader(html).attributes)
    assert "innerHTML" not in script


def test_it_says_what_was_judged(html, judgement):
    texts = " ".join(Reader(html).texts)
    for result in judgement.modes:
        for judged in result.checks:
            assert judged.finding.text in texts
            assert all(line in texts for line in judged.finding.evidence)


def test_the_replay_has_the_evidence_of_every_bar(html, judgement):
    data = json.loads(Reader(html).replay)
    assert data["modes"] == ["push", "pull"]
    assert data["nodes"] == NODES
    gone = next(bar for bar in data["bars"] if bar[:4] == ["push", "node1", "a", "gone"])
    assert any("machine node1, state off" in data["texts"][index] for index in gone[6])
    assert [text for mode, _, text in data["said"] if mode == "push"] == [
        "a on node1", "node1 down", "no answer: ", "nothing",
    ]  # fmt: skip


def test_texts_of_a_history_are_no_html(hostile):
    html = page(hostile, draw(hostile))
    reader = Reader(html)
    assert reader.tags.count("script") == 2
    assert "b" not in reader.tags
    assert not any(name.startswith("on") for name, _ in reader.attributes)
    assert "\x1b" not in html
    assert "\u202e" not in html
    # It is shown all the same, with what does not print escaped.
    assert HOSTILE.partition(" \x1b")[0] in "".join(reader.texts)
    json.loads(reader.replay)


def test_a_node_that_flaps_for_an_hour_makes_no_large_page():
    flapping = made()
    for number in range(1000):
        names = ["a", "b", "c", "d"] if number % 2 else []
        flapping.runs(36 + number, "node3", *names).claims(
            36 + number, dict.fromkeys(names, "node3")
        )
    judgement = judge(flapping.end(1100))
    html = page(judgement, draw(judgement))
    assert len(html.encode()) < LIMIT
    assert "shorter bars are not drawn" in html
