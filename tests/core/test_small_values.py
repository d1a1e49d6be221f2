"""Addresses, profiles, catalogue: values that are looked up rather than computed."""

import pytest
from hypothesis import given

from services.core.address import BadAddress, parse_address, parse_host, show_address
from services.core.catalogue import check_image, preferred_port
from services.core.errors import LabError, UnknownImage
from services.core.profiles import DEFAULT_PROFILE, PROFILES, profile, stretched
from tests.core.strategies import labels


@pytest.mark.parametrize(
    "text",
    [
        *("", "8081", ":8081", "host:", "host:x", "host:65536", "host:-1", "host:²"),
        *("host:" + "9" * 5000, "http://host:80", "host/:80", "a b:80", "a\n:80", "\xe9:80"),
        *("\udcff:80", "[]:80", "[::1", "[::1]", "[::1]80", "[::1:80", "::1]:80", "[1.2.3.4]:80"),
        *("[host]:80", "[::g]:80", "[[::1]]:80", "x[::1]:80", "[::1]x:80"),
    ],
)
def test_no_address(text):
    with pytest.raises(BadAddress) as caught:
        parse_address(text)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.77.0.10:8081", ("10.77.0.10", 8081)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:8081", ("::1", 8081)),
        ("[::]:0", ("::", 0)),
        ("[::ffff:10.77.0.10]:80", ("::ffff:10.77.0.10", 80)),
    ],
)
def test_an_address_is_shown_as_it_was_written(text, address):
    assert parse_address(text) == address
    assert show_address(address) == text


@pytest.mark.parametrize("text", ["::1:80", "::1", "fe80::1%eth0:80", "2001:db8::1:80"])
def test_ipv6_without_brackets_is_refused_with_the_right_form(text):
    with pytest.raises(BadAddress, match="without brackets") as caught:
        parse_address(text)
    assert "[::1]:8081" in caught.value.hint


@pytest.mark.parametrize("text", ["[fe80::1%eth0]:80", "[fe80::1%25eth0]:80", "host%x:80"])
def test_a_zone_id_is_refused(text):
    with pytest.raises(BadAddress, match="zone id") as caught:
        parse_address(text)
    assert "link-local" in caught.value.hint


def test_a_host_alone_may_have_brackets():
    assert [parse_host(text) for text in ("[::1]", "::1", "node1")] == ["::1", "::1", "node1"]


@pytest.mark.parametrize("timings", PROFILES.values(), ids=list(PROFILES))
def test_a_profile_gives_a_node_several_beats_a_lease(timings):
    assert timings.agent_s * 2 < timings.lease_s
    assert timings.agent_timeout_s < timings.lease_s


def test_the_seed_profile_is_the_seed():
    seed = profile("seed")
    assert (seed.agent_s, seed.scheduler_s, seed.controller_s, seed.lease_s) == (5, 5, 10, 15)
    assert profile(DEFAULT_PROFILE).name == DEFAULT_PROFILE


@pytest.mark.parametrize("slowness", [1, 8.4, 40])
@pytest.mark.parametrize("name", PROFILES)
def test_a_slow_machine_gets_longer_deadlines_and_keeps_its_periods(name, slowness):
    timings = profile(name)
    longer = stretched(timings, slowness)
    assert longer[:4] == timings[:4]
    assert longer.agent_timeout_s < longer.lease_s
    # Somebody else's scheduler and agent come round once before a goodbye gives up.
    assert longer.leaving_s >= timings.scheduler_s + timings.agent_s + longer.agent_timeout_s
    # The seed's figures are the public demonstration's, on any machine.
    assert (longer == timings) == (timings.faithful or slowness == 1)


def test_an_unknown_profile_lists_the_known_ones():
    with pytest.raises(LabError) as caught:
        profile("warp")
    assert "seed, fast" in caught.value.hint


@pytest.mark.parametrize("image", ["", "alpine", "/bin/sh", None, 3, ["demo"]])
def test_an_unknown_image_lists_the_catalogue(image):
    with pytest.raises(UnknownImage) as caught:
        check_image(image)
    assert "demo" in caught.value.hint


@given(labels)
def test_ports_are_stable_apart_by_mode_and_below_the_ephemeral_ones(name):
    push, pull = preferred_port("push", name), preferred_port("pull", name)
    assert (push, pull) == (preferred_port("push", name), preferred_port("pull", name))
    assert 10_000 <= push < 20_000 <= pull < 30_000
