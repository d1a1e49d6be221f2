"""The lab as `lab run` sees it, of doubles."""

from tests.experiment.conftest import lab

__all__ = ["lab"]
