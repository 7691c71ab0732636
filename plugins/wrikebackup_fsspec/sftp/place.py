"""Where a sink's folder is, and how it is called."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

__all__ = ["HOME", "Place"]

HOME = b"."


@dataclass(frozen=True, slots=True)
class Place:
    """A folder of a server. Paths are bytes, as the protocol has them; a relative one starts in the account's home."""

    server: str
    """For people: `user@host:port`."""

    root: bytes

    @classmethod
    def of(cls, user: str, host: str, port: int, path: str) -> Place:
        shown = f"[{host}]" if ":" in host else host
        if path == "~" or path.startswith("~/"):
            path = path[2:] or "."
        parts = [part for part in path.split("/") if part not in ("", ".")]
        root = ("/" if path.startswith("/") else "") + "/".join(parts)
        return cls(f"{user}@{shown}:{port}", root.encode() or HOME)

    @property
    def name(self) -> str:
        path = self.root.decode()
        return f"sftp:{self.server}" + (path if path.startswith("/") else "/~" + (f"/{path}" if path != "." else ""))

    def path(self, key: str) -> bytes:
        """The path of a key or a folder; the root for `""`."""
        if not key:
            return self.root
        return key.encode() if self.root == HOME else posixpath.join(self.root, key.encode())

    def below(self, folder: bytes) -> list[bytes]:
        """The folders from the one below the root down to this one; none for the root itself."""
        found = []
        while folder not in (self.root, b"", b"/"):
            found.append(folder)
            folder = posixpath.dirname(folder)
        return found[::-1]

    def told(self, path: bytes) -> str:
        """A path for people, with what would break a line or a terminal made visible."""
        text = path.decode(errors="backslashreplace")
        return text if text.isprintable() else ascii(text)[1:-1]
