import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.errors import BadName
from services.core.names import check_label, is_label
from tests.core.strategies import labels

BAD = [
    pytest.param("", id="empty"),
    pytest.param("../x", id="a path"),
    pytest.param("a b", id="a space"),
    pytest.param("$(reboot)", id="a shell's command"),
    pytest.param("a" * 64, id="64 characters"),
    pytest.param("naïve", id="not ASCII"),
    pytest.param("\uff11", id="a digit that is not ASCII"),
    pytest.param("Nginx", id="upper case"),
    pytest.param("-a", id="a hyphen first"),
    pytest.param("a-", id="a hyphen last"),
    pytest.param("a.b", id="a dot"),
    pytest.param("a@b", id="systemd's instance separator"),
    pytest.param("a\n", id="a line end"),
    pytest.param("a\x00", id="a null byte"),
    pytest.param(None, id="nothing"),
    pytest.param(7, id="a number"),
    pytest.param(["a"], id="a list"),
]


@pytest.mark.parametrize("name", BAD)
def test_no_label(name):
    with pytest.raises(BadName) as caught:
        check_label(name, "container")
    assert "container name" in str(caught.value)
    assert caught.value.hint
    assert len(str(caught.value)) < 150


@given(labels)
def test_labels_pass_unchanged(name):
    assert check_label(name, "node") == name


@given(st.text(max_size=70))
def test_nothing_passes_that_a_shell_or_a_path_would_read_otherwise(text):
    if is_label(text):
        assert re.fullmatch(r"[a-z0-9-]{1,63}", text)
        assert not text.startswith("-")
