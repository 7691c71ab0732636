"""Two sinks, of which one fails: the next run brings it up to date, and asks Wrike for no file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Place, Run
from tests.e2e.test_account import compare
from wrikebackup_core.format.names import attachment_file_name
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.server import MockServer

pytestmark = pytest.mark.slow

DOWNLOAD = "GET /attachments/{id}/download"


@pytest.fixture
def server() -> Iterator[MockServer]:
    with MockServer(MockAccount(tasks=60, attachments=60, attachment_size=40_000), token="e2e-token") as server:
        yield server


@pytest.fixture
def second(place: Place) -> Place:
    """The other sink, seen as a place."""
    other = Place(place.root)
    other.sink = place.root / "second"
    return other


def write(place: Place, second: Place, server: MockServer) -> None:
    place.write(server.base_url)
    text = place.profile.read_text().replace(
        f"  - local: {{path: {place.sink}}}", f"  - local: {{path: {second.sink}}}\n  - local: {{path: {place.sink}}}"
    )
    place.profile.write_text(text)


def hashes(place: Place) -> dict[str, str]:
    return {id_: hashlib.sha256(path.read_bytes()).hexdigest() for id_, path in place.files().items()}


def obstacle(second: Place, server: MockServer) -> Path:
    """A folder where the file belongs that comes last: the sink works until then."""
    id_, name, _ = max(server.account.files(), key=lambda file: file[2])
    account = server.account.account.id
    return second.sink / f"account-{account}" / "attachments" / attachment_file_name(id_, name)


def test_a_sink_that_failed_is_brought_up_to_date_without_a_download(
    place: Place, second: Place, server: MockServer, run: Run
) -> None:
    in_the_way = obstacle(second, server)
    in_the_way.mkdir(parents=True)
    (in_the_way / "something").write_text("x")
    write(place, second, server)
    done = run("backup", place.profile)
    assert done.returncode == 3, done.stderr
    assert "takes no further part" in done.stderr
    assert 0 < len([path for path in in_the_way.parent.iterdir() if path.is_file()]) < len(place.files())
    assert not list(second.sink.glob("account-*/backup-*/manifest.json"))

    (in_the_way / "something").unlink()
    in_the_way.rmdir()
    server.requests.clear()
    done = run("--json", "backup", place.profile)
    assert done.returncode == 0, done.stderr
    assert server.requests.count(DOWNLOAD) == 0
    outcome = json.loads(done.stdout.splitlines()[-1])
    assert outcome["attachments_new"] == 0
    assert outcome["attachments_copied"] > 0
    assert hashes(second) == hashes(place)
    compare(second, server.account)
    assert run("verify", "--all", place.profile).returncode == 0


def test_a_new_sink_is_filled_from_the_old_one_and_new_files_are_downloaded_once(
    place: Place, second: Place, server: MockServer, run: Run
) -> None:
    place.write(server.base_url)
    assert run("backup", place.profile).returncode == 0
    before = set(place.files())
    server.account = server.account.changed()
    server.requests.clear()
    write(place, second, server)
    done = run("backup", place.profile)
    assert done.returncode == 0, done.stderr
    compare(second, server.account)
    new = {id_ for id_, _, _ in server.account.files()} - before
    assert new
    assert server.requests.count(DOWNLOAD) == len(new)
    assert f"of them copied from local:{place.sink}" in done.stderr
    assert run("verify", place.profile).returncode == 0
