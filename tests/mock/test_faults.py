"""Troubles on demand: each does what it says, to whom it says, and is counted."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.mock.client import Client, Serve
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.faults import KINDS, Fault, Faults


def _file(client: Client) -> tuple[str, bytes]:
    name = client.account.belongings.attachments.series.id(6)
    return f"/attachments/{name}/download", b"".join(client.account.content(name)[1])


def test_a_fault_can_be_written_as_text() -> None:
    fault = Fault.parse("cut:path=/download$,at=2+5,bytes=70,times=3")
    assert fault == Fault("cut", path="/download$", at=(2, 5), bytes=70, times=3)
    assert Fault.parse("slow:seconds=0.5,share=0.1,seed=4") == Fault("slow", seconds=0.5, share=0.1, seed=4)
    assert Fault.parse("drop") == Fault("drop")


@pytest.mark.parametrize("text", ["cats", "cut:cats=1", "cut:every", "cut:every=often", "cut:path=(", "", "cut:at=1-2"])
def test_a_fault_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Fault.parse(text)


def test_faults_strike_by_number() -> None:
    fault = Fault("drop", at=(2, 5))
    assert [fault.strikes() for _ in range(6)] == [False, True, False, False, True, False]
    faults = Faults([Fault("drop", every=3, times=2)])
    struck = [faults.pick("/tasks", download=False, ranged=False) is not None for _ in range(10)]
    assert [number for number, hit in enumerate(struck, 1) if hit] == [3, 6]
    assert faults.fired("drop") == 2
    assert Fault("drop").strikes()


def test_only_one_of_two_faults_strikes_and_both_count_the_request() -> None:
    faults = Faults(["drop:at=1", "status"])
    assert [getattr(faults.pick("/tasks", download=False, ranged=False), "kind", "") for _ in range(2)] == [
        "drop",
        "status",
    ]
    assert [(fault["seen"], fault["fired"]) for fault in faults.report()] == [(2, 1), (2, 1)]


def test_a_share_is_the_same_every_time() -> None:
    one, other = Fault("drop", share=0.3, seed=1), Fault("drop", share=0.3, seed=1)
    struck = [one.strikes() for _ in range(1000)]
    assert struck == [other.strikes() for _ in range(1000)]
    assert 250 < sum(struck) < 350
    assert struck != [fault.strikes() for fault in [Fault("drop", share=0.3, seed=2)] for _ in range(1000)]


def test_faults_for_downloads_leave_lists_alone() -> None:
    faults = Faults(["short", "ignore-range", "corrupt-json"])
    assert faults.pick("/tasks", download=False, ranged=False) is not None
    assert faults.fired("corrupt-json") == 1
    assert faults.fired("short") == 0
    struck = faults.pick("/attachments/x/download", download=True, ranged=False)
    assert struck is not None
    assert struck.kind == "short"
    assert faults.fired("ignore-range") == 0, "nobody asked for a range"


def test_every_kind_is_explained() -> None:
    assert all(text and not text.endswith(".") for text in KINDS.values())


# Lists


def test_the_connection_closes_without_an_answer(serve: Serve) -> None:
    client = serve(faults=["drop:at=1"])
    with pytest.raises(httpx.TransportError):
        client.get("/account")
    assert client.get("/account").status_code == 200
    assert client.server.requests.statuses == {0: 1, 200: 1}


def test_the_server_may_say_nothing_for_a_while(serve: Serve) -> None:
    client = serve(faults=["stall:at=1,seconds=0.1"])
    began = time.monotonic()
    with pytest.raises(httpx.TransportError):
        client.get("/account")
    assert time.monotonic() - began >= 0.1


def test_a_list_breaks_off_in_the_middle(serve: Serve) -> None:
    client = serve(faults=["cut:at=1,bytes=40"])
    with pytest.raises(httpx.RemoteProtocolError):
        client.get("/account")
    assert client.get("/account").status_code == 200


def test_a_list_is_shorter_than_it_says(serve: Serve) -> None:
    client = serve(faults=["truncate:at=1,bytes=40"])
    with client.http.stream("GET", f"{client.server.base_url}/account") as answer:
        assert int(answer.headers["content-length"]) > 40
        with pytest.raises(httpx.RemoteProtocolError):
            answer.read()


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_page_of_html_comes_with_an_error(serve: Serve, status: int) -> None:
    answer = serve(faults=[f"status:status={status}"]).get("/account")
    assert answer.status_code == status
    assert answer.text.startswith("<!DOCTYPE html>")


def test_broken_json_and_no_json_come_with_status_200(serve: Serve) -> None:
    client = serve(faults=["corrupt-json:at=1", "empty-body:at=2", "html:at=3"])
    for _ in range(3):
        answer = client.get("/account")
        assert answer.status_code == 200
        with pytest.raises(json.JSONDecodeError):
            answer.json()
    assert client.get("/account").json()["kind"] == "accounts"


def test_a_storm_of_429_with_and_without_retry_after(serve: Serve) -> None:
    client = serve(faults=["rate-limit:at=1,seconds=2", "rate-limit:at=2,seconds=0"])
    first, second = client.get("/account"), client.get("/account")
    assert (first.status_code, first.headers["retry-after"], first.json()["error"]) == (429, "2", "rate_limit_exceeded")
    assert (second.status_code, "retry-after" in second.headers) == (429, False)
    assert client.get("/account").status_code == 200


def test_a_slow_answer_is_whole(serve: Serve) -> None:
    client = serve(faults=["slow:seconds=0.01"])
    began = time.monotonic()
    assert client.get("/account").json()["kind"] == "accounts"
    assert time.monotonic() - began > 0.03
    path, data = _file(client)
    assert client.get(path).content == data


def test_a_token_ends_in_the_middle_of_a_run(serve: Serve) -> None:
    client = serve(faults=["expire-token:at=2"])
    token = client.server.tokens.issue()["access_token"]
    headers = {"Authorization": f"bearer {token}"}
    url = f"{client.server.base_url}/account"
    assert [client.plain.get(url, headers=headers).status_code for _ in range(3)] == [200, 401, 401]


@pytest.mark.parametrize("moved", [1, 3])
def test_items_that_turn_up_in_front_repeat_on_the_next_page_and_none_is_lost(serve: Serve, moved: int) -> None:
    client = serve(faults=[f"page-shift:path=/tasks,at=2,by={moved}"])
    params = {"subTasks": True}
    found = [task["id"] for task in client.walk("/tasks", pageSize=10, **params)]
    assert client.server.faults.fired("page-shift") == 1
    whole = [task["id"] for task in client.walk("/tasks", pageSize=10, **params)]
    assert len(set(whole)) == len(whole)
    assert len(found) == len(whole) + moved
    assert list(dict.fromkeys(found)) == whole


# Downloads


def test_a_download_breaks_off_and_goes_on_with_a_range(serve: Serve) -> None:
    client = serve(faults=["cut:path=/download,at=1,bytes=300000"])
    path, data = _file(client)
    got = b""
    with client.http.stream("GET", client.server.base_url + path) as answer:
        assert int(answer.headers["content-length"]) == len(data)
        pieces = answer.iter_raw()
        while len(got) < 300_000:
            got += next(pieces)
        with pytest.raises(httpx.RemoteProtocolError):
            next(pieces)
    assert got == data[:300_000]
    rest = client.http.get(client.server.base_url + path, headers={"Range": f"bytes={len(got)}-"})
    assert rest.status_code == 206
    assert got + rest.content == data


def test_an_error_page_comes_in_the_place_of_a_file(serve: Serve) -> None:
    client = serve(faults=["html:path=/download"])
    answer = client.get(_file(client)[0])
    assert (answer.status_code, answer.text[:9]) == (200, "<!DOCTYPE")


def test_a_range_is_ignored_or_begins_elsewhere(serve: Serve) -> None:
    client = serve(faults=["ignore-range:at=1", "shift-range:at=2,bytes=10"])
    path, data = _file(client)
    url, headers = client.server.base_url + path, {"Range": "bytes=5000-"}
    whole, shifted = client.http.get(url, headers=headers), client.http.get(url, headers=headers)
    assert (whole.status_code, whole.content) == (200, data)
    assert (shifted.status_code, shifted.content) == (206, data[4990:])
    assert shifted.headers["content-range"] == f"bytes 4990-{len(data) - 1}/{len(data)}"


def test_a_download_is_of_the_wrong_length_and_ends_well(serve: Serve) -> None:
    client = serve(faults=["short:at=1,bytes=7", "long:at=2,bytes=7", "no-length:at=3"])
    path, data = _file(client)
    assert client.get(path).content == data[:-7]
    assert client.get(path).content == data + b"\n" * 7
    answer = client.get(path)
    assert answer.content == data
    assert "content-length" not in answer.headers


def test_faults_can_be_changed_while_the_server_runs_and_say_how_often_they_struck(serve: Serve) -> None:
    client = serve()
    fault = client.server.faults.add("status:path=^/account$,status=500")
    assert client.get("/account").status_code == 500
    assert client.get("/version").status_code == 200
    assert (fault.seen, fault.fired, client.server.faults.fired()) == (1, 1, 1)
    assert [entry.fault for entry in client.server.requests] == ["status", ""]
    client.server.faults.clear()
    assert client.get("/account").status_code == 200


# Limits and load


def test_a_token_may_ask_so_often_a_minute(serve: Serve) -> None:
    client = serve(rate=5)
    statuses = [client.get("/version").status_code for _ in range(7)]
    assert statuses == [200] * 5 + [429] * 2
    refused = client.get("/version")
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.json()["error"] == "rate_limit_exceeded"
    other = {"Authorization": f"bearer {client.server.tokens.issue()['access_token']}"}
    assert client.plain.get(f"{client.server.base_url}/version", headers=other).status_code == 200


def test_a_429_may_say_nothing_about_when(serve: Serve) -> None:
    client = serve(rate=1, retry_after=False)
    client.get("/version")
    assert "retry-after" not in client.get("/version").headers


def test_every_answer_waits_for_the_latency_and_others_do_not_wait_for_it(serve: Serve) -> None:
    client = serve(latency=0.15)
    began = time.monotonic()
    with ThreadPoolExecutor(40) as threads:
        assert set(threads.map(lambda _: client.get("/version").status_code, range(40))) == {200}
    assert 0.15 <= time.monotonic() - began < 40 * 0.15


def test_sixty_four_downloads_at_once_are_right(serve: Serve) -> None:
    client = serve(MockAccount(attachments=64, attachment_size=100_000))
    names = [name for name, _, _ in client.account.files()]
    with httpx.Client(headers=client.http.headers, limits=httpx.Limits(max_connections=64)) as http:

        def right(name: str) -> bool:
            body = http.get(f"{client.server.base_url}/attachments/{name}/download").content
            return body == b"".join(client.account.content(name)[1])

        with ThreadPoolExecutor(64) as threads:
            assert all(threads.map(right, names))
    assert client.server.requests.count("GET /attachments/{id}/download") == 64
