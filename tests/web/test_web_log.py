"""--log json: one object a line, one line a request, nothing secret."""

import argparse
import io
import logging
import re
import sys
import threading
import warnings

import pytest

from services.web import capture
from services.web.log import JsonLog, TextLog


def last(api):
    return api.lines[-1]


def test_a_line_tells_who_asked_what_and_how_it_went(api):
    answer = api.call("GET", "/things/a?token=secret", headers={"X-Request-ID": "mine"})
    line = last(api)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert 0 <= line.pop("ms") < 10_000
    assert line == {
        "level": "info",
        "message": "request",
        "request_id": "mine",
        "method": "GET",
        "path": "/things/a",
        "route": "/things/<name>",
        "status": 200,
        "bytes": len(answer.content),
        "client": "127.0.0.1",
    }


def test_secrets_of_a_request_are_in_no_line(api):
    headers = {"Authorization": "Bearer sesame", "Cookie": "sesame"}
    api.call("POST", "/things?token=sesame", json={"password": "sesame"}, headers=headers)
    api.call("GET", "/bug?token=sesame", headers=headers)
    assert "sesame" not in api.out.getvalue()


def test_what_a_handler_notes_and_what_went_wrong_are_in_the_line(api):
    api.call("GET", "/noted")
    assert last(api)["node"] == "node2"
    api.call("GET", "/teapot")
    assert (last(api)["node"], last(api)["error"]) == ("node1", "short and stout")
    api.call("POST", "/things", data="x")
    assert "is not JSON" in last(api)["error"]


def test_a_bug_is_told_once_with_its_traceback(api, capfd):
    api.call("GET", "/bug")
    bug, request = api.lines
    assert "KeyError" in bug["traceback"]
    assert (bug["level"], request["level"], request["status"]) == ("error", "error", 500)
    assert capfd.readouterr() == ("", "")


def test_path_cannot_forge_a_line(api):
    api.call("GET", "/things/a%0A%7B%22level%22%3A%22error%22%7D")
    assert len(api.lines) == 1
    assert last(api)["path"].startswith("/things/a\n")


def test_text_says_nothing_of_requests_and_all_of_bugs():
    out = io.StringIO()
    log = TextLog(out)
    log.exchange(None)
    assert out.getvalue() == ""
    log.say("listening", node="node1")
    log.say("GET /: KeyError", level="error", error=KeyError("nothing"))
    assert out.getvalue().splitlines() == ["listening", "KeyError: 'nothing'", "GET /: KeyError"]


@pytest.mark.parametrize(
    ("told", "words", "style"),
    [(None, [], "text"), ("json", [], "json"), ("json", ["--log", "text"], "text")],
    ids=["nothing said", "environment", "option before environment"],
)
def test_style_of_the_log(monkeypatch, told, words, style):
    monkeypatch.delenv("LAB_LOG", raising=False)
    if told:
        monkeypatch.setenv("LAB_LOG", told)
    parser = argparse.ArgumentParser()
    capture.add_log_option(parser)
    assert parser.parse_args(words).log == style


def test_style_that_there_is_not_is_refused_from_wherever_it_comes(monkeypatch, capsys):
    monkeypatch.setenv("LAB_LOG", "xml")
    parser = argparse.ArgumentParser()
    capture.add_log_option(parser)
    with pytest.raises(SystemExit):
        parser.parse_args([])
    assert "'xml' is not one of: text, json" in capsys.readouterr().err


@pytest.fixture
def captured(monkeypatch):
    """What this process would print, as lines of JSON; pytest has its own hooks back after."""
    for module, name in ((sys, "excepthook"), (threading, "excepthook")):
        monkeypatch.setattr(module, name, getattr(module, name))
    monkeypatch.setattr(logging.root, "handlers", [])
    out = io.StringIO()
    capture.divert(JsonLog(out))
    yield out
    logging.captureWarnings(False)


def test_tracebacks_of_threads_and_words_of_libraries_become_lines(captured):
    thread = threading.Thread(target=lambda: 1 / 0, name="ask node1")
    thread.start()
    thread.join()
    logging.getLogger("library").warning("depth is %d", 3)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", stacklevel=1)
    sys.excepthook(ValueError, ValueError("x"), None)
    lines = captured.getvalue().splitlines()
    told = ["ZeroDivisionError", "depth is 3", "old", "ValueError"]
    for line, words in zip(lines, told, strict=True):
        assert words in line
