"""Every answer carries X-Request-ID, whoever gave it."""

import pytest

SANE = ["a", "curl-1", "0123.4567_89-AZ", "x" * 64]
FORGED = ["", "x" * 65, "a b", "a\tb", 'a"b', "caf\u00e9", "a,b", "<a>", "%0a"]


@pytest.mark.parametrize("offered", SANE, ids=lambda text: text[:16])
def test_a_sane_id_of_the_client_comes_back(api, offered):
    answer = api.call("GET", "/healthz", headers={"X-Request-ID": offered})
    assert answer.headers["X-Request-ID"] == offered


@pytest.mark.parametrize("offered", FORGED, ids=ascii)
def test_any_other_is_replaced(api, offered):
    headers = {"X-Request-ID": offered.encode("latin-1")}
    given = api.call("GET", "/healthz", headers=headers).headers["X-Request-ID"]
    assert given != offered
    assert len(given) > 8


def test_ids_that_we_make_differ(api):
    made = {api.call("GET", "/healthz").headers["X-Request-ID"] for _ in range(20)}
    assert len(made) == 20


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("DELETE", "/things", 405),
        ("GET", "/teapot", 418),
        ("GET", "/bug", 500),
        ("POST", "/things", 415),
        ("HEAD", "/healthz", 200),
        ("GET", "/things/" + "x" * 5000, 414),
        ("GET", "/things/" + "x" * 50_000, 414),
    ],
)
def test_so_does_every_refusal(api, method, path, status):
    answer = api.call(method, path, headers={"X-Request-ID": "mine"})
    assert answer.status_code == status
    # What the server refuses has no headers that could be trusted.
    assert (answer.headers["X-Request-ID"] == "mine") == (len(path) < 8000)
    assert answer.headers["X-Request-ID"]
