"""What doctor compares: versions found, and versions tested."""

import json
import shutil

import pytest

from provisioning.host import programs, tested, versions
from provisioning.host.check import FOUND, MISSING, NEWER, OLDER, OTHER, Check, compare
from provisioning.host.programs import Program


@pytest.mark.parametrize(
    ("version", "known", "state"),
    [
        ("7.2.22", "7.2.22", FOUND),
        ("7.10", "7.9", NEWER),
        ("9.2p1", "9.10p1", OLDER),
        ("9.2p2", "9.2p1", NEWER),
        ("9.2", "9.2p1", OLDER),
        ("debian 13", "debian 12", NEWER),
        ("ubuntu 24.04", "debian 12", OTHER),
        ("rolling", "debian 12", OTHER),
    ],
)
def test_a_version_is_compared_by_its_numbers(version, known, state):
    assert compare(version, known) == state
    assert Check("tool", True, "", "", version, known).state == state


def test_what_is_missing_is_missing_whatever_was_tested():
    assert Check("tool", False, "", "", "", "1.0").state == MISSING


def test_without_a_version_to_compare_it_is_just_found():
    assert Check("folder", True, "", "").state == FOUND
    assert Check("tool", True, "", "", "1.0").state == FOUND


def _script(folder, name, text):
    file = folder / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return str(file)


def test_versions_are_read_from_either_stream_and_from_what_calls_itself_failed(tmp_path):
    told = versions.ask(
        {
            "out": [_script(tmp_path, "out", "echo tool 1.2.3 of 2024")],
            "err": [_script(tmp_path, "err", "echo OpenSSH_9.2p1, OpenSSL 3.0 >&2; exit 1")],
            "mute": [_script(tmp_path, "mute", "echo hello")],
            "absent": [str(tmp_path / "absent")],
        }
    )
    assert told == {"out": "1.2.3", "err": "9.2p1", "mute": "", "absent": ""}


def test_what_hangs_is_not_waited_for(tmp_path):
    hangs = _script(tmp_path, "hangs", "echo 1.0; exec sleep 600")
    assert versions.ask({"hangs": [hangs]}, limit_s=0.2) == {"hangs": ""}


def test_all_are_asked_at_once(tmp_path):
    """Each waits for the other to have begun: one after the other, neither would end."""
    wait = "touch {0}/{1}; until [ -e {0}/{2} ]; do sleep 0.01; done; echo 1.0"
    told = versions.ask(
        {
            "a": [_script(tmp_path, "run-a", wait.format(tmp_path, "a", "b"))],
            "b": [_script(tmp_path, "run-b", wait.format(tmp_path, "b", "a"))],
        },
        limit_s=20,
    )
    assert told == {"a": "1.0", "b": "1.0"}


def test_a_program_is_found_with_its_version_or_missing_with_its_package(monkeypatch, tmp_path):
    _script(tmp_path, "lab-tool", 'echo "version ${1#--v}"')
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    there, absent = programs.checks(
        [Program("lab-tool", "lab-tools", ("--v4.5",)), Program("lab-absent", "lab-absents")]
    )
    assert (there.found, there.version, there.detail) == (True, "4.5", str(tmp_path / "lab-tool"))
    assert (absent.found, absent.version) == (False, "")
    assert absent.remedy.endswith(" lab-absents")


def test_a_program_that_tells_no_version_is_found_all_the_same(monkeypatch, tmp_path):
    _script(tmp_path, "lab-tool", "echo nothing")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    (there,) = programs.checks([Program("lab-tool", "lab-tools")])
    assert there.found
    assert "told no version" in there.detail


def test_the_newest_gem_counts_and_longer_names_do_not(monkeypatch, tmp_path):
    monkeypatch.setattr(programs, "_GEMS", (str(tmp_path / "absent"), str(tmp_path)))
    for name in ("vagrant-2.9.0", "vagrant-2.10.1", "vagrant-libvirt-0.11.2", "vagrant_cloud-3.0"):
        (tmp_path / f"{name}.gemspec").touch()
    assert programs.gem("vagrant") == (str(tmp_path / "vagrant-2.10.1.gemspec"), "2.10.1")
    assert programs.gem("vagrant-libvirt")[1] == "0.11.2"
    assert programs.gem("bundler") == ("", "")


def test_what_is_recorded_is_what_is_compared_with(monkeypatch, tmp_path):
    monkeypatch.setattr(tested, "FILE", tmp_path / "tested.json")
    here = [
        Check("tool", True, "/bin/tool", "", "1.2"),
        Check("folder", True, "/folder", ""),
        Check("absent", False, "", "apt-get install absent"),
    ]
    tested.record(here)
    newer = here[0]._replace(version="1.3")
    annotated = tested.annotate([newer, *here[1:]])
    assert [(check.tested, check.state) for check in annotated] == [
        ("1.2", NEWER),
        ("", FOUND),
        ("", MISSING),
    ]


def test_every_tool_has_a_tested_version():
    names = {program.name for program in (*programs.PROGRAMS, *programs.FOR_TESTS)}
    names |= {"operating system", "kernel", "python", "pip", "vagrant-libvirt"}
    versions_tested = json.loads(tested.FILE.read_text())
    assert sorted(name for name in names if not versions_tested.get(name)) == []


@pytest.mark.skipif(not shutil.which("mke2fs", path=versions.path()), reason="needs e2fsprogs")
def test_a_real_program_outside_of_a_users_path_tells_its_version(monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    (program,) = (one for one in programs.PROGRAMS if one.name == "mke2fs")
    (check,) = programs.checks([program])
    assert check.version.startswith("1.")
