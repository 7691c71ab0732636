"""Addresses of stores as they may be shown: whoever writes a password or a token into one does not want to read it in a log."""

from __future__ import annotations

import re

__all__ = ["without_password", "without_passwords"]

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>]+")
_END = re.compile(r"[/?#]")
_PORT = re.compile(r"[^:@]*(?::\d*)?|\[[^]@]*\](?::\d*)?")


def without_password(address: str) -> str:
    """The address without user and password, and without parameters, which may be a signature."""
    scheme, mark, rest = address.partition("://")
    if not mark:
        return address
    found = _END.search(rest)
    host = rest[: found.start()] if found else rest
    if "@" in host:
        rest = rest[host.rindex("@") + 1 :]
    elif "@" in rest and not _PORT.fullmatch(host):  # a password with a slash in it
        rest = rest[rest.rindex("@") + 1 :]
    path, _, parameters = rest.partition("?")
    return f"{scheme}://{path if '=' in parameters else rest}"


def without_passwords(text: str) -> str:
    """A text, such as a strange library's error, with all addresses in it shortened so."""
    return _ADDRESS.sub(lambda found: without_password(found[0]), text)
