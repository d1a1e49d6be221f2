"""A power cut, or a kill, at every call that the database makes of the file system."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.lib.durable import UnwritableFile
from services.store import writer
from tests.store.faulty import FaultyFiles, PowerCut
from tests.store.history import SCRIPT, Run, drop, put, state_of

TINY_BYTES = 120


@pytest.fixture(autouse=True)
def _checkpoints_are_frequent(monkeypatch):
    monkeypatch.setattr(writer, "SMALLEST_LIMIT_BYTES", TINY_BYTES)


def run_until_off(files, script=SCRIPT):
    run = Run(files)
    try:
        run.open()
        for batch in script:
            run.make(batch)
    except PowerCut:
        assert files.off
    return run


def check(image, run):
    """Whatever is in `image` is whole, and is there for good."""
    files = FaultyFiles(image)
    again = Run(files)
    again.possible = run.possible
    again.open()
    assert again.db.lost_bytes <= sum(map(len, image.values()))
    assert "missing" not in again.db.problem
    # The power may go once more, at once: what was seen must not vanish.
    for once_more in files.images(every_byte=False):
        third = Run(FaultyFiles(once_more), state=again.acknowledged)
        third.open()
        assert third.db._number >= again.db._number
    return again


def test_the_script_makes_checkpoints_and_sweeps():
    files = FaultyFiles()
    run_until_off(files)
    assert files.calls.count("replace") > 4
    assert files.calls.count("remove") > 4


def cuts(how):
    files = FaultyFiles()
    run_until_off(files)
    return [
        number for number, call in enumerate(files.calls)
        if how == "cut" or call == "write"
    ]  # fmt: skip


@pytest.mark.parametrize("how", ["cut", "half"])
def test_after_a_power_cut_every_acknowledged_change_is_there_and_no_half_of_another(how):
    images = 0
    for number in cuts(how):
        files = FaultyFiles(fail=number, how=how)
        run = run_until_off(files)
        assert files.off
        for image in {tuple(sorted(image.items())) for image in files.images()}:
            check(dict(image), run)
            images += 1
    assert images > 1000 if how == "cut" else images > 50


def test_after_a_kill_so_too():
    for number in cuts("cut"):
        files = FaultyFiles(fail=number)
        run = run_until_off(files)
        check(files.seen(), run)


names = st.sampled_from("abc")
fields = st.dictionaries(st.sampled_from("xy"), st.none() | st.booleans() | st.text(max_size=3))
changes = st.lists(st.builds(put, names, fields) | st.builds(drop, names), min_size=1, max_size=2)
batches = st.lists(st.lists(changes, min_size=1, max_size=3), max_size=6)
ERRORS = ["ENOSPC", "EIO"]


@given(data=st.data())
@settings(max_examples=250)
def test_any_lives_with_faults_and_power_cuts_between_lose_nothing(data):
    image, run = {}, None
    for _ in range(data.draw(st.integers(1, 3))):
        files = FaultyFiles(
            image,
            fail=data.draw(st.none() | st.integers(0, 80)),
            how=data.draw(st.sampled_from(["cut", "half", *ERRORS])),
            forever=data.draw(st.booleans()),
        )
        life = Run(files)
        life.possible = run.possible if run else [{}]
        life.acknowledged = life.possible[0]
        try:
            life.open()
            for batch in data.draw(batches):
                life.make(batch)
        except (PowerCut, UnwritableFile):
            pass
        # Later tearing is harder to find than early.
        images = list(files.images(every_byte=False)) + [files.seen()]
        image = images[data.draw(st.integers(0, len(images) - 1))]
        run = life
    last = check(image, run)
    assert state_of(last.db) == last.acknowledged
