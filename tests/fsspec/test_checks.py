"""Doctor finds a store that breaks a promise, whichever kind it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import unquote

import pytest

from wrikebackup_core import Check, Entry, SinkError
from wrikebackup_core.testing import MemorySink
from wrikebackup_fsspec.checks import Promised, checks

PIECE = 1000


def told(probe: Any, *, by_store: bool | None = True, pieces: int | None = PIECE) -> dict[str, Check]:
    return {check.name: check for check in checks(probe, probe, Promised(lambda _: by_store, pieces))}


def failed(probe: Any) -> list[str]:
    return [name for name, check in told(probe).items() if check.ok is False]


class Forgetful(MemorySink):
    """What was written is listed later, if ever."""

    def list(self, prefix: str) -> Iterator[Entry]:
        yield from ()


class Hasty(MemorySink):
    """An object can be seen as soon as it is begun."""

    def create(self, key: str) -> Any:
        writer = super().create(key)
        write = writer.write

        def shown(data: Any) -> int:
            self.objects.setdefault(key, b"")
            return write(data)

        def whole() -> None:
            self.objects.pop(key, None)
            type(writer).commit(writer)

        writer.write, writer.commit = shown, whole  # type: ignore[method-assign]
        return writer


class Clinging(MemorySink):
    """What was given up stays."""

    def create(self, key: str) -> Any:
        writer = super().create(key)
        discard = writer.discard

        def kept() -> None:
            discard()
            self.objects[key] = b""

        writer.discard = kept  # type: ignore[method-assign]
        return writer


class Replacing(MemorySink):
    def create(self, key: str) -> Any:
        self.objects.pop(key, None)
        return super().create(key)


class Lying(MemorySink):
    """Refuses, and replaces all the same."""

    def create(self, key: str) -> Any:
        if key in self.objects:
            self.objects[key] = b"another"
        return super().create(key)


class ReplacingLargeOnes(MemorySink):
    def create(self, key: str) -> Any:
        before = self.objects.get(key)
        if before is None:
            return super().create(key)
        del self.objects[key]
        writer = super().create(key)
        commit = writer.commit

        def late() -> None:
            if len(writer.data) <= PIECE:
                self.objects[key] = before
            commit()

        writer.commit = late  # type: ignore[method-assign]
        return writer


class Unescaping(MemorySink):
    """As libraries do that put names into addresses as they are."""

    def create(self, key: str) -> Any:
        return super().create(unquote(key).replace("/", "_"))


class Hoarding(MemorySink):
    def delete(self, keys: Iterable[str]) -> None:
        list(keys)


class Bending(MemorySink):
    def open(self, key: str, offset: int = 0) -> Any:
        if key in self.objects:
            self.objects[key] = self.objects[key].upper()
        return super().open(key, offset)


@pytest.mark.parametrize(
    ("defect", "name"),
    [
        (Forgetful, "listed at once"),
        (Unescaping, "names kept"),
        (Hasty, "whole or absent"),
        (Clinging, "whole or absent"),
        (Replacing, "written once"),
        (Lying, "written once"),
        (ReplacingLargeOnes, "large ones once"),
        (Hoarding, "deleted"),
        (Bending, "writable"),
    ],
)
def test_a_store_that_breaks_a_promise_is_found_out(defect: type[MemorySink], name: str) -> None:
    sink = defect()
    found = told(sink)
    assert found[name].ok is False
    assert found[name].hint
    assert defect in (Forgetful, Hoarding) or not sink.objects
    assert not told(MemorySink())[name].hint


def test_a_store_that_keeps_all_promises_is_left_as_it_was() -> None:
    sink = MemorySink()
    assert {name: check.ok for name, check in told(sink).items()} == {
        "reachable": True,
        "writable": True,
        "listed at once": True,
        "names kept": True,
        "whole or absent": True,
        "written once": True,
        "large ones once": True,
        "deleted": True,
    }
    assert not sink.objects
    assert not sink.unfinished()


def test_a_store_that_refuses_because_this_program_looks_first_is_not_called_safe() -> None:
    found = told(MemorySink(), by_store=False)
    assert [name for name, check in found.items() if check.ok is None] == ["written once", "large ones once"]
    assert "would replace an object" in found["written once"].detail
    assert "would let a large object replace" in found["large ones once"].detail
    assert "may replace an object" in told(MemorySink(), by_store=None)["written once"].detail


def test_what_cannot_be_written_to_is_asked_nothing_more() -> None:
    sink = MemorySink()
    sink.fail("create", times=None)
    assert list(told(sink)) == ["reachable", "writable"]
    assert failed(sink) == ["writable"]


@pytest.mark.parametrize("operation", ["list", "open", "commit", "delete"])
def test_a_store_that_fails_on_the_way_is_told_and_never_raised(operation: str) -> None:
    sink = MemorySink()
    sink.fail(operation, lambda: SinkError("out of order", hint="mend it"), times=None)
    found = told(sink)
    assert [check.hint for check in found.values() if check.ok is False and check.detail == "out of order"]


def test_a_store_that_cannot_be_listed_is_asked_nothing_more() -> None:
    sink = MemorySink()
    sink.fail("list", times=None)
    assert list(told(sink)) == failed(sink) == ["reachable"]
