"""Addresses, profiles, catalogue: values that are looked up rather than computed."""

import pytest
from hypothesis import given

from services.core.address import BadAddress, parse_address
from services.core.catalogue import check_image, preferred_port
from services.core.errors import LabError, UnknownImage
from services.core.profile import DEFAULT_PROFILE, PROFILES, profile, stretched
from tests.core.strategies import labels


@pytest.mark.parametrize(
    "text", ["", "8081", ":8081", "host:", "host:x", "host:65536", "host:-1", "host:²"]
)
def test_no_address(text):
    with pytest.raises(BadAddress) as caught:
        parse_address(text)
    assert caught.value.hint


def test_an_address():
    assert parse_address("10.77.0.10:8081") == ("10.77.0.10", 8081)


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
