"""What vouches for SHA256SUMS and the manifest of a backup: which files these are, and whether they are of somebody who is trusted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from wrikebackup_core.engine.findings import Finding
from wrikebackup_core.errors import FormatError, KeyNotFound, SinkError
from wrikebackup_core.format import layout
from wrikebackup_core.format.manifest import Manifest
from wrikebackup_core.ports import Sink
from wrikebackup_core.stored import chunks
from wrikebackup_core.transforms import Verifier

__all__ = ["attestations", "vouched"]

_VOUCHED = ("SHA256SUMS", "manifest.json")
_LONGEST = 64 << 10  # bytes; what a stranger put there is not read to its end

Content = Callable[[], Iterator[bytes]]


def attestations(manifest: Manifest | None) -> list[str]:
    """Those that the manifest names, relative to the backup's folder. What it says is not trusted to be one of these."""
    named = manifest.files.attestations if manifest else ()
    return [name for name in named if "/" not in name and name.startswith(tuple(f"{one}." for one in _VOUCHED))]


def vouched(sink: Sink, key: str, content: Content, verifiers: Sequence[Verifier]) -> str | Finding:
    """The name of who vouches for the content of `key`, a file of a backup, or that it is none of those whom the verifiers trust.

    Whether they trust somebody may hang on the time: it is that of the backup, which its name says, and the manifest has to agree.
    """
    at = layout.started(key.split("/")[-2].removeprefix("backup-"))
    assert at is not None
    reasons: dict[str, None] = {}
    for verifier in verifiers:
        try:
            return verifier.signer(content, _read(sink, key + verifier.suffix), at)
        except KeyNotFound:
            continue
        except (FormatError, SinkError) as error:
            reasons[error.message] = None
    if reasons:
        return Finding(key, "untrusted", "; ".join(reasons))
    files = " or ".join(sorted({f"{key.rpartition('/')[2]}{verifier.suffix}" for verifier in verifiers}))
    return Finding(key, "unsigned", f"nobody vouches for it: there is no {files}")


def _read(sink: Sink, key: str) -> bytes:
    data = bytearray()
    for piece in chunks(sink, key):
        data += piece
        if len(data) > _LONGEST:
            raise FormatError(f"what should vouch for it is longer than {_LONGEST:,} bytes")
    return bytes(data)
