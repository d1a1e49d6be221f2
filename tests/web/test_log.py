"""--log json: one object a line, one line a request, nothing secret."""

import argparse
import io
import json
import logging
import re
import sys
import threading
import warnings

import pytest

from services.web.logs import REQUESTS, add_log_option, start_logging


def test_a_line_tells_who_asked_what_and_how_it_went(api, log):
    answer = api.call("GET", "/things/a?token=secret", headers={"X-Request-ID": "mine"})
    (line,) = log.all
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


def test_secrets_of_a_request_are_in_no_line(api, log):
    headers = {"Authorization": "Bearer sesame", "Cookie": "sesame"}
    api.call("POST", "/things?token=sesame", json={"password": "sesame"}, headers=headers)
    api.call("GET", "/bug?token=sesame", headers=headers)
    assert "sesame" not in log.text


def test_what_a_handler_notes_and_what_went_wrong_are_in_the_line(api, log):
    api.call("GET", "/noted")
    assert log.all[-1]["node"] == "node2"
    api.call("GET", "/teapot")
    assert (log.all[-1]["node"], log.all[-1]["error"]) == ("node1", "short and stout")
    api.call("POST", "/things", data="x")
    assert "is not JSON" in log.all[-1]["error"]


def test_a_bug_is_told_once_with_its_traceback(api, log, capfd):
    api.call("GET", "/bug")
    bug, request = log.all
    assert "KeyError" in bug["traceback"]
    assert (bug["level"], request["level"], request["status"]) == ("error", "error", 500)
    assert capfd.readouterr() == ("", "")


def test_path_cannot_forge_a_line(api, log):
    api.call("GET", "/things/a%0A%7B%22level%22%3A%22error%22%7D")
    assert len(log.all) == 1
    assert log.all[-1]["path"].startswith("/things/a\n")


def test_text_says_nothing_of_requests_and_all_of_bugs(process_log, api):
    out = process_log("text")
    logging.getLogger("services.push").info("listening", extra={"node": "node1"})
    logging.getLogger("paramiko").info("not for people")
    for path in ("/things/a", "/bug", "/teapot"):
        api.call("GET", path)
    first, bug, *trace = out.getvalue().splitlines()
    assert (first, bug) == ("listening", "GET '/bug': KeyError('nothing')")
    assert (trace[0], trace[-1]) == ("Traceback (most recent call last):", "KeyError: 'nothing'")


def test_path_cannot_forge_a_line_of_text(process_log, api):
    out = process_log("text")
    api.app.get("/bug/<name>", callback=lambda name: dict[str, str]()["nothing"])
    api.call("GET", "/bug/a%0Aforged")
    assert "\nforged" not in out.getvalue()


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
    add_log_option(parser)
    assert parser.parse_args(words).log == style


def test_style_that_there_is_not_is_refused_from_wherever_it_comes(monkeypatch, capsys):
    monkeypatch.setenv("LAB_LOG", "xml")
    parser = argparse.ArgumentParser()
    add_log_option(parser)
    with pytest.raises(SystemExit):
        parser.parse_args([])
    assert "'xml' is not one of: text, json" in capsys.readouterr().err


@pytest.fixture
def process_log(monkeypatch):
    """Start logging in a style; returns where it is written. Afterwards all is as it was."""
    for module, name in (
        (sys, "excepthook"), (threading, "excepthook"),
        (logging.root, "handlers"), (logging.root, "level"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, getattr(module, name))
    # Or basicConfig would close the handlers of pytest.
    monkeypatch.setattr(logging.root, "handlers", [])
    services = logging.getLogger("services")
    level = services.level
    out = io.StringIO()

    def process_log(style):
        start_logging(style, out)
        return out

    yield process_log
    logging.captureWarnings(False)
    services.setLevel(level)
    REQUESTS.disabled = True


def test_tracebacks_of_threads_and_words_of_libraries_become_lines(process_log):
    captured = process_log("json")
    thread = threading.Thread(target=lambda: 1 / 0, name="ask node1")
    thread.start()
    thread.join()
    logging.getLogger("library").warning("depth is %d", 3)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", stacklevel=1)
    sys.excepthook(ValueError, ValueError("x"), None)
    died, depth, warned, ended = map(json.loads, captured.getvalue().splitlines())
    assert (died["level"], died["message"]) == ("error", "thread 'ask node1' ends")
    assert died["error"] == "ZeroDivisionError: division by zero"
    assert "1 / 0" in died["traceback"]
    assert (depth["level"], depth["logger"], depth["message"]) == (
        "warning", "library", "depth is 3",
    )  # fmt: skip
    assert (warned["logger"], "old" in warned["message"]) == ("py.warnings", True)
    assert (ended["message"], ended["error"]) == ("the process ends", "ValueError: x")


def test_text_escapes_what_a_terminal_would_obey_but_for_the_line_feed_of_a_hint(process_log):
    out = process_log("text")
    logging.getLogger("services.pull").warning("%s\nhint: %s", "a\x1b[2J\r", "b\x07\u202e\ud800")
    assert out.getvalue() == "a\\x1b[2J\\r\nhint: b\\x07\\u202e\\ud800\n"
