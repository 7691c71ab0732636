"""Where the bearer token comes from."""

from __future__ import annotations

from typing import Protocol

from wrikebackup_core import Unauthorized

__all__ = ["PermanentToken", "Tokens"]


class Tokens(Protocol):
    """Safe from any thread."""

    def current(self) -> str:
        """The token to send. Raises Unauthorized, SourceError when there is none to be had."""

    def renew(self, stale: str) -> str:
        """Another token, since the API refused `stale`. Raises Unauthorized when there is none."""


class PermanentToken:
    """A token that Wrike's settings page made: it lives until somebody revokes it."""

    def __init__(self, token: str) -> None:
        self._token = token

    def current(self) -> str:
        return self._token

    def renew(self, stale: str) -> str:
        raise Unauthorized(
            "Wrike does not accept the permanent token",
            hint="create a new one under Apps & Integrations in Wrike; it dies when it is revoked or its user is deactivated",
        )

    def __repr__(self) -> str:
        return "PermanentToken(…)"
