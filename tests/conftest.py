"""For all tests: examples of property tests are not timed (hypothesis allows each 200 ms)."""

import logging
import os
from pathlib import Path

import pytest
from hypothesis import Phase, settings

# Whatever this computer can do: before `lab` is imported, which looks.
os.environ.setdefault("LAB_PROVIDER", "vagrant")

from lab import paths

settings.register_profile("lab", deadline=None)
settings.load_profile("lab")
# For `make mutants`: the same examples each time, and the first that fails is enough.
settings.register_profile(
    "mutants",
    deadline=None,
    max_examples=10,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
)


@pytest.fixture(autouse=True)
def without_the_lab_of_this_checkout(request, monkeypatch):
    """A test without VMs finds what a fresh clone finds: no lab was ever up."""
    if request.node.get_closest_marker("vm") is None:
        monkeypatch.setattr(paths, "SETTINGS", Path("/nonexistent/lab.json"))


@pytest.fixture(autouse=True)
def logs_of_a_service_end_with_its_test():
    """A `main` that a test calls logs to a standard error that is closed after the test."""
    yield
    for handler in logging.root.handlers[:]:
        if type(handler) is logging.StreamHandler:
            logging.root.removeHandler(handler)
