"""Waiting in several threads at once, and a person who does not want to wait any longer."""

import threading

import pytest

from lab import waiting
from lab.waiting import TookTooLong


def test_what_the_threads_of_a_command_wait_for_ends_with_it():
    looked, waits = threading.Event(), []

    def command():
        with waiting.at_once(2) as pool:
            waits.append(pool.submit(waiting.until, looked.set, "never", timeout_s=600))
            assert looked.wait(20)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        command()
    assert isinstance(waits[0].exception(), TookTooLong)


def test_what_comes_is_returned_from_there():
    with waiting.at_once(2) as pool:
        assert list(pool.map(lambda n: waiting.until(lambda: n, "it", timeout_s=20), [1, 2])) == [
            1,
            2,
        ]
    # And a thread of another pool waits as usual.
    assert waiting.until(iter([0, 3]).__next__, "it", timeout_s=20, every_s=0.01) == 3
