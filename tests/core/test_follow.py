import pytest
from hypothesis import given

from services.core.follow import EMPTY_STORE, objection
from services.core.model import Assignment, Container
from tests.core.strategies import assignments

A = (Container("a"),)


@pytest.mark.parametrize(
    ("kept", "answer", "said"),
    [
        pytest.param(None, Assignment("e", 0, ()), "", id="the first answer ever is followed"),
        pytest.param(Assignment("e", 5, A), Assignment("e", 5, A), "", id="the same again"),
        pytest.param(Assignment("e", 5, A), Assignment("e", 6, A), "", id="a newer one"),
        pytest.param(
            Assignment("e", 5, A),
            Assignment("e", 6, ()),
            "",
            id="a newer one that is empty: the revision says that it is meant",
        ),
        pytest.param(
            Assignment("e", 5, A),
            Assignment("e", 4, A),
            "API answered revision 4, older than 5",
            id="an older one is not",
        ),
        pytest.param(
            Assignment("e", 5, A),
            Assignment("f", 0, ()),
            EMPTY_STORE,
            id="a new store that knows nothing stops nothing",
        ),
        pytest.param(
            Assignment("e", 5, A),
            Assignment("f", 1, ()),
            "",
            id="a new store in which something was declared is what the user wants now",
        ),
    ],
)
def test_whom_to_follow(kept, answer, said):
    assert objection(kept, answer) == said


@given(assignments, assignments)
def test_two_answers_of_one_store_end_the_same_in_any_order(one, other):
    def follow(kept, answer):
        return kept if objection(kept, answer) else answer

    if one.epoch == other.epoch and one.revision != other.revision:
        assert follow(one, other) == follow(other, one)
