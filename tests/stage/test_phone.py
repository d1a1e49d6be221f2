"""What the phone page's server tells, presses and refuses; and how a phone gets there."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import segno

from lab import paths
from lab.stage.web.phone import picture, place
from lab.stage.web.serving import bind
from services.core.errors import LabError
from tests.demo.terminal import terminal
from tests.stage.phones import HOST, STOP, phone, playing_demo
from tests.stage.serving import TOKEN, Page, ask

PRESS = ("POST", "/press")


@pytest.fixture
def desk(tmp_path, monkeypatch):
    with playing_demo(tmp_path, monkeypatch) as one:
        yield one


@pytest.fixture
def port():
    with phone() as (_, found):
        yield found


def shown(page):
    """The next view of a page that shows a demonstration."""
    view: dict[str, object] = {}
    while not view.get("running"):
        _, _, data = page.event()
        view = {**view, **data.get("view", {}), **data.get("set", {})}
    return view


def press(port, number, key="on"):
    return ask(port, *PRESS, {"id": number, "key": key}, X_Token=TOKEN)


def test_without_a_demonstration_it_waits_for_one(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "STATE", tmp_path)
    with phone() as (url, port):
        page = Page(port)
        assert page.event()[2]["view"] == {"url": url, "running": False, "ended": False}
        status, _, body = press(port, "any")
        assert (status, body["error"]) == (409, "no demonstration is being played")
        with playing_demo(tmp_path, monkeypatch) as desk:
            desk.tell(**STOP)
            assert shown(page)["say"] == STOP["say"]
        page.close()


def test_one_that_was_killed_is_not_running_and_can_be_resumed(tmp_path, monkeypatch):
    with playing_demo(tmp_path, monkeypatch, ends=False) as desk:
        desk.tell(**STOP)
    with phone() as (_, port):
        page = Page(port)
        view = page.event()[2]["view"]
        assert (view["running"], view["ended"]) == (False, True)
        page.close()


def test_two_phones_see_the_same_and_one_of_two_presses_goes_on(desk, port):
    desk.tell(**STOP)
    pages = [Page(port), Page(port)]
    first, second = map(shown, pages)
    assert first == second
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: press(port, first["id"]), range(8)))
    assert sorted(status for status, _, _ in answers) == [200, *[409] * 7]
    assert desk.key() == "\r"
    desk.tell(**STOP)
    # Seven refused presses are none of the next step either.
    assert press(port, desk.cue.id)[0] == 200
    assert desk.key() == "\r"
    for page in pages:
        page.close()


def test_a_press_is_a_key_at_a_real_terminal(tmp_path, monkeypatch, port):
    monkeypatch.setattr(paths, "STATE", tmp_path)
    page = Page(port)
    with terminal(tmp_path, "demo", "self-healing") as one:
        one.says("SAY")
        view = shown(page)
        assert view["command"] == "lab chaos cut node1"
        assert press(port, view["id"])[0] == 200
        one.says("played pull the plug of the busiest node")
        one.says("SAY       The machine comes back.")
        # The same press again is none for the next step.
        assert press(port, view["id"])[0] == 409
        one.types("\r")
        assert one.ends() == 0
    page.close()


def test_a_press_for_a_step_that_is_over_is_refused(desk, port):
    desk.tell(**STOP)
    over = desk.cue.id
    desk.tell(**STOP)
    status, _, body = press(port, over)
    assert (status, body["error"]) == (409, "it has gone on already")


def test_what_is_not_offered_is_refused(desk, port):
    desk.tell(**STOP)
    status, _, body = press(port, desk.cue.id, "recorded")
    assert (status, body["error"]) == (409, "recorded is not offered now")
    assert press(port, desk.cue.id)[0] == 200


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ({"id": "1", "key": "on"}, {}, 403),
        ({"id": "1", "key": "on"}, {"X_Token": "wrong"}, 403),
        ({"id": "1", "key": "reset"}, {"X_Token": TOKEN}, 400),
        ({"id": "1", "key": ["on"]}, {"X_Token": TOKEN}, 400),
        ({"id": 1, "key": "on"}, {"X_Token": TOKEN}, 400),
        ({}, {"X_Token": TOKEN}, 400),
        ("[]", {"X_Token": TOKEN, "Content_Type": "application/json"}, 400),
        ("x" * 5000, {"X_Token": TOKEN, "Content_Type": "application/json"}, 413),
        ("{}", {"X_Token": TOKEN, "Content_Type": "text/plain"}, 415),
    ],
)
def test_a_press_needs_the_token_and_a_key_that_breaks_nothing(desk, port, body, headers, status):
    assert ask(port, *PRESS, body, **headers)[0] == status


@pytest.mark.parametrize("path", ["/", "/stream", "/qr.svg"])
def test_without_the_token_nothing_is_shown(port, path):
    assert ask(port, "GET", path)[0] == 403
    assert ask(port, "GET", f"{path}?token=wrong")[0] == 403


@pytest.mark.parametrize("host", ["localhost", "evil.example", "127.0.0.2", ""])
def test_only_the_address_that_was_named_is_served(port, host):
    assert ask(port, "GET", f"/?token={TOKEN}", Host=host)[0] == 403
    assert ask(port, "GET", f"/?token={TOKEN}")[0] == 200


def test_a_foreign_origin_gets_nothing(port):
    headers = {"X_Token": TOKEN, "Origin": "http://evil.example"}
    assert ask(port, *PRESS, {"id": "1", "key": "on"}, **headers)[0] == 403


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/chaos"), ("POST", "/chaos"), ("POST", "/replay")]
)
def test_it_breaks_nothing_and_moves_no_replay(port, method, path):
    body = {"fault": "cut", "target": "node1"}
    assert ask(port, method, f"{path}?token={TOKEN}", body, X_Token=TOKEN)[0] == 404


def matrix(text):
    """The modules of a QR code that is drawn with blocks, without its border."""
    dark = {" ": (1, 1), "▀": (0, 1), "▄": (1, 0), "█": (0, 0)}
    rows = [[dark[block][half] for block in line] for line in text.splitlines() for half in (0, 1)]
    size = len(rows[0]) - 4
    return [row[2 : 2 + size] for row in rows[2 : 2 + size]]


def test_the_code_in_the_terminal_is_the_url():
    url = f"http://192.168.100.200:65535/?token={'x' * 24}&lang=fr"
    found = matrix(picture(url))
    assert found == [list(row) for row in segno.make_qr(url).matrix]
    assert found != matrix(picture(url.replace("fr", "en")))
    # A terminal of 80 x 24 shows it.
    assert len(picture(url).splitlines()) <= 21


def test_the_code_on_the_page_is_drawn_for_a_second_speaker(port):
    status, headers, body = ask(port, "GET", f"/qr.svg?token={TOKEN}")
    assert (status, headers["Content-Type"]) == (200, "image/svg+xml")
    assert re.match(rb"<\?xml.*<svg ", body, re.DOTALL)


@pytest.mark.parametrize(
    ("text", "found"),
    [("192.168.1.20", ("192.168.1.20", 8091)), ("10.0.0.1:0", ("10.0.0.1", 0))],
)
def test_the_place_is_an_address_and_perhaps_a_port(text, found):
    assert place(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":8091",
        "0.0.0.0",
        "::",
        "laptop",
        "1.2.3.4:x",
        "1.2.3.4:",
        "1.2.3.4:65536",
        "1.2.3.4:-1",
    ],
)
def test_what_is_no_address_is_refused_with_an_example(text):
    with pytest.raises(LabError) as refused:
        place(text)
    assert "192.168.1.20" in refused.value.hint


def test_an_address_of_another_computer_and_a_port_that_is_taken_are_errors():
    with pytest.raises(LabError, match=r"203\.0\.113\.7 is no address of this computer"):
        bind(lambda *_: [], 0, "203.0.113.7")
    with (
        bind(lambda *_: [], 0, HOST) as first,
        pytest.raises(LabError, match="another program has it"),
    ):
        bind(lambda *_: [], first.server_port, HOST)
