"""Decoders of JSON that may be made in any thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

__all__ = ["json_decoder"]

_T = TypeVar("_T")
_making = threading.Lock()


def json_decoder(shape: type[_T]) -> Callable[[bytes | bytearray | memoryview | str], _T]:
    """Decodes JSON into `shape`, and raises what `msgspec.json.decode` raises. Any thread may ask for it, and use it.

    msgspec 0.22 looks into a Struct when it is first decoded, and another thread that decodes it meanwhile takes the half of it for the
    whole: the process dies (seen 9 times of 40, with 16 threads). So that look is taken by one thread at a time.
    """
    with _making:
        made: Callable[[bytes | bytearray | memoryview | str], _T] = _made(shape)  # type: ignore[arg-type] # types can be hashed
    return made


@cache
def _made(shape: Any) -> Any:
    import msgspec  # not needed by everything that needs this module

    return msgspec.json.Decoder(shape).decode
