"""Stores repeat what they were sent, and their words are cut short: no secret is cut in two, whose halves nothing would mask."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from wrikebackup_core import SinkError, keep_secret

SECRET = "Q7rT2mX9vB4kL1pZ8sW3"


def _gcs(words: str) -> SinkError:
    pytest.importorskip("google.auth", reason="needs the extra gcs")
    from wrikebackup_fsspec.gcs.faults import Refused, failed

    return failed("write gcs:b/a", Refused.of(403, json.dumps({"error": {"message": words}}).encode()))


def _s3(words: str) -> SinkError:
    errors = pytest.importorskip("botocore.exceptions", reason="needs the extra s3")
    from wrikebackup_fsspec.s3.faults import failed

    answer = {"Error": {"Code": "Odd", "Message": words}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    return failed("write s3:b/a", errors.ClientError(answer, "PutObject"))


def _sftp(words: str) -> SinkError:
    sftp = pytest.importorskip("asyncssh.sftp", reason="needs the extra sftp")
    from wrikebackup_fsspec.sftp.faults import failed
    from wrikebackup_fsspec.sftp.place import Place

    return failed("write", Place.of("me", "host", 22, "/b"), b"/b/a", sftp.SFTPFailure(words))


def _url(words: str) -> SinkError:
    from wrikebackup_fsspec.url.faults import failed

    return failed("write", "ftp://host/a", RuntimeError(words))


@pytest.mark.parametrize("told", [_gcs, _s3, _sftp, _url])
def test_a_secret_in_the_words_of_a_store_is_masked_wherever_they_are_cut(told: Callable[[str], SinkError]) -> None:
    keep_secret(SECRET)
    cut = 0
    for before in range(400):
        words = f"{'who says ' * 50}"[:before] + SECRET + " and more" * 50
        said = str(told(words))
        assert SECRET[:4] not in said
        assert SECRET[1:5] not in said
        cut += "***" not in said
    assert cut, "some were cut off ahead of the secret"
