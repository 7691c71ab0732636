"""A store without room left says so in one line, holds no half of anything, and takes no other sink with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("google.auth", reason="the extra gcs is not installed")
pytest.importorskip("google_crc32c", reason="the extra gcs is not installed")

from tests.e2e.conftest import TOKEN, Place, Run, place, run
from tests.fsspec.asking import get, keys, put
from tests.fsspec.gcs.asking import LARGE
from tests.fsspec.gcs.google_rules import Bucket, Refusal
from tests.fsspec.gcs.google_server import GoogleServer
from wrikebackup_core import SinkError, SinkFull
from wrikebackup_fsspec.gcs import wire
from wrikebackup_fsspec.objects.sink import ObjectSink
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.server import MockServer

__all__ = ["place", "run"]

QUOTA = Refusal(403, "quotaExceeded", "The project exceeded its storage quota.")
STORAGE = Refusal(507, "", "Insufficient Storage.")
BUSY = Refusal(429, "rateLimitExceeded", "The project exceeded the rate limit for creating and deleting objects.")


@pytest.mark.parametrize(
    ("refusal", "kind", "hint"),
    [(QUOTA, SinkFull, "quota"), (STORAGE, SinkFull, "make room"), (BUSY, SinkError, "try later")],
    ids=["quota", "507", "429"],
)
@pytest.mark.parametrize("data", [b"small" * 1000, LARGE], ids=["small", "large"])
def test_a_full_store_is_told_in_one_line_and_holds_no_half_of_anything(
    sink: ObjectSink,
    bucket: Bucket,
    refusal: Refusal,
    kind: type[SinkError],
    hint: str,
    data: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wire, "_ATTEMPTS", 2)
    put(sink, "a/before", b"0123456789")
    bucket.full, bucket.room = refusal, len(data) // 2
    with pytest.raises(SinkError, match=str(refusal.status)) as caught:
        put(sink, "a/b", data)
    assert type(caught.value) is kind
    assert "a/b" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert hint in str(caught.value.hint)
    assert not bucket.sessions
    assert keys(sink) == ["a/before"]
    bucket.room = None
    put(sink, "a/b", data)
    assert get(sink, "a/b") == data


@pytest.fixture
def server() -> Iterator[MockServer]:
    with MockServer(MockAccount(tasks=20, attachments=40, attachment_size=20_000), token=TOKEN) as server:
        yield server


@pytest.mark.parametrize("refusal", [QUOTA, STORAGE], ids=["quota", "507"])
def test_a_run_goes_on_with_its_other_sink_and_the_next_one_makes_up_for_it(
    place: Place, run: Run, server: MockServer, google: GoogleServer, bucket: Bucket, refusal: Refusal
) -> None:
    place.write(server.base_url)
    line = f'  - gcs: {{bucket: bucket, endpoint_url: "{google.url}", anonymous: true}}\n'
    place.profile.write_text(place.profile.read_text().replace("sinks:\n", f"sinks:\n{line}"))
    bucket.full, bucket.room = refusal, 400_000
    done = run("backup", place.profile)
    assert done.returncode == 3, done.stderr
    assert "takes no further part" in done.stderr
    assert refusal.message.rstrip(".")[1:] in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr
    assert len(place.backups()) == 1
    assert not [name for name in bucket.objects if name.endswith("manifest.json") or name.startswith(".")]
    assert not bucket.sessions
    assert all(data_of(place, name) == found.data for name, found in bucket.objects.items())

    bucket.room = None
    server.requests.clear()
    again = run("--json", "backup", place.profile)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout.splitlines()[-1])["attachments_new"] == 0
    assert server.requests.count("GET /attachments/{id}/download") == 0
    assert run("verify", "--all", place.profile).returncode == 0


def data_of(place: Place, name: str) -> bytes:
    return Path(place.sink, name).read_bytes()
