"""A small file is written whole or not at all."""

from pathlib import Path

import pytest

from lab import files


def test_it_is_replaced_and_only_this_user_may_read_it(tmp_path):
    file = tmp_path / "one"
    file.write_text("before")
    file.chmod(0o644)
    files.replace(file, "after")
    assert file.read_text() == "after"
    assert file.stat().st_mode & 0o777 == 0o600


def test_what_fails_in_the_middle_leaves_what_was_there(tmp_path, monkeypatch):
    file = tmp_path / "one"
    file.write_text("before")

    def torn(path, text):
        with path.open("w") as half:
            half.write(text[:2])
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_text", torn)
    with pytest.raises(OSError, match="no space"):
        files.replace(file, "after")
    assert file.read_text() == "before"
