"""What a command reads from a store is what it needs, not all that lies there: many stores bill what is fetched."""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fsspec.asking import put
from tests.fsspec.proxy import Proxy
from wrikebackup_core import Sink
from wrikebackup_core.cli.program import run
from wrikebackup_fsspec.local.sink import LocalSink

FILES, FILE = 40, 250_000
OLDER, ARCHIVE = 30, 500_000
LIBRARIES = {"s3": "obstore", "gcs": "google_crc32c", "url": "fsspec"}


@dataclass
class Place:
    """A store with one backup, and older ones of which only manifest and archive are there."""

    sink: Sink
    line: str
    fetched: Callable[[], int]


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> LocalSink:
    folder = tmp_path_factory.mktemp("backup")
    source = f"{{mock: {{tasks: 20, attachments: {FILES}, attachment_size: {FILE}}}}}"
    profile = folder / "profile.yaml"
    profile.write_text(f"source: {source}\nsinks: [local: {{path: {folder / 'sink'}}}]\nstate: {folder / 'state'}\n")
    assert run(["-q", "backup", str(profile)]) == 0
    return LocalSink(str(folder / "sink"))


@pytest.fixture(scope="module", params=LIBRARIES)
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, backup: LocalSink
) -> Iterator[Place]:
    kind = request.param
    if importlib.util.find_spec(LIBRARIES[kind]) is None:
        pytest.skip(f"needs the extra {kind}")
    with pytest.MonkeyPatch.context() as patch:
        for place in MAKE[kind](tmp_path_factory.mktemp(kind), patch):
            _fill(place.sink, backup)
            yield place


def _s3(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Place]:
    from tests.fsspec.s3.stores import SECRETS, moto

    patch.setenv("S3_ACCESS", SECRETS["test:access"])
    patch.setenv("S3_SECRET", SECRETS["test:secret"])
    with moto(folder) as store, Proxy(store.url) as proxy:
        bucket = store.bucket()
        keys = 'access_key: "env:S3_ACCESS", secret_key: "env:S3_SECRET"'
        line = f's3: {{bucket: {bucket}, prefix: backups/wrike, endpoint_url: "{proxy.url}", {keys}}}'
        yield Place(store.sink(bucket), line, lambda: proxy.fetched)


def _gcs(_: Path, patch: pytest.MonkeyPatch) -> Iterator[Place]:
    from tests.fsspec.gcs.google_server import GoogleServer
    from tests.fsspec.gcs.stores import Store

    with GoogleServer() as google, Proxy(google.url) as proxy:
        google.bucket("bucket")
        line = f'gcs: {{bucket: bucket, prefix: backups/wrike, endpoint_url: "{proxy.url}", anonymous: true}}'
        yield Place(Store(google.url).sink("bucket"), line, lambda: proxy.fetched)


def _url(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Place]:
    from tests.fsspec.url.stores import PASSWORD, USER, ftp

    patch.setenv("FTP_PASSWORD", PASSWORD)
    with ftp(folder) as server:
        access = f'options: {{username: {USER}}}, secrets: {{password: "env:FTP_PASSWORD"}}'
        line = f"url: {{url: {server.url}/wrike, {access}}}"
        yield Place(LocalSink(str(folder / "wrike")), line, lambda: server.fetched)


MAKE: dict[str, Callable[[Path, pytest.MonkeyPatch], Iterator[Place]]] = {"s3": _s3, "gcs": _gcs, "url": _url}


def _fill(sink: Sink, backup: LocalSink) -> None:
    stored = {}
    for entry in backup.list(""):
        with backup.open(entry.key) as reader:
            stored[entry.key] = reader.read()
    for key, data in stored.items():
        put(sink, key, data)
    (manifest,) = (key for key in stored if key.endswith("/manifest.json"))
    folder = manifest.removesuffix("/manifest.json")
    account, uid = folder.split("/backup-")
    chance = random.Random(1)
    for number in range(OLDER):
        older = f"2025{uid[4:-6]}{number:06x}"
        put(sink, f"{account}/backup-{older}/backup-{older}.zip", chance.randbytes(ARCHIVE))
        put(sink, f"{account}/backup-{older}/manifest.json", stored[manifest].replace(uid.encode(), older.encode()))


@pytest.fixture
def asked(place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[str, int]]:
    """What a command prints, and how many bytes it fetched."""
    profile = tmp_path / "profile.yaml"
    profile.write_text(f"source: mock\nsinks:\n  - {place.line}\nstate: {tmp_path / 'state'}\n")

    def ask(command: str, *more: str) -> tuple[str, int]:
        before = place.fetched()
        capsys.readouterr()
        assert run([command, *more, str(profile)]) == 0
        return capsys.readouterr().out, place.fetched() - before

    return ask


def manifests(sink: Sink) -> int:
    return sum(entry.size for entry in sink.list("") if entry.key.endswith("/manifest.json"))


LISTINGS = 200_000  # bytes; S3 says a good deal of each object


def test_many_backups_are_listed_by_their_manifests_alone(place: Place, asked: Callable[..., tuple[str, int]]) -> None:
    printed, fetched = asked("list")
    assert printed.count("complete") == OLDER + 1
    assert manifests(place.sink) <= fetched + LISTINGS
    assert fetched <= manifests(place.sink) + LISTINGS < OLDER * ARCHIVE // 10


def test_a_backup_with_a_large_archive_is_shown_without_reading_it(
    place: Place, asked: Callable[..., tuple[str, int]]
) -> None:
    printed, fetched = asked("show")
    assert "complete" in printed
    assert fetched <= 2 * manifests(place.sink) + LISTINGS


def test_of_the_attachments_a_sample_is_read_and_the_backup_itself(
    place: Place, backup: LocalSink, asked: Callable[..., tuple[str, int]]
) -> None:
    """The zips twice, for their checksums and to look inside; and all manifests twice, to choose and to follow their chain."""
    own = sum(entry.size for entry in backup.list("") if "/backup-" in entry.key)
    sizes = sorted(entry.size for entry in backup.list("") if "/attachments/" in entry.key)
    printed, fetched = asked("verify", "--sample", "3")
    assert f"sample of 3 of {FILES}" in printed
    assert sum(sizes[:3]) < fetched
    most = 2 * own + 2 * manifests(place.sink) + sum(sizes[-3:]) + LISTINGS
    assert fetched <= most < sum(sizes) // 2


def test_a_range_is_read_without_the_rest_of_its_object(place: Place, tmp_path: Path) -> None:
    """As the end of a zip is, in which its contents are listed."""
    from wrikebackup_core.plugins import Plugins
    from wrikebackup_core.profile import load, open_sinks

    data = random.Random(2).randbytes(40_000_000)
    put(place.sink, "elsewhere/large", data)
    profile = tmp_path / "profile.yaml"
    profile.write_text(f"source: mock\nsinks:\n  - {place.line}\n")
    plugins = Plugins.load()
    with open_sinks(load(profile, plugins), plugins) as (sink,):
        for offset, size in ((len(data) - 22, 22), (20_000_000, 100_000), (0, 10)):
            before = place.fetched()
            with sink.open("elsewhere/large", offset) as reader:
                read = b""
                while len(read) < size:
                    read += reader.read(size - len(read))
                assert read == data[offset : offset + size]
            assert place.fetched() - before < 8_000_000
    place.sink.delete(["elsewhere/large"])
