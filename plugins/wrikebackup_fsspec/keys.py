"""Which keys there are, for every kind of store: relative paths with `/` between parts, none of which leads elsewhere."""

from __future__ import annotations

import os
import secrets

from wrikebackup_core import KeyUnfit

__all__ = [
    "FOREIGN",
    "PROBE",
    "TEMPORARY_SUFFIX",
    "check",
    "check_prefix",
    "is_fleeting",
    "is_key",
    "is_probe",
    "is_temporary",
    "probe_name",
    "temporary_name",
]

TEMPORARY_SUFFIX = ".partial"
PROBE = ".probe-"
# What systems keep at the root of a disk; often unreadable, and never ours.
FOREIGN = {
    "lost+found", "System Volume Information", "$RECYCLE.BIN", ".Trashes", ".Spotlight-V100", ".fseventsd",
}  # fmt: skip
_MAX_NAME = 255  # bytes; every file system of today
# On Windows these separate folders or name drives and streams.
_FORBIDDEN = "\0\\:" if os.name == "nt" else "\0"


def is_temporary(name: str) -> bool:
    """Whether a file of this name is one that a writer has not committed, or a probe."""
    return name.endswith(TEMPORARY_SUFFIX) and name.startswith(".")


def temporary_name(name: str, tail: str) -> str:
    """`.<name>.<tail>.partial`, with the name cut where the whole would be longer than a file name may be."""
    room = _MAX_NAME - len(tail) - len(TEMPORARY_SUFFIX) - 2
    if len(name) * 4 > room:  # a character has at most four bytes
        name = name.encode()[:room].decode(errors="ignore")
    return f".{name}.{tail}{TEMPORARY_SUFFIX}"


def is_probe(name: str) -> bool:
    """Whether something of this name, at the root of a sink, was put there to try the store out."""
    return name.startswith(PROBE) and is_temporary(name)


def probe_name() -> str:
    """A name that no listing shows and that nobody else uses, for an object or for a folder of them. A sweep takes it away."""
    return f"{PROBE}{secrets.token_hex(8)}{TEMPORARY_SUFFIX}"


def is_fleeting(key: str) -> bool:
    """Whether a key is a dot file's, or below a dot folder: nothing of a backup, gone after the run, and never locked."""
    return "/." in f"/{key}"


def is_key(key: str) -> bool:
    """Whether something of this name in a store can be ours; what cannot is somebody else's, unfinished, or a probe."""
    try:
        check(key)
    except KeyUnfit:
        return False
    return True


def check(key: str) -> str:
    """Gives back a valid key. Raises KeyUnfit for any other."""
    for part in key.split("/"):
        if part in ("", ".", ".."):
            raise KeyUnfit(f"{key!r} is no key: it must be a relative path without empty parts, . and ..")
        if is_temporary(part):
            raise KeyUnfit(f"{key!r} is no key: names such as .….partial are kept for unfinished files")
    if any(character in key for character in _FORBIDDEN):
        raise KeyUnfit(f"{key!r} is no key: it holds a character that no file name may have here")
    try:
        key.encode()
    except UnicodeEncodeError:
        raise KeyUnfit(f"{key!r} is no key: it is not valid Unicode") from None
    return key


def check_prefix(prefix: str) -> str:
    """Gives back a folder's key without a slash at its end; `""` is the root. Raises KeyUnfit."""
    folder = prefix.removesuffix("/")
    return check(folder) if folder else ""
