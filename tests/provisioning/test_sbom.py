"""The bill of materials: what it says, that it is CycloneDX, and that it does not change."""

import json
from importlib.resources import files

import jsonschema_rs
import pytest
from packageurl import PackageURL

from provisioning.box import components, dpkg, sbom, spdx, wheels
from services.lib.version import VERSION
from tests.provisioning import debian

AT = "2026-01-01T00:00:00Z"
SHA256 = "ef" * 32


@pytest.fixture
def root(tmp_path):
    return debian.make(tmp_path / "root")


@pytest.fixture
def document(root):
    return sbom.document(root, at=AT, deb_sha256={"libc6_2.41-12_amd64": SHA256})


def named(document, name):
    (found,) = [one for one in document["components"] if one["name"] == name]
    return found


def needs(document, name):
    refs = {one["bom-ref"]: one["name"] for one in document["components"]}
    ref = named(document, name)["bom-ref"]
    (found,) = [line["dependsOn"] for line in document["dependencies"] if line["ref"] == ref]
    return [refs[one] for one in found]


def schema():
    """CycloneDX's own, with the schemas that it refers to by relative names."""
    folder = files("cyclonedx.schema") / "_res"
    parts = {}
    for name in ("bom-1.6", "spdx", "jsf-0.82", "cryptography-defs"):
        part = json.loads((folder / f"{name}.SNAPSHOT.schema.json").read_text())
        part["$id"] = f"http://cyclonedx.org/schema/{name}.SNAPSHOT.schema.json"
        parts[name] = part
    registry = jsonschema_rs.Registry([(part["$id"], part) for part in parts.values()])
    return jsonschema_rs.Draft7Validator(
        parts["bom-1.6"], registry=registry, validate_formats=True
    ), parts["spdx"]["enum"]


def test_it_is_what_the_official_schema_describes(document):
    validator, _ = schema()
    assert [error.message for error in validator.iter_errors(document)] == []
    named(document, "libc6")["hashes"][0]["content"] = "no hash"
    assert len(list(validator.iter_errors(document))) == 1


def test_it_lists_the_installed_packages_and_the_wheels_with_where_they_come_from(document):
    names = [one["name"] for one in document["components"]]
    packages = ["libc6", "libssl3t64", "mawk", "openssh-server"]
    assert sorted(names) == sorted(["debian", *packages, "bottle", "gevent", "zope-event"])
    ssl = named(document, "libssl3t64")
    assert ssl["type"] == "library"
    assert ssl["supplier"]["contact"][0]["email"] == "openssl@example.org"
    facts = {one["name"]: one["value"] for one in ssl["properties"]}
    assert facts["debian:source"] == "openssl"
    assert facts["debian:source-version"] == "3.5.1-1"
    assert facts[components.INSTALLED_KIB] == "9000"
    assert ssl["description"] == "Secure Sockets Layer toolkit"


def test_hashes_are_there_where_they_are_known(document):
    assert named(document, "libc6")["hashes"] == [{"alg": "SHA-256", "content": SHA256}]
    assert named(document, "gevent")["hashes"] == [{"alg": "SHA-256", "content": "cd" * 32}]
    assert "hashes" not in named(document, "openssh-server")


def test_a_hash_of_another_version_is_not_this_ones(root):
    other = sbom.document(root, at=AT, deb_sha256={"libc6_2.41-11_amd64": SHA256})
    assert "hashes" not in named(other, "libc6")


def test_licences_are_identifiers_where_they_are_sure_and_as_written_otherwise(document):
    assert named(document, "libssl3t64")["licenses"] == [
        {"license": {"id": "Apache-2.0"}},
        {"license": {"name": "GPL-2+ or Artistic"}},
    ]
    assert "licenses" not in named(document, "libc6"), "prose is not parsed"
    assert named(document, "zope-event")["licenses"] == [{"expression": "ZPL-2.1"}]
    assert named(document, "gevent")["licenses"] == [{"license": {"id": "MIT"}}]


def test_dependencies_are_those_that_are_installed(document):
    assert needs(document, "openssh-server") == ["libc6", "libssl3t64"]
    assert needs(document, "gevent") == ["zope-event"]
    assert needs(document, "mawk") == ["libc6"]
    assert needs(document, "debian") == ["libc6", "libssl3t64", "mawk", "openssh-server"]


def test_every_reference_leads_somewhere(document):
    refs = {one["bom-ref"] for one in document["components"]}
    refs.add(document["metadata"]["component"]["bom-ref"])
    lines = document["dependencies"]
    assert {line["ref"] for line in lines} == refs
    assert {ref for line in lines for ref in line["dependsOn"]} <= refs


@pytest.mark.parametrize(
    ("name", "kind", "version", "qualifiers"),
    [
        ("openssh-server", "deb", "1:10.0p1-7", {"arch": "amd64", "distro": "trixie"}),
        ("libssl3t64", "deb", "3.5.1-1+b2", {"arch": "amd64", "distro": "trixie"}),
        ("zope-event", "pypi", "6.2", {}),
    ],
)
def test_a_purl_is_canonical_and_leads_back(document, name, kind, version, qualifiers):
    text = named(document, name)["purl"]
    parsed = PackageURL.from_string(text)
    assert (parsed.type, parsed.name, parsed.version) == (kind, name, version)
    assert parsed.qualifiers == qualifiers
    assert parsed.to_string() == text


def test_equal_guests_have_equal_documents_and_others_another_serial_number(root, tmp_path):
    twin = debian.make(tmp_path / "twin")
    first, second = (sbom.dump(sbom.document(one, at=AT, deb_sha256={})) for one in (root, twin))
    assert first == second
    debian.wheel(twin / "opt/lab/site", "tinydb", "4.9.0")
    third = sbom.document(twin, at=AT, deb_sha256={})
    assert third["serialNumber"] != json.loads(first)["serialNumber"]


def test_what_was_removed_from_packages_is_told(document):
    told = [one["value"] for one in document["metadata"]["properties"]]
    assert "usr/share/locale/*" in told


def test_every_identifier_is_one_of_spdx():
    _, known = schema()
    assert set(spdx._SPDX.values()) <= set(known)
    assert spdx.identifier("gpl-2+") == "GPL-2.0-or-later"
    assert spdx.identifier("LGPL") == ""


def test_the_size_of_a_part_is_that_of_its_files_which_are_still_there(root):
    info = root / "var/lib/dpkg/info"
    info.mkdir()
    (info / "libc6:amd64.list").write_text(
        "/.\n/usr/lib/libc.so\n/usr/lib/libc.link\n/usr/gone\n/usr/lib/module.ko.xz\n/run/x\n"
    )
    (info / "mawk.list").write_text("/.\n/usr/bin/mawk\n")
    (root / "usr/bin").mkdir()
    (root / "usr/bin/mawk").write_bytes(bytes(30_000))
    (root / "usr/lib/libc.so").write_bytes(bytes(50_000))
    (root / "usr/lib/libc.link").symlink_to("libc.so")
    (root / "usr/lib/module.ko").write_bytes(bytes(7))
    host = root.parent / "host"
    host.mkdir(exist_ok=True)
    (host / "x").write_bytes(bytes(1_000_000))
    (root / "run").symlink_to(host)
    document = sbom.document(root, at=AT, deb_sha256={})
    ours = sum(path.stat().st_size for path in (root / "opt/lab").rglob("*") if path.is_file())
    assert sbom.largest(document) == [
        ("libc6 2.41-12", 50_007),
        ("mawk 1.3.4", 30_000),
        (f"{components.PRODUCT} {VERSION} with its libraries", ours),
        ("libssl3t64 3.5.1-1+b2", 0),
        ("openssh-server 1:10.0p1-7", 0),
    ]


def test_what_is_no_debian_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError):
        dpkg.installed(tmp_path)


def test_pips_report_gives_the_hash_of_each_wheel():
    info = {"archive_info": {"hashes": {"sha256": SHA256}}, "url": "https://example.org/x.whl"}
    item = {"metadata": {"name": "Zope.Event", "version": "6.2"}, "download_info": info}
    assert wheels.hashes({"install": [item]}) == {"zope-event": SHA256}


def test_the_bill_tells_which_code_of_the_lab_is_in_the_box(document, tmp_path):
    (tmp_path / sbom.FILE).write_text(sbom.dump(document), encoding="utf-8")
    assert sbom.code(tmp_path) == "ab" * 32
