"""The doubles of a run, for all tests of this folder."""

from tests.experiment.doubles import world

__all__ = ["world"]
