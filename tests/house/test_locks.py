"""The locks, of one kind: every wheel and Debian package has a hash; nothing else is installed."""

import re

import pytest

from tests.house.repository import ROOT, name, tracked

LOCKS = [name(path) for path in tracked("*.lock")]
_PIN = re.compile(r"^(\S+)==\S+", re.MULTILINE)


def without_hashes(text):
    """The requirements of a lock that have no sha256; of a line that is no pin, the line."""
    wrong = []
    for entry in re.split(r"\n(?=[^\s#])", text):
        lines = [line for line in entry.splitlines() if line.strip() and line[0] != "#"]
        if lines and not (
            _PIN.match(lines[0]) and re.search(r"^\s+--hash=sha256:[0-9a-f]{64}\b", entry, re.M)
        ):
            wrong.append(lines[0])
    return wrong


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_is_pinned_and_has_a_hash(lock):
    text = (ROOT / lock).read_text()
    assert len(_PIN.findall(text)) > 10
    assert without_hashes(text) == []


def test_a_requirement_without_a_hash_is_found():
    good = f"a==1 \\\n    --hash=sha256:{'0' * 64}\n    # via b\n"
    range_with_hash = good.replace("a==1", "c>=3")
    text = f"# head\n{good}b==2\n    # via c\n{range_with_hash}"
    assert without_hashes(text) == ["b==2", "c>=3 \\"]


def test_the_environment_is_made_with_hashes_checked():
    assert "--require-hashes" in (ROOT / "provisioning/host/venv.sh").read_text()
    assert '"--require-hashes"' in (ROOT / "provisioning/box/cache.py").read_text()
