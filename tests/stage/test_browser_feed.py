"""The page and its stream: cut, frozen, refused, hostile; and what it asks for."""

import json
import threading

import pytest

from lab.history.history import FILE
from lab.stage.source import Replay
from tests.report.conftest import HOSTILE
from tests.stage.browsing import PATIENCE_S, Stage, Written, made
from tests.stage.made import heard

BANNER = "[role=alert]"


def test_a_lost_server_is_called_lost_and_found_again(tmp_path, page):
    written = Written(tmp_path, made())
    with Stage(written.source()) as stage:
        page.open(stage.url(lang="en"))
        page.says("header.top", "LIVE")
        assert page.text(BANNER) == ""
    page.says(BANNER, "Not connected: what you see is")
    written.made.machine(4, "node2", "off")
    written.write()
    with Stage(written.source(), port=stage.port):
        page.says(".box.off h3", "node2")
        assert page.text(BANNER) == ""


def test_a_stream_from_which_nothing_comes_never_looks_healthy(live, page):
    live.stage.board.publish = lambda *_: None
    page.says(BANNER, "Not connected: what you see is 5 s old.")
    assert "LIVE" not in page.text("header.top")
    clocks = "[...document.querySelectorAll('.clock')].map(c => c.textContent).join()"
    before = page.value(clocks)
    page.says(BANNER, "what you see is 7 s old.")
    # All of it is old: its clocks stand still.
    assert page.value(clocks) == before


def test_a_refused_page_says_which_address_to_open(tmp_path, page):
    written = Written(tmp_path, made())
    with Stage(written.source()) as stage:
        page.open(stage.url(lang="en"))
        page.says("header.top", "LIVE")
    with Stage(written.source(), port=stage.port, token="another"):
        page.says(BANNER, "The server refuses this page.")


def test_names_full_of_html_are_text(tmp_path, page):
    bad = made(why=HOSTILE)
    bad.records[0].fields["experiment"]["title"] = HOSTILE
    begin = bad.records[0]
    nodes = [*begin.fields["nodes"], HOSTILE]
    bad.records[0] = begin._replace(fields={**begin.fields, "nodes": nodes})
    bad.runs(4, HOSTILE, HOSTILE).wanted(4, HOSTILE, "a").claims(4, {HOSTILE: HOSTILE})
    bad.fault(4, HOSTILE, fault=HOSTILE).human(4, HOSTILE).machine(4, HOSTILE, HOSTILE)
    bad.put(4, "event", mode="pull", text=HOSTILE, type=HOSTILE, node=HOSTILE, container=HOSTILE)
    written = Written(tmp_path, heard(bad, 5))
    with Stage(written.source()) as stage:
        page.open(stage.url(lang="en"))
        page.wait(
            f"[...document.querySelectorAll('h3')].some(h => h.title === {json.dumps(HOSTILE)})",
            "a node has that name",
        )
        made_of = "document.querySelectorAll('#stage b[onclick], #stage script').length"
        assert page.value(made_of) == 0
        assert page.tab.errors == []


@pytest.mark.parametrize("key", ["run", "runs/push/node1", "claims/pull", "differs/pull"])
def test_a_view_that_lacks_a_key_is_drawn_all_the_same(live, page, key):
    publish, without = live.stage.board.publish, threading.Event()

    def lacking(view, at_s):
        publish({k: v for k, v in view.items() if k != key}, at_s)
        without.set()

    live.stage.board.publish = lacking
    assert without.wait(PATIENCE_S)
    page.open(live.stage.url(lang="en"))
    page.says("#stage", "Waiting for the lab" if key == "run" else "node1")
    assert page.text(BANNER) == ""
    assert page.tab.errors == []


def test_what_cannot_be_drawn_leaves_nothing_that_looks_healthy(live, page):
    publish = live.stage.board.publish
    live.stage.board.publish = lambda view, at_s: publish({**view, "run": {"modes": 1}}, at_s)
    page.says(BANNER, "is not a function")
    assert page.value("document.querySelectorAll('.headline').length") == 0
    live.stage.board.publish = publish
    page.says(".headline", "push All 2 containers run.")
    assert page.text(BANNER) == ""


def test_it_asks_its_own_server_alone_and_is_small(live, page):
    own = f"http://127.0.0.1:{live.stage.port}/"
    assert [url for url in page.tab.requests if not url.startswith((own, "data:,"))] == []
    assert page.tab.errors == []
    sizes = page.value("performance.getEntriesByType('resource').map(r => r.decodedBodySize)")
    assert sum(sizes) < 150_000
    paint = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
    assert page.wait(paint, "something is painted") > 0


def test_a_damaged_record_is_said(tmp_path, page):
    Written(tmp_path, made())
    file = tmp_path / FILE
    file.write_text(file.read_text().replace('["b"]', '["z"]', 1))
    with Stage(Replay(tmp_path)) as stage:
        page.open(stage.url(lang="en"))
        page.says(".damage", "The record is damaged in 2 places.")
