"""The two OpenAPI documents are well formed and say what the code says."""

import re

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.guest import source
from services.core.catalogue import IMAGES
from services.core.model import POLICIES, Health
from services.core.names import is_label
from services.lib.version import VERSION
from services.pull.conditions import LONGEST_WAIT_S
from services.push import push
from services.state import answers as events
from tests.openapi import document, file, operations, resolved

PUSH, PULL = document("push"), document("pull")
both = pytest.mark.parametrize("made", [PUSH, PULL], ids=["push", "pull"])
REFERENCE = re.compile(r"'\$ref': '#/([^']+)'")


def schema(made, *path):
    """A schema, or a property within one."""
    found = made["components"]["schemas"][path[0]]
    for name in path[1:]:
        found = found["properties"][name]
    return found


def constants(module):
    """The texts that `module` has as public constants."""
    names = (name for name in vars(module) if name.isupper() and name[0] != "_")
    return sorted(value for name in names if isinstance(value := vars(module)[name], str))


@both
def test_version_is_the_one_that_the_services_name(made):
    assert made["info"]["version"] == VERSION


@both
@pytest.mark.parametrize("name", ["ContainerName", "NodeName"])
@given(text=st.text(max_size=70) | st.text("abc019-.A_\n", max_size=70))
def test_a_label_is_the_same_in_the_document_and_in_the_code(made, name, text):
    pattern = schema(made, name)["pattern"].replace("$", r"\Z")
    assert bool(re.search(pattern, text)) == is_label(text)


@both
def test_images_are_those_of_the_catalogue(made):
    assert schema(made, "Image")["enum"] == list(IMAGES)


def test_values_of_push_are_those_of_the_code():
    statuses = [push.STARTED, push.ALREADY_RUNNING, push.STOPPED]
    assert schema(PUSH, "Outcome", "status")["enum"] == statuses


def test_values_of_pull_are_those_of_the_code():
    assert schema(PULL, "Policy")["enum"] == list(POLICIES)
    assert schema(PULL, "Node", "health")["enum"] == [one.value for one in Health]
    assert sorted(schema(PULL, "Event", "kind")["enum"]) == constants(events)
    wait = PULL["components"]["parameters"]["Wait"]["schema"]
    assert (wait["minimum"], wait["maximum"]) == (0, LONGEST_WAIT_S)


def schemas(value):
    """Every JSON Schema within a part of a document, with the examples beside it."""
    if isinstance(value, dict):
        if "schema" in value:
            beside = [one["value"] for one in value.get("examples", {}).values()]
            yield value["schema"], beside
        for part in value.values():
            yield from schemas(part)
    elif isinstance(value, list):
        for part in value:
            yield from schemas(part)


@both
def test_every_schema_of_a_document_is_one_and_every_example_fits_it(made):
    whole = resolved(made, made)
    found = [*schemas(whole["paths"])]
    found += [(one, one.get("examples", [])) for one in whole["components"]["schemas"].values()]
    assert len(found) > 20
    for one, examples in found:
        jsonschema_rs.meta.validate(one)
        for example in examples:
            jsonschema_rs.validate(one, example)


@both
def test_every_component_is_used(made):
    used = {tuple(target.split("/")[1:]) for target in REFERENCE.findall(repr(made))}
    kinds = {kind: part for kind, part in made["components"].items() if kind != "securitySchemes"}
    assert used == {(kind, name) for kind, part in kinds.items() for name in part}


@both
def test_every_operation_has_a_summary_and_the_refusals_of_its_kind(made):
    for (method, path), one in operations(made).items():
        assert one["summary"].endswith("."), (method, path)
        expected = {"400", "403", "414", "421"}
        expected |= {"413", "415"} if "requestBody" in one else set()
        expected |= {"401", "403"} if "security" in one else set()
        parameters = one.get("parameters", [])
        if {"$ref": "#/components/parameters/IfMatch"} in parameters:
            expected |= {"412"}
        assert expected <= set(one["responses"]), (method, path)


@both
def test_every_answer_has_an_id_and_every_refusal_the_shape_of_ours(made):
    for route, one in operations(resolved(made, made)).items():
        for status, answer in one["responses"].items():
            assert "X-Request-ID" in answer["headers"], (route, status)
            if int(status) >= 400:
                body = answer["content"]["application/json"]["schema"]
                assert set(body["properties"]) == {"error", "hint"}, (route, status)


@pytest.mark.parametrize("api", ["push", "pull"])
def test_the_document_travels_into_the_guests(api):
    assert file(api) in [path for _, path in source.files()]
