"""Hold an API to its OpenAPI document, over real HTTP. All that its test needs:

    schema = load(DOCUMENT)

    @schema.parametrize()
    @bounded
    def test_answers_are_what_the_document_says(case, url):
        conform(case, url)

`url` is a fixture: where a real server of that API listens.
"""

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import checks

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


def load(document):
    return schemathesis.openapi.from_dict(document)


def conform(case, url, *, but=()):
    """Send `case` to the API at `url` and hold its answer to the document.

    but: the checks that do not count here.
    """
    held_to = [check for check in CHECKS if check not in but]
    case.call_and_validate(base_url=url, checks=held_to, timeout=20)


def routes_of(app):
    """(method, path) of every route of a Bottle, with its parameters as OpenAPI writes them."""
    return {(route.method, route.rule.replace("<", "{").replace(">", "}")) for route in app.routes}
