"""Whether a backup is of somebody who is trusted: found out before anything of it is written."""

from __future__ import annotations

from wrikebackup_core.engine.attestations import vouched
from wrikebackup_core.engine.findings import Finding
from wrikebackup_core.engine.restore.original import Original
from wrikebackup_core.errors import Damaged, FormatError, KeyNotFound
from wrikebackup_core.format import layout
from wrikebackup_core.format.manifest import Manifest
from wrikebackup_core.store import AccountStore
from wrikebackup_core.stored import chunks

__all__ = ["refuse_altered", "refuse_untrusted"]

_HINT = "`wrikebackup verify --signer` says what is wrong with it; without --signer it is restored all the same"


def refuse_untrusted(original: Original) -> None:
    """Raises Damaged where nobody vouches for the manifest and SHA256SUMS whom the original's verifiers trust; SinkError."""
    sink, account, uid = original.sink, original.account, original.uid
    if not original.verifiers:
        return
    if not original.ours:
        raise Damaged(f"the backup {uid} is of Wrike's own tool, and nobody vouches for it", hint=_HINT)
    key, sums = layout.manifest_key(account, uid), layout.sums_key(account, uid)
    try:
        data = AccountStore(sink, account).manifest_bytes(uid)
        manifest = Manifest.decode(data, key)
    except (KeyNotFound, FormatError) as error:
        raise Damaged(error.message, hint=_HINT) from None
    for name, content in ((key, lambda: iter([data])), (sums, lambda: chunks(sink, sums))):
        found = vouched(sink, name, content, original.verifiers)
        if isinstance(found, Finding):
            raise Damaged(f"{name}: {found.what}: {found.detail}", hint=_HINT)
    if (manifest.backup_uid, manifest.account.id) != (uid, account):
        raise Damaged(f"{key}: is of backup {manifest.backup_uid} of account {manifest.account.id}", hint=_HINT)
    if manifest != original.manifest:
        raise Damaged(f"{key}: altered while it was read", hint=_HINT)


def refuse_altered(original: Original, found: list[Finding]) -> list[Finding]:
    """What was found of the SHA256SUMS that is relied on; raises Damaged with the first of it where it has to be trusted."""
    if original.verifiers and found:
        raise Damaged(f"{found[0].key}: {found[0].what}: {found[0].detail}", hint=_HINT)
    return found
