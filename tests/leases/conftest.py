"""The stores of the tests of prune: a sink of each kind, over a real connection where there is one."""

from __future__ import annotations

from tests.prune.conftest import _fake_gcs, _moto, _seaweedfs, gcs, s3, servers, sftp, store

__all__ = ["_fake_gcs", "_moto", "_seaweedfs", "gcs", "s3", "servers", "sftp", "store"]
