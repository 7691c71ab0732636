"""Secrets from HashiCorp Vault, or OpenBao: `vault:MOUNT/PATH#KEY`. What speaks to it is imported when a profile asks for one."""

from wrikebackup_core import hookimpl


@hookimpl
def resolve_secret(reference: str) -> str | None:
    scheme, _, place = reference.partition(":")
    if scheme != "vault":
        return None  # another plugin's, perhaps
    from wrikebackup_vault.kv import read

    return read(place)
