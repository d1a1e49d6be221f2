"""What the documents of both APIs are made of says what the code means."""

import re

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.names import is_label
from services.push.openapi import DOCUMENT as PUSH
from services.web.openapi import (
    LABEL,
    answer,
    document,
    header,
    in_path,
    maybe,
    operation,
    ref,
    thing,
)


@given(st.text(max_size=70) | st.text("abc019-.A_\n", max_size=70))
def test_a_label_is_the_same_in_the_document_and_in_the_code(text):
    assert bool(re.search(LABEL["pattern"].replace("$", r"\Z"), text)) == is_label(text)


def test_the_example_of_a_label_is_one():
    assert all(map(is_label, LABEL["examples"]))


def schemas(value):
    """Every JSON Schema within a document."""
    if isinstance(value, dict):
        if "schema" in value:
            yield value["schema"]
        for part in value.values():
            yield from schemas(part)
    elif isinstance(value, list):
        for part in value:
            yield from schemas(part)


@pytest.mark.parametrize("made", [PUSH], ids=["push"])
def test_every_schema_of_a_document_is_one(made):
    found = [*schemas(made["paths"]), *made["components"]["schemas"].values()]
    assert len(found) > 20
    for schema in found:
        jsonschema_rs.meta.validate(schema)


@pytest.mark.parametrize("made", [PUSH], ids=["push"])
def test_every_reference_of_a_document_leads_somewhere(made):
    for target in set(re.findall(r"'\$ref': '#/([^']+)'", repr(made))):
        place = made
        for step in target.split("/"):
            place = place[step]


def test_an_operation_has_the_refusals_of_its_kind():
    plain = operation("x", {200: answer("ok", ref("Error"))}, refused=[404])
    assert sorted(plain["responses"]) == ["200", "400", "404", "414"]
    taking = operation("x", {304: answer("same")}, body=ref("Error"))
    assert sorted(taking["responses"]) == ["304", "400", "413", "414", "415"]
    assert "content" not in taking["responses"]["304"]
    assert "parameters" not in plain


def test_what_may_be_null_is_otherwise_as_it_was():
    schema = maybe(LABEL)
    assert jsonschema_rs.is_valid(schema, None)
    assert jsonschema_rs.is_valid(schema, "node1")
    assert not jsonschema_rs.is_valid(schema, "../x")
    assert not jsonschema_rs.is_valid(schema, 3)


def test_a_document_has_what_every_api_has():
    read = operation(
        "read",
        {200: answer("one", thing({"name": LABEL}), ETag=header("its revision"))},
        parameters=[in_path("name", "which")],
    )
    made = document("x", "y", {"/things/{name}": {"get": read}}, {})
    assert set(made["paths"]) == {
        "/things/{name}", "/healthz", "/readyz", "/metrics", "/openapi.json",
    }  # fmt: skip
    assert read["responses"]["200"]["headers"]["ETag"]["description"] == "its revision"
