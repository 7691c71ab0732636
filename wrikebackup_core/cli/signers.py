"""Whose signatures a command line trusts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wrikebackup_core.errors import UsageError
from wrikebackup_core.homes import expand_home

if TYPE_CHECKING:
    from wrikebackup_core.plugins import Plugins
    from wrikebackup_core.transforms import Verifier

__all__ = ["verifier_of"]

_LARGEST = 1 << 20  # bytes of a file with public keys


def verifier_of(signer: str, plugins: Plugins) -> Verifier:
    """From a file, or the text of a public key. Raises UsageError naming it, MissingExtra."""
    try:
        path = expand_home(signer)
    except UsageError as error:
        raise UsageError(f"--signer {error.message}", hint=error.hint) from None
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST + 1)
    except (OSError, ValueError) as error:
        if " " not in signer.strip():
            reason = (getattr(error, "strerror", None) or "no such file").lower()
            raise UsageError(f"--signer {signer}: {reason}", hint="give a public key, or a file with some") from None
        return plugins.make_verifier(signer)
    if len(text) > _LARGEST:
        raise UsageError(f"--signer {signer}: too long for a file with public keys")
    try:
        return plugins.make_verifier(text.decode())
    except UnicodeDecodeError:
        raise UsageError(f"--signer {signer}: it is no text") from None
    except UsageError as error:
        raise UsageError(f"--signer {signer}: {error.message}", hint=error.hint) from None
