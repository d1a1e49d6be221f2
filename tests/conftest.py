"""For all tests: examples of property tests are not timed (hypothesis allows each 200 ms)."""

import logging

import pytest
from hypothesis import settings

settings.register_profile("lab", deadline=None)
settings.load_profile("lab")


@pytest.fixture(autouse=True)
def logs_of_a_service_end_with_its_test():
    """A `main` that a test calls logs to a standard error that is closed after the test."""
    yield
    for handler in logging.root.handlers[:]:
        if type(handler) is logging.StreamHandler:
            logging.root.removeHandler(handler)
