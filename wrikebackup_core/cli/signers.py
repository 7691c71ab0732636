"""Whose signatures a command line trusts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from wrikebackup_core.errors import UsageError
from wrikebackup_core.homes import expand_home

if TYPE_CHECKING:
    from wrikebackup_core.plugins import Plugins
    from wrikebackup_core.transforms import Verifier

__all__ = ["verifiers_of", "with_signers"]

_Function = TypeVar("_Function", bound=Callable[..., Any])
_LARGEST = 1 << 20  # bytes of a file with public keys


def with_signers(function: _Function) -> _Function:
    """The option `--signer`, handed on as `signer`."""
    return click.option(
        "--signer",
        multiple=True,
        metavar="FILE|KEY",
        help="Whose signature a backup must have: a public key, a .pub file, or a file as allowed_signers of OpenSSH; may be given several times.",
    )(function)


def verifiers_of(signers: Sequence[str], plugins: Plugins) -> list[Verifier]:
    """From files, or the text of public keys. Raises UsageError naming it, MissingExtra."""
    return [_verifier(signer, plugins) for signer in signers]


def _verifier(signer: str, plugins: Plugins) -> Verifier:
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
