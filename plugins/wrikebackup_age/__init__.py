"""Encryption and signatures: the transforms `encrypt` (the age format) and `sign` (SSH signatures), and the command `keygen`.

This module only says what there is; the libraries are imported when they are used.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from wrikebackup_age.options import EncryptOptions
from wrikebackup_age.sign_options import SignOptions
from wrikebackup_core import Context, Keys, Register, Transform, Verifier, hookimpl

__all__ = ["EncryptOptions", "SignOptions"]

_EXTRA = "age"


def _encrypt(options: EncryptOptions, context: Context) -> Transform:
    from wrikebackup_age.encryption import encryption

    return encryption(options, context)


def _decrypt(_description: Mapping[str, Any], keys: Keys) -> Transform:
    from wrikebackup_age.encryption import decryption

    return decryption(keys)


def _sign(options: SignOptions, context: Context) -> Transform:
    from wrikebackup_age.signing import signatures

    return signatures(options, context)


def _signed(signer: str) -> Verifier:
    from wrikebackup_age.signing import signed_by

    return signed_by(signer)


@hookimpl
def register_transforms(register: Register) -> None:
    register("encrypt", options=EncryptOptions, make=_encrypt, extra=_EXTRA, decoder=_decrypt)
    register("sign", options=SignOptions, make=_sign, extra=_EXTRA, verifier=_signed)


@hookimpl
def register_commands(cli: click.Group) -> None:
    from wrikebackup_age.command import keygen

    cli.add_command(keygen)
