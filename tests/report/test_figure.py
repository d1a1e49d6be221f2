"""The figure: readable, the same bytes each time, and whatever the names are."""

import hashlib
import subprocess
import sys
from xml.etree import ElementTree as Xml

import pytest

from lab.report.bars import WORDS, bars, fault_bars
from lab.report.figure import LOOKS, draw
from tests.house.repository import ROOT
from tests.report.conftest import MODES


def test_the_same_history_gives_the_same_bytes_in_another_process(drawing):
    program = (
        "import hashlib, tests.report.conftest as c; from lab.experiment.check.judge import judge\n"
        "from lab.report.figure import draw; d = draw(judge(c.made(error_s=0.2).end(40)))\n"
        "print(hashlib.sha256(d.svg.encode() + d.png + d.page.encode()).hexdigest())"
    )
    # Another order of sets, another time zone, another person's settings of matplotlib.
    settings = {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "MPLBACKEND": "svg"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT, env={**settings, "PATH": ""}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    own = hashlib.sha256(drawing.svg.encode() + drawing.png + drawing.page.encode()).hexdigest()
    assert done.stdout.split() == [own]


def test_every_bar_has_its_id_and_every_word_is_there(drawing, judgement):
    root = Xml.fromstring(drawing.page)
    ids = {element.get("id") for element in root.iter()}
    timeline = judgement.timeline
    assert ids >= {f"bar-{number}" for number in range(len(bars(timeline)))}
    assert ids >= {f"fault-{number}" for number in range(len(fault_bars(timeline)))}
    texts = "\n".join(element.text or "" for element in root.iter())
    drawn = {WORDS[bar.what] for bar in bars(timeline)}
    wanted = {*drawn, "cut node1", "node1", "node3", "a gone", "push: NOT", "pull: NOT", "seconds"}
    assert {word for word in wanted if word not in texts} == set()
    assert texts.index("push: NOT") < texts.index("pull: NOT")


def test_colours_and_patterns_are_all_different():
    looks = [(look.colour, look.pattern) for look in LOOKS.values()]
    assert len({colour for colour, _ in looks}) == len(looks)
    patterns = [pattern for _, pattern in looks if pattern]
    assert len(set(patterns)) == len(patterns)
    assert {what for what in LOOKS if not LOOKS[what].pattern} == {"runs", "fault"}


def test_letters_are_large_enough_for_the_last_row(drawing):
    """1920 x 1080 pixels; the smallest letter of a lane is a fiftieth of the height."""
    assert drawing.png[16:24] == (1920).to_bytes(4, "big") + (1080).to_bytes(4, "big")
    root = Xml.fromstring(drawing.page)
    height = float(root.get("viewBox", "").split()[3])
    sizes = [
        float(element.get("style", "").split("font-size: ")[1].split("px")[0])
        for element in root.iter("{http://www.w3.org/2000/svg}text")
        if element.text in (*MODES, "node1", "node2", "node3", "a gone", "off", "a runs")
    ]
    assert len(sizes) > 6
    assert min(sizes) >= height / 50


def test_names_are_text(hostile):
    drawing = draw(hostile)
    for svg in (drawing.svg, drawing.page):
        root = Xml.fromstring(svg)
        assert [e for e in root.iter() if e.tag.endswith(("}b", "}script"))] == []
        assert not any(name.startswith("on") for e in root.iter() for name in e.attrib)
    assert "$\\nosuch$" in drawing.page


@pytest.mark.parametrize("text", ["", "{}\n"])
def test_a_history_of_which_nothing_is_left_is_drawn(text):
    from lab.experiment.check.judge import judge
    from lab.history.history import parse

    assert "UNKNOWN" in draw(judge(parse(text))).page
