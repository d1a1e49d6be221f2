"""For all tests: no example of a property test is timed, as no other test is (hypothesis' 200 ms)."""

from hypothesis import settings

settings.register_profile("lab", deadline=None)
settings.load_profile("lab")
