"""What a profile may say of each kind of sink."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, model_validator
from pydantic.config import JsonDict

from wrikebackup_core import Secret, SinkError
from wrikebackup_fsspec import keys

__all__ = ["GcsOptions", "LocalOptions", "S3Options", "SftpOptions", "UrlOptions"]

_MAX_LOCK_DAYS = 36_500  # what S3 allows
_HEADER = r"^[!-~]+$"  # what can be sent as a header's value
_TUNING: JsonDict = {"tuning": True}


def _prefix(value: str) -> str:
    """A folder inside a bucket, without slashes around it."""
    folder = value.strip("/")
    if not folder:
        return ""
    try:
        return keys.check(folder)
    except SinkError as error:
        raise ValueError(str(error)) from None


Prefix = Annotated[
    str, AfterValidator(_prefix), Field(description="the folder inside the bucket; empty for the bucket itself")
]
LockDays = Annotated[
    int | None,
    Field(
        ge=1,
        le=_MAX_LOCK_DAYS,
        description="nobody can delete or replace what a backup stores for so many days; attachments that a newer backup still "
        "names are locked anew with each one",
    ),
]
Timeout = Annotated[
    float,
    Field(gt=0, le=3600, description="seconds after which a silent server is given up", json_schema_extra=_TUNING),
]


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LocalOptions(_Options):
    """A folder on this machine."""

    path: str = Field(
        min_length=1,
        description="the folder; ~ is your home, a relative path starts in the working directory; created if missing",
        examples=["./backups", "/mnt/backups/wrike"],
        json_schema_extra={"folder": True},
    )


class S3Options(_Options):
    """A bucket of Amazon S3, or of a store that speaks its protocol (MinIO, R2, B2, Wasabi, Ceph, SeaweedFS)."""

    bucket: str = Field(min_length=1, description="the bucket; it must exist", examples=["acme-backups"])
    prefix: Prefix = ""
    endpoint_url: str | None = Field(
        None,
        pattern=r"^https?://[^/@]+/?$",
        description="the address of a store other than Amazon's",
        examples=["https://s3.eu-central-003.backblazeb2.com"],
    )
    region: str | None = Field(
        None, pattern=_HEADER, description="the bucket's region; else as the AWS tools are set up"
    )
    access_key: Secret | None = Field(
        None, description="a reference to the access key id; else as the AWS tools find it"
    )
    secret_key: Secret | None = Field(None, description="a reference to the secret access key")
    session_token: Secret | None = Field(None, description="a reference to the token of temporary keys")
    aws_profile: str | None = Field(None, description="a profile of the AWS tools' own configuration")
    path_style: bool | None = Field(
        None, description="whether the bucket stands in the path, not in the host name; so by default with endpoint_url"
    )
    storage_class: str | None = Field(
        None, pattern=_HEADER, description="such as STANDARD_IA; else the bucket's default"
    )
    sse: Literal["AES256", "aws:kms"] | None = Field(
        None, description="encryption by the store, with keys of its own or of KMS"
    )
    sse_kms_key_id: str | None = Field(None, pattern=_HEADER, description="the KMS key, for `sse: aws:kms`")
    lock_days: LockDays = None
    lock_mode: Literal["compliance", "governance"] = Field(
        "compliance", description="governance can be lifted by who has the right to; compliance by nobody"
    )
    timeout: Timeout = 60.0

    @model_validator(mode="after")
    def _agree(self) -> S3Options:
        if (self.access_key is None) != (self.secret_key is None):
            raise ValueError("access_key and secret_key belong together")
        if self.session_token is not None and self.access_key is None:
            raise ValueError("session_token belongs to an access_key and a secret_key")
        if self.aws_profile is not None and self.access_key is not None:
            raise ValueError("give either aws_profile or access_key and secret_key")
        if self.sse_kms_key_id is not None and self.sse != "aws:kms":
            raise ValueError("sse_kms_key_id belongs to `sse: aws:kms`")
        return self


class GcsOptions(_Options):
    """A bucket of Google Cloud Storage."""

    bucket: str = Field(min_length=1, description="the bucket; it must exist", examples=["acme-backups"])
    prefix: Prefix = ""
    credentials: Secret | None = Field(
        None,
        description="a reference to a service account's key, as the JSON text; else the machine's own (application default credentials)",
    )
    anonymous: bool = Field(False, description="sign nothing, for a server of one's own that asks for nothing")
    endpoint_url: str | None = Field(
        None, pattern=r"^https?://[^/@]+/?$", description="the address of a server other than Google's"
    )
    storage_class: str | None = Field(None, description="such as NEARLINE; else the bucket's default")
    kms_key: str | None = Field(None, description="the full name of a key in Cloud KMS to encrypt with")
    lock_days: LockDays = None
    lock_mode: Literal["locked", "unlocked"] = Field(
        "locked", description="an unlocked retention can be lifted by who has the right to; a locked one by nobody"
    )
    timeout: Timeout = 60.0

    @model_validator(mode="after")
    def _agree(self) -> GcsOptions:
        if self.anonymous and self.credentials is not None:
            raise ValueError("give either credentials or anonymous")
        return self


class SftpOptions(_Options):
    """A folder on a server that SSH reaches."""

    host: str = Field(min_length=1, description="the server's name or address")
    port: int = Field(22, ge=1, le=65535)
    user: str | None = Field(None, min_length=1, description="the account there; else your own name")
    path: str = Field(
        min_length=1,
        description="the folder there; a relative path starts in the account's home; created if missing",
        examples=["backups/wrike"],
    )
    key: str | None = Field(
        None, description="a private key file; else your usual ones, and the agent", examples=["~/.ssh/id_ed25519"]
    )
    key_passphrase: Secret | None = Field(None, description="a reference to the passphrase of the key file")
    password: Secret | None = Field(
        None, description="a reference to the account's password, for servers that take no key"
    )
    agent: bool = Field(True, description="whether keys of a running ssh-agent are tried")
    known_hosts: str = Field(
        "~/.ssh/known_hosts", description="the file with the server's host key; an unknown server is refused"
    )
    connections: int = Field(4, ge=1, le=32, description="connections at a time", json_schema_extra=_TUNING)
    timeout: Timeout = 30.0


class UrlOptions(_Options):
    """Whatever else fsspec opens, by its address: the promises are those of the store behind it, which `doctor` tries."""

    url: str = Field(
        pattern=r"^[A-Za-z][A-Za-z0-9+.-]*://",
        description="an fsspec address; for other stores than memory:// and file:// the library that fsspec names must be installed",
        examples=["abfs://backups/wrike", "smb://nas.example.com/backups"],
    )
    options: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="fsspec's storage options for it, but no secrets",
        examples=[{"account_name": "acme"}],
    )
    secrets: dict[str, Secret] = Field(
        default_factory=dict,
        description="storage options that are secrets, each a reference",
        examples=[{"account_key": "env:AZURE_KEY"}],
    )
