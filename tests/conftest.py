"""For all tests: examples of property tests are not timed (hypothesis allows each 200 ms)."""

from hypothesis import settings

settings.register_profile("lab", deadline=None)
settings.load_profile("lab")
