"""Which names may become unit names, shell words and file names."""

import re

from services.core.errors import BadName

# RFC 1123 section 2.1, as Kubernetes words it: a label of a host name.
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def is_label(text: object) -> bool:
    """Return whether `text` is an RFC 1123 label: 1 to 63 of a-z, 0-9 and inner hyphens."""
    return isinstance(text, str) and _LABEL.fullmatch(text) is not None


def check_label(text: object, what: str) -> str:
    """Return `text` if it is a label, raise BadName otherwise. `what` names it for the reader."""
    if isinstance(text, str) and is_label(text):
        return text
    raise BadName(what, text)
