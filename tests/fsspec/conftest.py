"""Tests of a kind of store are there when the extra is that brings its libraries."""

from __future__ import annotations

import importlib.util

_LIBRARIES = {"s3": "obstore", "gcs": "google_crc32c", "sftp": "asyncssh", "url": "fsspec"}

collect_ignore = [folder for folder, library in _LIBRARIES.items() if importlib.util.find_spec(library) is None]
