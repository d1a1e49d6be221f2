"""Hold an API to its OpenAPI document, over real HTTP. All that its test needs:

    schema = load(document("pull"))

    @schema.parametrize()
    @bounded
    def test_answers_are_what_the_document_says(case, url):
        conform(case, url)

`url` is a fixture: where a real server of that API listens.
"""

import json

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import checks

from tests.house.repository import ROOT

# Beside the examples of each operation and of every way to be just outside its schema.
bounded = settings(
    max_examples=40,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.positive_data_acceptance,
    checks.unsupported_method,
]


def file(api):
    return ROOT / "services" / api / "openapi.json"


def document(api):
    return json.loads(file(api).read_text())


def load(made):
    return schemathesis.openapi.from_dict(made)


def conform(case, url, *, but=()):
    """Send `case` to the API at `url` and hold its answer to the document.

    but: the checks that do not count here.
    """
    held_to = [check for check in CHECKS if check not in but]
    case.call_and_validate(base_url=url, checks=held_to, timeout=20)


def operations(made):
    """(method, path) -> the operation, of every operation of a document; methods in capitals."""
    return {
        (key.upper(), path): value
        for path, item in made["paths"].items()
        for key, value in item.items()
        if key != "parameters"
    }


def resolved(made, value):
    """`value` without its references."""
    if isinstance(value, list):
        return [resolved(made, item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        place = made
        for step in value["$ref"].removeprefix("#/").split("/"):
            place = place[step]
        value = {**place, **{key: item for key, item in value.items() if key != "$ref"}}
    return {key: resolved(made, item) for key, item in value.items()}


def routes(made):
    """(method, path) of every operation of a document."""
    return set(operations(made))


def routes_of(app):
    """(method, path) of every route of a Bottle, with its parameters as OpenAPI writes them."""
    return {(route.method, route.rule.replace("<", "{").replace(">", "}")) for route in app.routes}
