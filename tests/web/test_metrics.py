"""/metrics: counts by rule and not by path, in a registry of each API's own."""

import re
import tomllib

from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from services.lib.version import VERSION
from services.web.metrics import Metrics
from tests.serving import ROOT


def samples(api):
    answer = api.call("GET", "/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(api, name, **labels):
    return samples(api).get((name, tuple(sorted(labels.items()))))


def test_requests_are_counted_by_the_rule_of_their_route(api):
    for name in ("a", "b", "c"):
        api.call("GET", f"/things/{name}")
    labels = {"method": "GET", "route": "/things/<name>"}
    assert value(api, "lab_http_requests_total", **labels, status="200") == 3
    assert value(api, "lab_http_request_seconds_count", **labels) == 3


def test_what_a_client_invents_makes_no_series_of_its_own(api):
    before = len(samples(api))
    for number in range(20):
        api.call("GET", f"/nothing/{number}")
        api.call(f"VERB{number}", "/things")
    found = [key for key in samples(api) if "unmatched" in str(key) and "requests_total" in key[0]]
    assert len(found) == 2, found
    assert len(samples(api)) - before < 60
    assert value(
        api, "lab_http_requests_total", method="GET", route="unmatched", status="404"
    ) == 20  # fmt: skip


def test_what_only_a_scrape_wants_to_know_is_looked_up_for_it(api):
    api.call("GET", "/healthz")
    assert api.scrapes == []
    api.call("GET", "/metrics")
    assert api.scrapes == [1]


def test_build_and_process_are_told(api):
    build = [dict(labels) for name, labels in samples(api) if name == "lab_build_info"]
    assert [(b["api"], b["version"]) for b in build] == [("test", VERSION)]
    assert value(api, "process_resident_memory_bytes") > 1_000_000


def test_the_version_is_that_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == VERSION


def test_two_apis_share_nothing(api):
    other = Metrics("other")
    api.call("GET", "/healthz")
    assert b"/healthz" not in other.expose()
    assert not [m.name for m in REGISTRY.collect() if re.match("lab_|push_", m.name)]
