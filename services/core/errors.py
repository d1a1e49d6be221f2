"""Errors that a user can act on: facts, a message and the next step.

They know nothing of HTTP or exit codes; each process has one edge that translates them. Text that
came from another machine enters a message through `printable`, so such a message is one line.
"""

_SHOWN_LENGTH = 80


def printable(text: str) -> str:
    """Return `text` on one line: characters that do not print are escaped as `repr` does it.

    These are line feeds and all other control characters, ESC, bidirectional overrides, invisible
    characters and lone surrogates: what could forge a line, or command the terminal. Printing the
    result twice escapes nothing twice.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def printable_lines(text: str) -> str:
    """Return `text` with every line `printable`, for text whose line feeds are our own."""
    return "\n".join(map(printable, text.split("\n")))


def shown(value: object) -> str:
    """Return the `repr` of `value`, cut to 80 characters; it may be any decoded JSON."""
    try:
        text = repr(value)
    except RecursionError:
        text = f"a deeply nested {type(value).__name__}"
    return text if len(text) <= _SHOWN_LENGTH else f"{text[: _SHOWN_LENGTH - 3]}..."


class LabError(Exception):
    """Something a user can act on.

    The message says what was tried, on what, and what happened; `hint` says what to do
    next. Subclasses take facts, keep them as attributes, and word the message.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class BadName(LabError):
    """A name that must not become a unit name or a shell word."""

    def __init__(self, what: str, name: object) -> None:
        super().__init__(
            f"{what} name {shown(name)} is not an RFC 1123 label",
            hint="use 1 to 63 lower-case letters, digits and hyphens, starting and ending with "
            "a letter or digit",
        )
        self.what = what
        self.name = name


class BadShape(LabError):
    """A document that does not have the fields or types that the contract asks for."""


class UnknownImage(LabError):
    """An image that is not in the catalogue baked into the guests."""

    def __init__(self, image: object, known: tuple[str, ...]) -> None:
        super().__init__(f"unknown image {shown(image)}", hint=f"use one of: {', '.join(known)}")
        self.image = image
        self.known = known


class UnknownContainer(LabError):
    """A container that was never declared, or was deleted."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"container {name!r} does not exist", hint="GET /api/containers lists what is declared"
        )
        self.name = name


class UnknownNode(LabError):
    """A node that is not part of this lab."""

    def __init__(self, node: str, known: tuple[str, ...]) -> None:
        super().__init__(
            f"unknown node {node!r}", hint=f"known nodes: {', '.join(known) or 'none yet'}"
        )
        self.node = node
        self.known = known


class NodeUnreachable(LabError):
    """A node did not answer in time. It may be down, cut off, or just slow."""

    def __init__(self, node: str, waited_s: float, detail: str = "") -> None:
        super().__init__(
            f"cannot reach node {node!r}: {printable(detail)}"
            if detail
            else f"node {node!r} did not answer within {waited_s:g} s",
            hint="check that the VM runs: lab status",
        )
        self.node = node
        self.waited_s = waited_s


class CommandFailed(LabError):
    """A command ran on a node and said no."""

    def __init__(self, node: str, command: str, code: int, stderr: str) -> None:
        said = stderr.strip().splitlines()[-1:] or ["(it said nothing)"]
        super().__init__(
            f"{command!r} failed on {node!r} with exit code {code}: {printable(said[0])}",
            hint=f"read the journal there: lab logs {node}",
        )
        self.node = node
        self.command = command
        self.code = code
        self.stderr = stderr


class ApiUnreachable(LabError):
    """An API did not answer at all."""

    def __init__(self, url: str, detail: str, *, hint: str = "is it running? lab status") -> None:
        super().__init__(f"{url} does not answer: {printable(detail)}", hint=hint)
        self.url = url
        self.detail = detail


class ApiNonsense(ApiUnreachable):
    """An API whose answer is not JSON. A retry treats it like no answer."""

    def __init__(self, url: str, detail: str) -> None:
        super().__init__(url, f"no JSON came ({detail})")


class ApiRefused(LabError):
    """An API answered, but not with success. error, hint: what it said, made printable."""

    def __init__(self, url: str, status: int, error: str, hint: str = "") -> None:
        self.url = url
        self.status = status
        self.error = printable(error)
        super().__init__(f"{url} answered {status}: {self.error}", hint=printable(hint))
