"""What goes from a guest, and what must stay."""

from provisioning.box import trim


def _tree(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)


def _left(root):
    return {p.relative_to(root).as_posix() for p in root.rglob("*") if not p.is_dir()}


def test_tests_sources_and_caches_go_and_programs_licences_and_dpkgs_list_stay(tmp_path):
    stays = {
        "var/lib/dpkg/status",
        "var/lib/dpkg/info/libc6.md5sums",
        "usr/share/doc/libc6/copyright",
        "usr/bin/perl",
        "usr/lib/python3.13/http/client.py",
        "opt/lab/site/gevent/hub.py",
        "opt/lab/site/gevent/_util.cpython-313-x86_64-linux-gnu.so",
        "opt/lab/site/gevent-26.9.0.dist-info/METADATA",
        "opt/lab/services/core/model.py",
    }
    goes = {
        "var/lib/dpkg/status-old",
        "usr/share/doc/libc6/changelog.gz",
        "usr/lib/x86_64-linux-gnu/gconv/EUC-JP.so",
        "usr/lib/python3.13/test/regrtest.py",
        "opt/lab/site/gevent/tests/deep/tests/test_it.py",
        "opt/lab/site/gevent/testing/leaks.py",
        "opt/lab/site/greenlet/greenlet.h",
        "opt/lab/site/gevent-26.9.0.dist-info/RECORD",
    }
    _tree(tmp_path, *stays, *goes)
    trim.remove(tmp_path)
    assert _left(tmp_path) == stays
    trim.remove(tmp_path)


def test_a_link_goes_and_what_it_leads_to_stays(tmp_path):
    _tree(tmp_path, "usr/share/important/file")
    (tmp_path / "usr/share/locale").mkdir()
    (tmp_path / "usr/share/locale/de").symlink_to("../important")
    trim.remove(tmp_path)
    assert _left(tmp_path) == {"usr/share/important/file"}
