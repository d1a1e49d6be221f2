"""Debian's short names of licences as SPDX identifiers."""

# copyright-format/1.0 and SPDX agree on most names but for their case. Kept to what has one clear
# meaning: "BSD" or "LGPL" without a version are not identifiers of anything.
_NAMES = (
    "0BSD AFL-2.1 Apache-2.0 Beerware BSD-2-Clause BSD-3-Clause BSD-3-Clause-Attribution "
    "BSD-4-Clause BSD-4-Clause-UC BSL-1.0 CC-BY-3.0 CC-BY-SA-4.0 CC0-1.0 curl FSFAP FSFUL FSFULLR "
    "ISC Latex2e MIT MIT-0 MS-PL OLDAP-2.8 SunPro Unicode-DFS-2016 X11 Zlib ZPL-2.1"
)
_GNU = {"GPL": ("1", "2", "3"), "LGPL": ("2", "2.1", "3")}
_SPDX = {name.lower(): name for name in _NAMES.split()}
_SPDX |= {"expat": "MIT", "apache-2": "Apache-2.0", "zpl 2.1": "ZPL-2.1"}
_SPDX |= {"openldap-2.8": "OLDAP-2.8", "bsl-1": "BSL-1.0"}
for _family, _versions in _GNU.items():
    for _version in _versions:
        _full = _version if "." in _version else f"{_version}.0"
        for _written in {_version, _full}:
            _SPDX[f"{_family}-{_written}".lower()] = f"{_family}-{_full}-only"
            _SPDX[f"{_family}-{_written}+".lower()] = f"{_family}-{_full}-or-later"
            _SPDX[f"{_family}-{_full}-only".lower()] = f"{_family}-{_full}-only"


def identifier(name: str) -> str:
    """Return the SPDX identifier of the licence that Debian calls `name`; empty if none is sure."""
    return _SPDX.get(name.lower(), "")
