"""What a change costs, computed from counts with a known answer."""

import pytest

from lab.experiment.check.price import Price, price
from lab.experiment.check.timeline import build
from tests.experiment.histories import Made


def run(counts, *, mode="pull", doubtful=(), **options):
    """Two containers are declared from 10 s on, and run at 20 s; then it is quiet until 25 s.

    counts: of each of the three readings: bytes, requests and questions.
    """
    made = Made(modes=(mode,), **options).wanted(5, "of-a-user", mode=mode)
    readings = ((10, "before"), (20, "changed"), (25, "idle"))
    for (at_s, phase), count in zip(readings, counts, strict=False):
        named = dict(zip(("bytes", "requests", "questions"), count, strict=True))
        made.put(at_s, "traffic", mode=mode, phase=phase, **named)
    made.wanted(12, "of-a-user", "a", mode=mode)
    names = ["of-a-user", "a", "b"]
    made.put(15, "wanted", mode=mode, names=names, doubtful=list(doubtful))
    return made


def found(made, mode="pull"):
    made.records.sort(key=lambda record: record.at_s)
    return price(build(made.steady(26).end(40)), mode)


def test_what_is_said_without_a_change_is_no_price_of_a_change():
    # 200 bytes and 2 requests a second, all the time.
    counts = [(500, 7, 0), (500 + 2_000 + 3_000, 7 + 20 + 8, 0), (6_500, 45, 0)]
    assert found(run(counts)) == Price(1_500.0, 4.0, 200.0, 2.0, 0)


def test_what_push_says_to_answer_questions_is_no_price_of_an_order():
    # Each question: 900 bytes, and 3 commands. Two while it was ordered, one after that.
    counts = [(0, 0, 4), (1_800 + 5_000, 6 + 8, 6), (7_700, 17, 7)]
    assert found(run(counts, mode="push"), "push") == Price(2_500.0, 4.0, 180.0, 0.6, 0.2)


@pytest.mark.parametrize(
    ("counts", "known"),
    [
        ([(0, 0, 0), (9_000, 40, 0)], None),
        ([(0, 0, 0), (9_000, 40, 0), (100, 50, 0)], None),
        ([(0, 50, 0), (9_000, 3, 0), (9_500, 5, 0)], None),
        # Nothing that was said can be told from what is said anyway.
        ([(0, 0, 0), (900, 10, 0), (2_000, 20, 0)], (220.0, 2.0)),
        # Of push: it was asked meanwhile, and what a question takes is not known.
        ([(0, 0, 0), (900, 10, 2), (900, 10, 2)], (0.0, 0.0)),
    ],
    ids=["a reading is missing", "bytes went back", "requests went back", "too little", "unasked"],
)  # fmt: skip
def test_what_does_not_follow_from_the_counts_is_unknown(counts, known):
    cost = found(run(counts))
    assert cost[:2] == (None, None)
    assert cost[2:4] == (known or (None, None))


def test_an_order_without_an_answer_makes_the_price_of_a_change_unknown():
    counts = [(0, 0, 0), (9_000, 40, 0), (9_100, 41, 0)]
    assert found(run(counts, doubtful=["b"]))[:2] == (None, None)
    assert found(run(counts))[:2] == (4_400.0, 19.0)


def test_of_a_damaged_history_no_price_is_known():
    made = run([(0, 0, 0), (9_000, 40, 0), (9_100, 41, 0)])
    made.records.sort(key=lambda record: record.at_s)
    without_end = made.steady(26).history()
    assert price(build(without_end), "pull") == Price()
