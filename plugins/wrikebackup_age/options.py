"""What a profile may say of encryption."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator

from wrikebackup_core import Secret

__all__ = ["EncryptOptions"]


class EncryptOptions(BaseModel):
    """Encrypts every file that is stored, in the age format, to one or several recipients: this host needs no key that opens them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    recipients: tuple[str, ...] = Field(
        default=(),
        description="who can open the backup: public keys that `wrikebackup keygen` or age-keygen printed, or SSH public keys; "
        "any one of their secret keys is enough",
        examples=[["age1pq1…"], ["ssh-ed25519 AAAA… ada@example.com"]],
    )
    recipient_files: tuple[str, ...] = Field(
        default=(),
        description="files with such keys, one on a line; `#` begins a comment",
        examples=[["~/keys/admins.txt"]],
    )
    passphrase: Secret | None = Field(
        default=None,
        description="a reference to a passphrase instead of recipients; each file costs about a second, and this host can then open "
        "them all. A key file with a passphrase on it is better: `wrikebackup keygen --passphrase`",
    )
    hide_names: bool = Field(
        default=False,
        description="store attachments under their ids alone, without their names, and tell no titles or names in the manifest; the "
        "names are in the encrypted archive",
    )
    identity: tuple[str, ...] = Field(
        default=(),
        description="key files that open the backup, for commands that read it; a run never needs them, and a host without them "
        "cannot read what it wrote",
        examples=[["~/keys/wrikebackup.txt"]],
        json_schema_extra={"tuning": True},
    )

    @model_validator(mode="after")
    def _somebody(self) -> EncryptOptions:
        if self.passphrase is not None and (self.recipients or self.recipient_files):
            raise ValueError("a passphrase must be alone: leave recipients out, or the passphrase")
        if self.passphrase is None and not (self.recipients or self.recipient_files):
            raise ValueError("say to whom: recipients, recipient_files or passphrase")
        return self
