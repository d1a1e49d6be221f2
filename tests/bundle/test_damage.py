"""A bundle that is not what was exported is refused, names the member, and changes nothing."""

import tarfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.bundle import contents as content
from lab.bundle.contents import Malformed
from lab.bundle.errors import BadBundle
from tests.bundle.conftest import BOX, rewrite, told

MEMORY = "chapters/one/api.memory"


def refused(plane, file, problem):
    """The message, once it is certain that the import has left no trace."""
    with pytest.raises(BadBundle, match=problem) as raised:
        plane.bring_in(file)
    assert plane.tree() == {}
    assert not any(path.is_file() or path.name != "chapters" for path in plane.folder.rglob("*")
                   if path not in (plane.cache, plane.chapters))  # fmt: skip
    return str(raised.value)


def content_of(file):
    """The bytes of bundle.json in the bundle `file`."""
    with tarfile.open(file) as tar:
        member = tar.extractfile("bundle.json")
        assert member
        return member.read()


def instead(name, *replacements):
    """A change for `rewrite`: `replacements` are made from the TarInfo and bytes of `name`."""

    def change(info, data):
        return [made(info, data) for made in replacements] if info.name == name else [(info, data)]

    return change


def same(info, data):
    return info, data


def renamed(name):
    def change(info, data):
        other = tarfile.TarInfo(name)
        other.size = len(data)
        return other, data

    return change


def typed(kind, link=""):
    def change(info, data):
        other = tarfile.TarInfo(info.name)
        other.type, other.linkname = kind, link
        other.size = len(data) if kind == tarfile.CONTTYPE else 0
        return other, data

    return change


def resized(text):
    def change(info, data):
        other = tarfile.TarInfo(info.name)
        other.size = len(text)
        return other, text

    return change


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (instead(MEMORY, resized(b"memorY")), f"{MEMORY}: it has changed"),
        (instead(MEMORY, resized(b"memo")), f"{MEMORY}: has 4 bytes, not 6"),
        (instead(MEMORY), f"{MEMORY}: 'chapters/one/api.qcow2' is in its place"),
        (instead(MEMORY, renamed("../out")), f"{MEMORY}: '../out' is in its place"),
        (instead(MEMORY, renamed("/tmp/out")), f"{MEMORY}: '/tmp/out' is in its place"),
        (instead(MEMORY, typed(tarfile.SYMTYPE, "/etc/passwd")), f"{MEMORY}: it is no plain file"),
        (instead(MEMORY, typed(tarfile.LNKTYPE, "bundle.json")), f"{MEMORY}: it is no plain file"),
        (instead(MEMORY, typed(tarfile.CHRTYPE)), f"{MEMORY}: it is no plain file"),
        (instead(MEMORY, typed(tarfile.DIRTYPE)), f"{MEMORY}: it is no plain file"),
        (instead(MEMORY, typed(tarfile.FIFOTYPE)), f"{MEMORY}: it is no plain file"),
        (instead("chapters/one/api.qcow2", same, renamed("../more")), "'../more' is in it"),
        (instead("bundle.json"), "it does not begin with bundle.json"),
        (instead("bundle.json", resized(b"{}")), "no readable bundle.json"),
        (instead("bundle.json", resized(b"[]")), "no readable bundle.json"),
        (instead("bundle.json", resized(b'{"format": 99}')), "its format is 99"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bundle_that_was_tampered_with_is_refused(home, plane, change, problem):
    file = rewrite(home.export("one"), home.folder / "changed.tar", change)
    plane.sit_down()
    refused(plane, file, problem)


def test_what_bundle_json_says_is_digested_too(home, plane):
    def change(info, data):
        if info.name != "bundle.json":
            return [(info, data)]
        return [resized(data.replace(b"a note", b"A NOTE"))(info, data)]

    file = rewrite(home.export("one"), home.folder / "changed.tar", change)
    plane.sit_down()
    refused(plane, file, "bundle.json has changed")


@pytest.mark.parametrize(
    "name",
    ["../out", "/etc/out", "chapters/../out", "chapters/one/../../out", "boxes/x/out", "out",
     f"boxes/{BOX}", f"boxes/{BOX}/.hidden", "wheels/a/b", "chapters/One/x", "wheels/",
     "chapters/one/deep/x", "wheels/a\nb", "chapters", 7, None],
)  # fmt: skip
def test_an_honest_bundle_json_cannot_name_a_place_of_its_own_choice(home, name):
    data = content_of(home.export("one"))
    content.parse(told(data))
    with pytest.raises(Malformed):
        content.parse(told(data, members=[[name, 3, "0" * 64]], chapters=[]))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"members": []}, "its chapters are not"),
        ({"chapters": []}, "its chapters are not"),
        ({"wheels": "../x"}, "no key"),
        ({"members": [["wheels/a", -1, "0" * 64]], "chapters": []}, "cannot have a member"),
        ({"members": [["wheels/a", 1, "0"]], "chapters": []}, "cannot have a member"),
        ({"members": [["wheels/a", 1, "0" * 64]] * 2, "chapters": []}, "a member twice"),
        ({"members": 3}, "no readable"),
        ({"chapters": [{"name": "one"}]}, "no readable"),
        ({"version": None, "members": None}, "no readable"),
    ],
)
def test_what_a_lab_could_not_have_written_is_refused(home, changes, problem):
    data = content_of(home.export("one"))
    with pytest.raises(Malformed, match=problem):
        content.parse(told(data, **changes))


def test_a_chapter_whose_manifest_is_another_ones_is_refused(home, plane):
    """Every member is what bundle.json says; what it says does not fit together."""
    home.add_chapter("three", b"others")
    swapped = (home.chapters / "three/manifest.json").read_bytes()
    file = home.export("one")

    def change(info, data):
        if info.name == "chapters/one/manifest.json":
            return [resized(swapped)(info, data)]
        if info.name != "bundle.json":
            return [(info, data)]
        import hashlib
        import json

        members = json.loads(data)["members"]
        for member in members:
            if member[0] == "chapters/one/manifest.json":
                member[1:] = [len(swapped), hashlib.sha256(swapped).hexdigest()]
        return [resized(told(data, members=members))(info, data)]

    changed = rewrite(file, home.folder / "changed.tar", change)
    plane.sit_down()
    refused(plane, changed, "chapter one: its manifest is another one's")


def test_no_tar_at_all_is_refused(home, plane):
    file = home.folder / "bundle.tar"
    plane.sit_down()
    refused(plane, file, "no such file")
    for text in (b"", b"hello", b"\0" * 2048):
        file.write_bytes(text)
        refused(plane, file, "no whole bundle")
    refused(plane, home.folder, "is a directory")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_wherever_it_is_cut_or_one_bit_turned_nothing_wrong_gets_a_name(home, plane, data):
    """A turned bit in what nobody reads (padding, a time) may pass; then all is as exported."""
    home.sit_down()
    good = home.export("one", force=True).read_bytes()
    end = len(good.rstrip(b"\0"))
    at = data.draw(st.integers(0, end - 1), label="at")
    cut = data.draw(st.booleans(), label="cut")
    bad = good[:at] if cut else good[:at] + bytes([good[at] ^ 4]) + good[at + 1 :]
    file = home.folder / "bad.tar"
    file.write_bytes(bad)
    plane.sit_down()
    try:
        plane.bring_in(file)
    except BadBundle:
        assert plane.tree() == {}
    else:
        assert not cut
        whole = home.tree()
        assert all(whole[name] == text for name, text in plane.tree().items())
        import shutil

        shutil.rmtree(plane.folder)
        plane.folder.mkdir()
