"""Both libraries go to the same place, and trust the same certificates: those of the profile, the environment, and the AWS tools."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fsspec.asking import get, keys, put
from tests.fsspec.proxy import Proxy
from tests.fsspec.s3 import certificates
from tests.fsspec.s3.stores import Store
from wrikebackup_core import SinkError

LARGE = bytes(9 << 20)  # two parts


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    return certificates.made(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def secured(moto: Store, certified: tuple[ssl.SSLContext, Path]) -> Iterator[Proxy]:
    with Proxy(moto.url, tls=certified[0]) as proxy:
        yield proxy


@pytest.fixture
def authority(certified: tuple[ssl.SSLContext, Path]) -> Path:
    return certified[1]


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setattr("wrikebackup_fsspec.s3.opening._ATTEMPTS", 2)


def _goes_all_ways(store: Store, bucket: str, **more: Any) -> None:
    sink = store.sink(bucket, **more)
    put(sink, "a/small", b"small")
    put(sink, "a/large", LARGE)
    assert get(sink, "a/small") == b"small"
    assert get(sink, "a/large") == LARGE
    assert keys(sink) == ["a/large", "a/small"]
    assert store.keys(bucket) == ["backups/wrike/a/large", "backups/wrike/a/small"]
    sink.delete(["a/small", "a/large"])
    assert keys(sink) == []


@pytest.mark.parametrize("setting", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "ca_bundle"])
def test_certificates_of_ones_own_count_for_all_requests(
    moto: Store, secured: Proxy, authority: Path, setting: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if setting == "ca_bundle":
        (tmp_path / "config").write_text(f"[default]\nca_bundle = {authority}\n")
    else:
        monkeypatch.setenv(setting, str(authority))
    _goes_all_ways(moto, moto.bucket(), endpoint_url=secured.url)


def test_a_certificate_that_nobody_vouches_for_is_refused_with_a_hint(moto: Store, secured: Proxy) -> None:
    sink = moto.sink(moto.bucket(), endpoint_url=secured.url)
    for ask in (lambda: sink.create("a/b"), lambda: list(sink.list("")), lambda: sink.open("a/b")):
        with pytest.raises(SinkError, match="certificate") as caught:
            ask()
        assert "AWS_CA_BUNDLE" in str(caught.value.hint)


@pytest.mark.parametrize("text", [None, "no certificate\n"])
def test_a_bundle_that_is_none_is_named(
    moto: Store, secured: Proxy, text: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle.pem"
    if text is not None:
        bundle.write_text(text)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(bundle))
    with pytest.raises(SinkError, match=r"bundle\.pem") as caught:
        moto.sink("acme", endpoint_url=secured.url)
    assert "AWS_CA_BUNDLE" in str(caught.value.hint)


@pytest.mark.parametrize("setting", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "endpoint_url"])
def test_the_address_that_the_aws_tools_are_given_counts_for_all_requests(
    moto: Store, setting: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if setting == "endpoint_url":
        (tmp_path / "config").write_text(f"[default]\nendpoint_url = {moto.url}\n")
    else:
        monkeypatch.setenv(setting, moto.url)
    _goes_all_ways(moto, moto.bucket(), endpoint_url=None)


@pytest.mark.parametrize(("path_style", "host"), [(False, "{}.store"), (True, "store"), (None, "store")])
def test_the_bucket_stands_where_the_profile_wants_it(
    moto: Store, path_style: bool | None, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names of hosts that do not exist are asked of a proxy, which is this test's."""
    bucket = moto.bucket()
    hosts: set[str] = set()
    with Proxy(moto.url) as proxy:

        def note(handler: Any, asked: Any) -> None:
            hosts.add(handler.headers["Host"])
            handler.path = handler.path.removeprefix(f"http://{handler.headers['Host']}")
            handler.reply(*handler.forward(handler.body(asked.size)))

        proxy.choose = lambda _: note
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        _goes_all_ways(moto, bucket, endpoint_url="http://store", path_style=path_style)
    assert hosts == {host.format(bucket)}
