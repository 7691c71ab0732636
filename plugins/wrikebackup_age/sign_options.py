"""What a profile may say of signatures."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from wrikebackup_core import Secret

__all__ = ["SignOptions"]


class SignOptions(BaseModel):
    """Signs `SHA256SUMS` and `manifest.json` of each backup with an SSH key, so that nobody else can alter or exchange it unnoticed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str = Field(
        description="the file with the private key, as `ssh-keygen -t ed25519` writes it; keep its public part away from the backups",
        examples=["~/keys/wrikebackup_sign"],
        json_schema_extra={"tuning": True},
    )
    passphrase: Secret | None = Field(
        default=None,
        description="a reference to the key's passphrase, where it has one",
        examples=["env:SIGN_PASSPHRASE"],
        json_schema_extra={"secret": True},
    )
