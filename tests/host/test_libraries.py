"""Whether the Python libraries are those of the lock."""

import sys

import pytest

from provisioning.host import libraries

LOCK = """\
# comment
click==8.1.7 \\
    --hash=sha256:aa
    # via fabric
Zope.Event==6.2 \\
    --hash=sha256:bb
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:cc
numpy==1.0 ; python_full_version < '3.12' \\
    --hash=sha256:dd
numpy==2.0 ; python_full_version >= '3.12' \\
    --hash=sha256:ee
"""


@pytest.mark.parametrize(
    ("here", "found", "detail"),
    [
        ({"click": "8.1.7", "zope-event": "6.2", "pip": "24.0"}, True, "2 as in"),
        ({"click": "8.1.7", "zope-event": "6.2", "numpy": "2.0"}, True, "3 as in"),
        ({"click": "8.1.7"}, False, "missing: zope-event"),
        ({"click": "8.1.8", "zope-event": "6.2"}, False, "not as locked: click 8.1.8"),
        ({"click": "8.1.7", "zope-event": "6.2", "numpy": "3.0"}, False, "as locked: numpy 3.0"),
        ({"click": "8.1.7", "zope-event": "6.2", "extra": "1"}, True, "not in the lock: extra"),
    ],
)
def test_libraries_are_compared_with_the_lock(here, found, detail):
    check = libraries.against(libraries.pins(LOCK), here)
    assert check.found is found
    assert detail in check.detail


def test_this_environment_is_the_locks():
    python, pip, locked = libraries.checks()
    assert (python.detail, pip.found) == (sys.executable, True)
    assert locked.found, locked.detail
