"""How slow the machine is, from the kernel's command line."""

import pytest

from services.lib.slowness import slowness


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("root=/dev/vda lab.slowness=8.4 quiet", 8.4, id="as lab up says it"),
        pytest.param("root=/dev/vda", 1.0, id="nobody said"),
        pytest.param("lab.slowness=fast", 1.0, id="not a number"),
        pytest.param("lab.slowness=0.1", 1.0, id="never faster than the unit"),
    ],
)
def test_slowness(tmp_path, line, expected):
    file = tmp_path / "cmdline"
    file.write_text(line)
    assert slowness(str(file)) == expected


def test_no_command_line(tmp_path):
    assert slowness(str(tmp_path / "none")) == 1.0
