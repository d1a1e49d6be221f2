"""The server over real HTTP: what a page gets, and who gets nothing."""

import threading

import pytest

from lab.errors import LabBusy
from lab.stage.web.guard import HEADERS
from services.core.errors import LabError
from tests.stage.serving import TOKEN, Page, ask, served
from tests.waiting import wait_for


@pytest.fixture
def stage():
    with served() as found:
        yield found


class Breaks:
    """Takes what a page wants to break."""

    def __init__(self):
        self.done, self.error = [], None

    def command(self, fault, target, options):
        if fault == "nonsense":
            raise LabError("unknown fault 'nonsense'", hint="use one of: cut")
        return " ".join(["lab chaos", fault, target, *options.values()])

    def strike(self, fault, target, options):
        if self.error:
            raise self.error
        self.done.append((fault, target, options))
        return self.command(fault, target, options)


class Moves:
    def __init__(self):
        self.moves = []

    def move(self, *words):
        self.moves.append(words)


def test_a_page_gets_a_snapshot_then_deltas(stage):
    board, port = stage
    board.publish({"a": 1}, 1.0)
    page = Page(port)
    assert page.answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    kind, number, data = page.event()
    assert (kind, data) == ("snapshot", {"at_s": 1.0, "view": {"a": 1}})
    board.publish({"a": 2}, 2.0)
    kind, later, data = page.event()
    assert (kind, data) == ("delta", {"at_s": 2.0, "set": {"a": 2}, "gone": []})
    assert later != number
    page.close()


def test_a_page_that_lost_its_connection_goes_on_where_it_was(stage):
    board, port = stage
    board.publish({"a": 1, "b": 1}, 1.0)
    page = Page(port)
    seen = page.event()[1]
    page.close()
    board.publish({"a": 2, "b": 1}, 2.0)
    page = Page(port, seen)
    assert page.event()[::2] == ("delta", {"at_s": 2.0, "set": {"a": 2}, "gone": []})
    page.close()
    page = Page(port, "of another server/7")
    assert page.event()[0] == "snapshot"
    page.close()


def test_before_there_is_a_view_a_page_waits(stage):
    board, port = stage
    page = Page(port)
    assert page.answer.status == 200
    board.publish({"a": 1}, 1.0)
    assert page.event()[0] == "snapshot"
    page.close()


def test_a_browser_that_closes_in_the_middle_is_no_error_and_leaves_no_thread(stage, capfd):
    board, port = stage
    board.publish({"a": 0}, 0.0)
    before = threading.active_count()
    pages = [Page(port) for _ in range(10)]
    for page in pages:
        page.event()
        page.close()

    def gone():
        board.publish({"a": "x" * 100_000}, 1.0)
        board.publish({"a": 0}, 1.0)
        return threading.active_count() <= before

    wait_for(gone, "no thread is left", timeout_s=20)
    assert ask(port, "GET", f"/?token={TOKEN}")[0] == 200
    assert capfd.readouterr().err == ""


def test_the_page_and_its_files_are_never_cached_and_run_nothing_foreign(stage):
    _, port = stage
    for path in (f"/?token={TOKEN}", "/page/stage.js", "/page/stage.css", "/nowhere"):
        _, headers, _ = ask(port, "GET", path)
        assert {key: headers[key] for key in HEADERS} == HEADERS
    policy = HEADERS["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("path", ["/", "/?token=", "/?token=wrong", "/?token=%F0%9F", "/stream"])
def test_without_the_token_nothing_is_shown(stage, path):
    status, _, body = ask(stage[1], "GET", path)
    assert status == 403
    assert body["hint"] == "open the URL that lab stage printed"


@pytest.mark.parametrize(
    "path", ["/page/../server.py", "/page/%2e%2e/server.py", "/page//etc/passwd"]
)
def test_no_other_file_is_served(stage, path):
    assert ask(stage[1], "GET", path)[0] in (403, 404)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8090", "127.0.0.1.evil.example", "", "["]
)
def test_a_foreign_name_that_leads_here_gets_nothing(stage, host):
    status, _, body = ask(stage[1], "GET", f"/?token={TOKEN}", Host=host)
    assert status == 403
    assert "no name of this computer" in body["error"]


@pytest.mark.parametrize("host", ["localhost:9", "127.0.0.1:8090", "[::1]:8090", "LOCALHOST"])
def test_the_names_of_this_computer_are_served_through_a_tunnel_too(stage, host):
    assert ask(stage[1], "GET", f"/?token={TOKEN}", Host=host)[0] == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://localhost:1", "http://localhost:2"]
)
def test_a_foreign_origin_gets_nothing(stage, origin):
    headers = {"Host": "localhost:1", "Origin": origin}
    assert ask(stage[1], "GET", f"/stream?token={TOKEN}", **headers)[0] == 403


def test_its_own_origin_is_served(stage):
    headers = {"Host": "localhost:1", "Origin": "http://localhost:1"}
    assert ask(stage[1], "GET", f"/?token={TOKEN}", **headers)[0] == 200


def test_a_page_without_control_breaks_nothing(stage):
    _, port = stage
    for method in ("GET", "POST"):
        status, _, body = ask(port, method, "/chaos", {"fault": "cut"}, X_Token=TOKEN)
        assert (status, body["hint"]) == (403, "lab stage --control lets it break things")
    assert ask(port, "POST", "/replay", {}, X_Token=TOKEN)[0] == 404


def test_a_fault_is_shown_as_a_command_and_done_by_a_post():
    breaks = Breaks()
    with served(breaks=breaks) as (_, port):
        path = f"/chaos?fault=corrupt&target=node1&name=web&token={TOKEN}"
        assert ask(port, "GET", path)[2] == {"command": "lab chaos corrupt node1 web"}
        assert breaks.done == []
        body = {"fault": "corrupt", "target": "node1", "options": {"name": "web"}}
        status, _, said = ask(port, "POST", "/chaos", body, X_Token=TOKEN)
        assert (status, said) == (200, {"command": "lab chaos corrupt node1 web"})
        assert breaks.done == [("corrupt", "node1", {"name": "web"})]


def test_what_cannot_be_done_is_said_with_a_hint():
    breaks = Breaks()
    with served(breaks=breaks) as (_, port):
        path = "/chaos?fault=nonsense"
        assert ask(port, "GET", path, X_Token=TOKEN)[::2] == (
            400,
            {"error": "unknown fault 'nonsense'", "hint": "use one of: cut"},
        )
        breaks.error = LabBusy("lab up both (pid 7)", 3)
        status, _, said = ask(port, "POST", "/chaos", {"fault": "cut"}, X_Token=TOKEN)
        assert status == 409
        assert "lab up both (pid 7)" in said["error"]
        assert said["hint"].startswith("wait for it to end")


@pytest.mark.parametrize("path", ["/chaos", "/replay"])
@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ({"fault": "cut"}, {}, 403),
        ({"fault": "cut"}, {"X_Token": "wrong"}, 403),
        ({"fault": 7, "at_s": "x"}, {"X_Token": TOKEN}, 400),
        ({"fault": "cut", "options": [], "speed": 0}, {"X_Token": TOKEN}, 400),
        ({"fault": "cut", "options": {"a": 1}, "paused": 1}, {"X_Token": TOKEN}, 400),
        ({"at_s": True}, {"X_Token": TOKEN}, 400),
        ({"at_s": -1}, {"X_Token": TOKEN}, 400),
        ("[]", {"X_Token": TOKEN, "Content_Type": "application/json"}, 400),
        ("{", {"X_Token": TOKEN, "Content_Type": "application/json"}, 400),
        ('{"at_s": NaN}', {"X_Token": TOKEN, "Content_Type": "application/json"}, 400),
        ("{}", {"X_Token": TOKEN, "Content_Type": "text/plain"}, 415),
        ("x" * 5000, {"X_Token": TOKEN, "Content_Type": "application/json"}, 413),
    ],
)
def test_a_body_is_checked_before_anything_is_done(path, body, headers, status):
    breaks, moves = Breaks(), Moves()
    with served(breaks=breaks, replay=moves) as (_, port):
        got, _, said = ask(port, "POST", path, body, **headers)
        assert got == status
        assert said["error"]
        assert said["hint"]
        # The token of a POST is no part of a URL, which a link could have.
        assert ask(port, "POST", f"{path}?token={TOKEN}", {"fault": "cut"})[0] == 403
    assert breaks.done == moves.moves == []


def test_a_replay_is_moved():
    moves = Moves()
    with served(replay=moves) as (_, port):
        body = {"at_s": 5, "paused": False, "speed": 2}
        assert ask(port, "POST", "/replay", body, X_Token=TOKEN)[0] == 200
        assert ask(port, "POST", "/replay", {"paused": True}, X_Token=TOKEN)[0] == 200
    assert moves.moves == [(5.0, False, 2.0), (None, True, None)]


def test_a_bug_of_ours_is_said_and_the_server_goes_on():
    breaks = Breaks()
    breaks.error = RuntimeError("a bug")
    with served(breaks=breaks) as (_, port):
        status, _, said = ask(port, "POST", "/chaos", {"fault": "cut"}, X_Token=TOKEN)
        assert status == 500
        assert set(said) == {"error", "hint"}
        assert ask(port, "GET", f"/?token={TOKEN}")[0] == 200
