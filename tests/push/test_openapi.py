"""GET /openapi.json tells the truth: the app's own routes, and answers as they really are."""

import pytest
from schemathesis.checks import not_a_server_error, positive_data_acceptance

from services.push.api import make_app
from services.push.errors import NotRunning
from services.push.push import Push
from tests.openapi import bounded, conform, document, file, load, routes, routes_of
from tests.push.fake_runner import FakeRunner
from tests.serving import serving

DOCUMENT = document("push")
schema = load(DOCUMENT)


@pytest.fixture(scope="module")
def url():
    """A real server over nodes in memory."""
    with serving(make_app(Push(FakeRunner("node1", "node2")))) as [(host, port)]:
        yield f"http://{host}:{port}"


@pytest.fixture(scope="module")
def url_of_trouble():
    """The same while one node of two is silent and nothing is ready."""
    runner = FakeRunner("node1", "node2")
    runner.silent.add("node1")

    def check():
        raise NotRunning("nginx", None)

    with serving(make_app(Push(runner), check=check)) as [(host, port)]:
        yield f"http://{host}:{port}"


@schema.parametrize()
@bounded
def test_answers_are_what_the_document_says(case, url):
    conform(case, url)


@schema.parametrize()
@bounded
def test_answers_are_what_the_document_says_while_a_node_is_silent(case, url_of_trouble):
    # What is asked for cannot be done here, and 502 and 503 are the right answers.
    conform(case, url_of_trouble, but=[not_a_server_error, positive_data_acceptance])


def test_the_document_has_exactly_the_routes_of_the_app():
    assert routes(DOCUMENT) == routes_of(make_app(Push(FakeRunner("node1"))))


def test_the_document_is_served(call):
    assert call("GET", "/openapi.json").content == file("push").read_bytes()
