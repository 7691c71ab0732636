"""From a profile's options to a sink."""

from __future__ import annotations

from wrikebackup_core import Context, Sink
from wrikebackup_fsspec.gcs.bucket import GcsBucket
from wrikebackup_fsspec.gcs.identity import identity
from wrikebackup_fsspec.gcs.place import Place
from wrikebackup_fsspec.gcs.wire import Wire
from wrikebackup_fsspec.objects.sink import ObjectSink
from wrikebackup_fsspec.options import GcsOptions

__all__ = ["open_sink"]


def open_sink(options: GcsOptions, context: Context) -> Sink:
    """Connects to nothing yet. Raises SecretError, SinkError."""
    endpoint = options.endpoint_url.rstrip("/") if options.endpoint_url else None
    name = f"gcs:{endpoint}/{options.bucket}" if endpoint else f"gcs:{options.bucket}"
    wire = Wire(endpoint, identity(options, context), options.timeout)
    return ObjectSink(GcsBucket(Place(wire, options.bucket, name), options), options.prefix)
