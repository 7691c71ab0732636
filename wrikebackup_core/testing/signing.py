"""The promises of a sink that can let others read an object for a while, as tests."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from typing import Protocol

import pytest

from wrikebackup_core.errors import KeyNotFound, UsageError
from wrikebackup_core.ports import Signing, Sink

__all__ = ["SigningContract"]

_DAY = 24 * 60 * 60
_SIGNATURE = re.compile(r"(?i)(signature=|[?&]sig=)([^&]*)")


class _SigningSink(Sink, Signing, Protocol): ...


class SigningContract:
    """Inherit it in a class called `Test…`, beside one for `SinkContract`, and override the fixture `sink` with a new, empty store.

    The store must be reached over HTTP from where the tests run.
    """

    @pytest.fixture
    def sink(self) -> _SigningSink:
        raise NotImplementedError("a contract needs the fixture `sink`: a new, empty store")

    def put(self, sink: Sink, key: str, data: bytes = b"content") -> None:
        writer = sink.create(key)
        writer.write(data)
        writer.commit()

    def fetch(self, url: str) -> bytes:
        """What a stranger gets: without an account, without a proxy. Raises HTTPError."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=30) as answer:
            found: bytes = answer.read()
        return found

    def tampered(self, url: str) -> str:
        """The address with another signature. Override it where the signature is not in a field of that name."""
        found = _SIGNATURE.search(url)
        assert found is not None, "no signature in the address"
        last = found[2][-1:]
        return url[: found.end() - 1] + ("1" if last == "0" else "0") + url[found.end() :]

    def test_it_is_a_signing_sink(self, sink: _SigningSink) -> None:
        assert isinstance(sink, Signing)

    @pytest.mark.parametrize("seconds", [_DAY, 7 * _DAY])
    def test_whoever_has_the_address_can_read_the_object(self, sink: _SigningSink, seconds: int) -> None:
        data = b"\x00\r\n\xff" * 1000
        for key in ("account-A/backup-1/archive.zip.age", "account-A/two words & more, é #1?.zip"):
            self.put(sink, key, data)
            url = sink.sign(key, seconds)
            assert url.startswith(("http://", "https://"))
            assert url.isascii()
            assert not re.search(r"\s", url)
            assert self.fetch(url) == data

    def test_an_address_is_good_for_its_object_only_and_not_when_it_was_changed(self, sink: _SigningSink) -> None:
        self.put(sink, "a/shared.zip")
        self.put(sink, "a/secret.zip", b"nobody's business")
        url = sink.sign("a/shared.zip", _DAY)
        for wrong in (self.tampered(url), url.replace("shared.zip", "secret.zip"), url.partition("?")[0]):
            assert wrong != url
            with pytest.raises(urllib.error.HTTPError) as caught:
                self.fetch(wrong)
            assert 400 <= caught.value.code < 500
            caught.value.close()

    def test_what_is_not_there_cannot_be_signed(self, sink: _SigningSink) -> None:
        self.put(sink, "a/b")
        for key in ("a/nothing", "no/such/folder"):
            with pytest.raises(KeyNotFound):
                sink.sign(key, _DAY)

    def test_a_longer_time_than_the_store_allows_is_refused(self, sink: _SigningSink) -> None:
        self.put(sink, "a/b")
        with pytest.raises(UsageError):
            sink.sign("a/b", 1000 * 365 * _DAY)
