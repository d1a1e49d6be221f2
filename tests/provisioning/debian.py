"""An unpacked guest in miniature: what dpkg, pip and os-release leave, with their awkward cases."""

import json

STATUS = """\
Package: libssl3t64
Status: install ok installed
Section: libs
Installed-Size: 9000
Maintainer: Debian OpenSSL Team <openssl@example.org>
Architecture: amd64
Source: openssl (3.5.1-1)
Version: 3.5.1-1+b2
Provides: libssl3 (= 3.5.1-1)
Depends: libc6 (>= 2.38)
Description: Secure Sockets Layer toolkit
 This package is part of the OpenSSL project.
Homepage: https://openssl.example.org/

Package: openssh-server
Status: install ok installed
Section: net
Installed-Size: 3500
Maintainer: Debian OpenSSH Maintainers <ssh@example.org>
Architecture: amd64
Version: 1:10.0p1-7
Pre-Depends: libc6:any
Depends: sysvinit | libssl3, openssh-server, ucf (>= 0.28)
Description: secure shell server

Package: libc6
Status: install ok installed
Section: libs
Installed-Size: 13000
Architecture: amd64
Source: glibc
Version: 2.41-12
Description: GNU C Library

Package: mawk
Status: install ok installed
Architecture: amd64
Version: 1.3.4
Depends: libc6 | libssl3t64
Description: the first of two alternatives is what it uses

Package: ucf
Status: deinstall ok config-files
Architecture: all
Version: 3.0052
Description: removed, and its settings left behind
"""
COPYRIGHT = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Source: https://example.org/

Files: *
Copyright: 1998 Somebody
License: Apache-2.0

Files: debian/*
Copyright: 2001 Somebody else
License: GPL-2+ or Artistic

License: Expat
 Permission is hereby granted, free of charge, to any person
"""


def make(root):
    """Write the guest below `root` and return it."""
    _write(root / "var/lib/dpkg/status", STATUS)
    _write(root / "usr/share/doc/libssl3t64/copyright", COPYRIGHT)
    _write(root / "usr/share/doc/libc6/copyright", "License: it is free, says this prose.\n")
    _write(
        root / "usr/lib/os-release",
        'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nVERSION_ID="13"\n'
        "VERSION_CODENAME=trixie\nDEBIAN_VERSION_FULL=13.8\nID=debian\n",
    )
    _write(root / "opt/lab/DIGEST", f"{'ab' * 32}\n")
    site = root / "opt/lab/site"
    wheel(site, "bottle", "0.13.4")
    wheel(site, "zope.event", "6.2", "License-Expression: ZPL-2.1\n")
    wheel(
        site,
        "gevent",
        "26.9.0",
        "License: MIT\nRequires-Dist: zope.event\nRequires-Dist: bottle ; extra == 'web'\n"
        "Requires-Dist: cffi>=1.17 ; sys_platform == 'win32'\nHome-page: http://example.org/\n",
    )
    _write(site / "wheels.json", json.dumps({"gevent": "cd" * 32}))
    return root


def wheel(site, name, version, more=""):
    """Write what an unpacked wheel says of itself."""
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{more}\nA long text.\n"
    _write(site / f"{name.replace('.', '_')}-{version}.dist-info/METADATA", text)


def _write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
