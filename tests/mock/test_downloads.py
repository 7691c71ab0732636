"""Downloads: whole, in part, redirected; and links that need no token."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx
import pytest

from tests.mock.client import Client, Serve
from wrikebackup_core import Kind
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.service import Plan


def _big(account: MockAccount) -> tuple[str, bytes]:
    name, _, _ = max(account.files(), key=lambda file: file[2])
    return name, b"".join(account.content(name)[1])


def test_a_download_says_how_long_it_is(shared: Client) -> None:
    name, data = _big(shared.account)
    answer = shared.get(f"/attachments/{name}/download")
    assert answer.status_code == 200
    assert answer.content == data
    assert answer.headers["content-length"] == str(len(data))
    assert answer.headers["content-type"] == "application/octet-stream"


def test_an_empty_file_is_empty(shared: Client) -> None:
    name = next(name for name, _, size in shared.account.files() if size == 0)
    answer = shared.get(f"/attachments/{name}/download")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "0")


def test_a_name_in_the_path_is_the_name_of_the_answer(shared: Client) -> None:
    name, data = _big(shared.account)
    answer = shared.get(f"/attachments/{name}/download/gr%C3%B6%C3%9Fe.bin")
    assert answer.content == data
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''gr%C3%B6%C3%9Fe.bin"


@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        ("bytes=0-", slice(0, None)),
        ("bytes=1000-", slice(1000, None)),
        ("bytes=1000-1999", slice(1000, 2000)),
        ("bytes=-10", slice(-10, None)),
        ("bytes=5-99999999", slice(5, None)),
    ],
)
def test_a_part_is_a_part(shared: Client, wanted: str, part: slice) -> None:
    name, data = _big(shared.account)
    answer = shared.http.get(f"{shared.server.base_url}/attachments/{name}/download", headers={"Range": wanted})
    assert answer.status_code == 206
    assert answer.content == data[part]
    start, stop, _ = part.indices(len(data))
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(data)}"


def test_a_part_behind_the_end_is_refused(shared: Client) -> None:
    name, data = _big(shared.account)
    url = f"{shared.server.base_url}/attachments/{name}/download"
    answer = shared.http.get(url, headers={"Range": f"bytes={len(data)}-"})
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{len(data)}")


def test_external_files_cannot_be_downloaded_but_have_an_address(shared: Client) -> None:
    external = [record for record in shared.account.dicts(Kind.ATTACHMENTS) if record["type"] != "Wrike"]
    for record in external:
        assert shared.refusal(f"/attachments/{record['id']}/download") == (400, "invalid_request")
        assert shared.data(f"/attachments/{record['id']}/url") == [{"url": record["url"]}]


def test_a_link_to_a_stored_file_needs_no_token_and_refuses_one(serve: Serve) -> None:
    client = serve()
    name, data = _big(client.account)
    (link,) = client.data(f"/attachments/{name}/url")
    assert client.plain.get(link["url"]).content == data
    assert client.plain.get(link["url"], headers={"Range": "bytes=7-"}).content == data[7:]
    assert not client.server.leaks
    assert client.http.get(link["url"]).status_code == 400
    assert client.server.leaks == [f"/storage/{name}"]


@pytest.mark.parametrize("change", ["expires=1", "signature=0", ""])
def test_a_link_cannot_be_made_up(shared: Client, change: str) -> None:
    name, _ = _big(shared.account)
    (link,) = shared.data(f"/attachments/{name}/url")
    url = httpx.URL(link["url"])
    key, _, value = change.partition("=")
    query = {**dict(url.params), key: value} if change else {}
    assert shared.plain.get(url.copy_with(params=query)).status_code == 403


def test_downloads_may_be_redirected_to_another_host_that_must_not_see_the_token(serve: Serve) -> None:
    client = serve(plan=Plan(redirects=True))
    name, data = _big(client.account)
    answer = client.get(f"/attachments/{name}/download")
    assert answer.status_code == 302
    here, there = urlsplit(client.server.base_url), urlsplit(answer.headers["location"])
    assert (here.hostname, there.hostname) == ("127.0.0.1", "localhost")
    assert here.port != there.port
    url = f"{client.server.base_url}/attachments/{name}/download"
    assert client.http.get(url, follow_redirects=True).content == data, "httpx leaves the token behind"
    assert not client.server.leaks
    client.http.get(answer.headers["location"])
    assert client.server.leaks


def test_the_storage_host_may_have_the_same_name(serve: Serve) -> None:
    client = serve(plan=Plan(redirects=True, storage_host="127.0.0.1"))
    name, _ = _big(client.account)
    location = urlsplit(client.get(f"/attachments/{name}/download").headers["location"])
    assert location.hostname == "127.0.0.1"
    assert location.port == client.server.service.storage_port


def test_the_storage_host_has_no_api(shared: Client) -> None:
    origin = f"http://127.0.0.1:{shared.server.service.storage_port}"
    assert shared.plain.get(f"{origin}/api/v4/account").status_code == 403
