"""Folders of frozen labs: whole or not at all, and every byte checked."""

import json

import pytest

from lab.snapshot import state, store
from lab.snapshot.state import Damaged, FrozenMachine, State
from lab.snapshot.store import Store
from services.core.errors import BadName, LabError

API = FrozenMachine("api", True, "u-1", "<domain/>", {"id": "u-1"})
NODE = FrozenMachine("node1", False, "u-2", "<domain/>", {})


def saved(files):
    return State(
        "a note", 1_700_000_000.5, "key", ("push", "pull"), "fast", ("pull",), "box", "0.1.1",
        "topology", "tcg", "secret", (API, NODE), {"keys/user": "private"}, files,
    )  # fmt: skip


def save(kept, name, content=b"memory"):
    with kept.making(name) as folder:
        (folder / "api.memory").write_bytes(content)
        (folder / "api.qcow2").write_bytes(b"disk")
        made = saved(store.digests(folder))
        state.write(folder, made)
    return made


@pytest.fixture
def kept(tmp_path):
    return Store(tmp_path / "kept", "chapter")


def test_what_was_saved_is_read_again(kept):
    made = save(kept, "one")
    assert kept.read("one") == made
    assert store.verify(kept.path("one")) == made
    assert made.running == ("api",)
    assert made.size == 10


def test_keys_in_a_manifest_are_for_its_owner_alone(kept):
    save(kept, "one")
    assert (kept.path("one") / state.MANIFEST).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda file: file.write_bytes(b"memorY"), "api.memory has changed"),
        (lambda file: file.write_bytes(b"memo"), "has 4 bytes, not 6"),
        (lambda file: file.unlink(), "api.memory is missing"),
    ],
    ids=["a byte", "the end", "all of it"],
)
def test_a_damaged_file_is_named(kept, damage, problem):
    save(kept, "one")
    damage(kept.path("one") / "api.memory")
    with pytest.raises(Damaged, match=problem):
        store.verify(kept.path("one"))


def test_what_is_verified_beside_something_else_is_verified_no_less(kept):
    made = save(kept, "one")
    save(kept, "other")
    (kept.path("other") / "api.memory").write_bytes(b"memorY")
    with store.verifying(kept.path("one")) as verify:
        assert verify(kept.path("one")) == made
        with pytest.raises(Damaged, match=r"api\.memory has changed"):
            verify(kept.path("other"))
    with (
        store.verifying(kept.path("other")) as verify,
        pytest.raises(Damaged, match=r"api\.memory has changed"),
    ):
        verify(kept.path("other"))


def test_what_nobody_asks_for_may_be_damaged(kept):
    made = save(kept, "one")
    with store.verifying(kept.folder / "gone") as verify:
        assert verify(kept.path("one")) == made
    with store.verifying(None) as verify:
        assert verify(kept.path("one")) == made


def test_a_manifest_that_says_something_else_is_damaged(kept):
    save(kept, "one")
    file = kept.path("one") / state.MANIFEST
    file.write_text(file.read_text().replace("u-1", "u-9"))
    with pytest.raises(Damaged, match=r"manifest\.json has changed"):
        kept.read("one")


EMPTY = f'{{"format": {state.FORMAT}}}'


@pytest.mark.parametrize("text", ["", "{}", "[]", EMPTY, '{"format": "x"}'])
def test_no_manifest_makes_a_traceback(kept, text):
    save(kept, "one")
    (kept.path("one") / state.MANIFEST).write_text(text)
    with pytest.raises(Damaged):
        kept.read("one")


@pytest.mark.parametrize(("found", "which"), [(99, "newer"), (0, "older")])
def test_a_state_of_another_version_is_not_called_damaged(kept, found, which):
    save(kept, "one")
    (kept.path("one") / state.MANIFEST).write_text(json.dumps({"format": found}))
    with pytest.raises(LabError, match=f"saved by an? {which} version") as caught:
        kept.read("one")
    assert "damaged" not in str(caught.value)
    assert "rm -r" not in caught.value.hint


def test_a_save_that_fails_leaves_the_older_state_and_nothing_else(kept):
    save(kept, "one", b"older!")

    def fail():
        with kept.making("one") as folder:
            (folder / "api.memory").write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    store.verify(kept.path("one"))
    assert [file.name for file in kept.folder.iterdir()] == ["one"]


def test_a_save_replaces_the_older_state(kept):
    save(kept, "one", b"older!")
    save(kept, "one", b"newer!")
    assert (kept.path("one") / "api.memory").read_bytes() == b"newer!"
    assert kept.names() == ["one"]


def test_what_killed_runs_left_is_no_state_and_goes_with_the_next_save(kept):
    save(kept, "one")
    for left in (".part-two-0", ".gone-one-0"):
        (kept.folder / left).mkdir()
        (kept.folder / left / state.MANIFEST).write_text("{}")
    assert kept.names() == ["one"]
    save(kept, "two")
    assert sorted(file.name for file in kept.folder.iterdir()) == ["one", "two"]


def test_a_name_that_is_not_there_says_which_are(kept):
    save(kept, "one")
    with pytest.raises(LabError, match="there are: one") as raised:
        kept.path("two")
    assert "lab chapter save two" in raised.value.hint


@pytest.mark.parametrize("name", ["../one", "", ".part", "One"])
def test_a_name_is_no_path(kept, name):
    save(kept, "one")
    for use in (kept.path, kept.delete):
        with pytest.raises(BadName):
            use(name)


def test_deleting_says_whether_there_was_anything(kept):
    save(kept, "one")
    assert kept.delete("one")
    assert not kept.delete("one")
    assert kept.names() == []
