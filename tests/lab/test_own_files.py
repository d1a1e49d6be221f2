"""Files that `lab` wrote and that are something else now: an error of ours, never another."""

import pytest

from lab import paths
from lab.host import settings
from lab.snapshot import initial, state
from provisioning import topology
from services.core.errors import LabError

CONTENT = {
    "nested": b"[" * 100_000,
    "list": b"[]",
    "text": b'"x"',
    "null": b"null",
    "not UTF-8": b"\xff",
    "huge": b"9" * 10_000,
    "other types": b'{"format": [], "nodes": {}, "netns": 1, "accel": {}, "files": 3, "lab": 1}',
    "folder": None,
}


@pytest.mark.parametrize("content", CONTENT.values(), ids=list(CONTENT))
@pytest.mark.parametrize("what", ["settings", "request", "manifest", "topology"])
def test_it_is_an_error_with_a_hint(tmp_path, monkeypatch, what, content):
    file = tmp_path / (state.MANIFEST if what == "manifest" else "file.json")
    file.mkdir() if content is None else file.write_bytes(content)
    monkeypatch.setattr(paths, "SETTINGS", file)
    monkeypatch.setattr(initial, "_REQUEST", file)
    read = {
        "settings": settings.load,
        "request": initial.remembered,
        "manifest": lambda: state.read(tmp_path),
        "topology": lambda: topology.load(file),
    }[what]
    with pytest.raises(LabError) as caught:
        read()
    assert caught.value.hint
