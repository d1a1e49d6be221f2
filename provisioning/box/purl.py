"""Package URLs: one name for a package, whatever tool asks (github.com/package-url)."""

from collections.abc import Mapping
from urllib.parse import quote


def purl(
    kind: str, name: str, version: str, namespace: str = "", qualifiers: Mapping[str, str] = {}
) -> str:
    """Return pkg:KIND/NAMESPACE/NAME@VERSION?QUALIFIERS in canonical form.

    namespace and qualifiers may be empty; empty qualifiers are left out, the rest is sorted.
    """
    path = "/".join(_quoted(part) for part in (namespace, name) if part)
    asked = "&".join(
        f"{key}={_quoted(value)}" for key, value in sorted(qualifiers.items()) if value
    )
    return f"pkg:{kind}/{path}@{_quoted(version)}" + (f"?{asked}" if asked else "")


def _quoted(part: str) -> str:
    # The colon of an epoch stays as it is; a plus would be read as a space.
    return quote(part, safe=":")
