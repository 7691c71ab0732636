"""Reading records: only the fields that are asked for are looked at, the rest is passed through as the bytes it is."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Generic, TypeVar

import msgspec

from wrikebackup_core.decoders import json_decoder
from wrikebackup_core.errors import FormatError
from wrikebackup_core.model import Gap, Record

__all__ = ["EMPTY", "NULL", "TOO_DEEP", "ZERO", "RecordDecoder", "date", "figure", "named_id", "repaired", "text"]

EMPTY = msgspec.Raw(b'""')
"""The default of a text that a record may lack."""

NULL = msgspec.Raw(b"null")
"""The default of a field whose absence matters."""

ZERO = msgspec.Raw(b"0")
"""The default of a figure that a record may lack."""

TOO_DEEP = "nested too deeply"
"""Of JSON that no decoder reads to the end: each has a limit somewhere below 1000 levels."""

_T = TypeVar("_T")
_SURROGATE = re.compile("[\ud800-\udfff]")
_ID = re.compile(rb'"id"\s*:\s*"([^"\\]{1,256})"')
_QUOTE, _NULL = ord('"'), ord("n")
_FIGURE = frozenset(b"-0123456789")
_DIGITS = b"0123456789"
_ISO_LENGTH = len('"2026-10-07T01:48:56Z"')


class RecordDecoder(Generic[_T]):
    """Decodes records of one kind into `type`, a msgspec Struct. Safe from any thread."""

    def __init__(self, kind: str, type: type[_T]) -> None:  # noqa: A002 - msgspec's own name for it
        self.kind = kind
        self._decode = json_decoder(type)

    def __call__(self, record: Record) -> _T:
        """Raises FormatError naming the kind and the id where a field is not what API v4 says."""
        try:
            return self._decode(record)
        except msgspec.ValidationError as error:
            raise self.error(record, error) from error
        except RecursionError:
            raise self.error(record, TOO_DEEP) from None
        except (msgspec.DecodeError, UnicodeError):
            pass  # a lone surrogate, which JSON allows and msgspec does not, or bytes that are not UTF-8
        try:
            return self._decode(repaired(record))
        except RecursionError:
            raise self.error(record, TOO_DEEP) from None
        except ValueError as error:  # msgspec's errors are ValueErrors
            raise self.error(record, error) from error

    def error(self, record: Record, reason: object) -> FormatError:
        """What to raise for a record that cannot be used."""
        return FormatError(f"{self.kind} {named_id(record) or 'without an id'}: {reason}")

    def gap(self, record: Record, error: FormatError) -> Gap:
        """That the archive does without a record that cannot be used. The record itself stays in the backup."""
        return Gap(str(self.kind), named_id(record) or "unknown", error.message)


def named_id(record: bytes) -> str | None:
    """The id by which errors and gaps name a record, though it may be none that can be read."""
    found = _ID.search(record)
    return found[1].decode(errors="replace") if found else None


def repaired(record: bytes) -> bytes:
    """The same JSON with U+FFFD for lone surrogates and for bytes that are not UTF-8. Raises ValueError, RecursionError."""

    def refuse(constant: str) -> object:
        raise ValueError(f"{constant} is not JSON")

    value = json.loads(record.decode("utf-8", "replace"), strict=False, parse_constant=refuse)
    return _SURROGATE.sub("\ufffd", json.dumps(value, ensure_ascii=False, separators=(",", ":"))).encode()


def text(raw: msgspec.Raw) -> msgspec.Raw:
    """A JSON string as it stands, `""` for null. Raises TypeError for anything else."""
    first = memoryview(raw)[0]
    if first == _QUOTE:
        return raw
    if first == _NULL:
        return EMPTY
    raise TypeError(f"a text was expected, not {_shown(raw)}")


def figure(raw: msgspec.Raw) -> msgspec.Raw:
    """A JSON number as it stands, 0 for null. Raises TypeError for anything else."""
    first = memoryview(raw)[0]
    if first in _FIGURE:
        return raw
    if first == _NULL:
        return ZERO
    raise TypeError(f"a number was expected, not {_shown(raw)}")


def date(raw: msgspec.Raw) -> bytes:
    """`"2026-10-07T01:48:56Z"` as `"2026-10-07 01:48:56"`, quotes included; `""` for null or nothing. Raises TypeError, ValueError."""
    iso = bytes(raw)
    if len(iso) == _ISO_LENGTH and iso[11] == 84 and iso.translate(None, _DIGITS) == b'"--T::Z"':
        return b'%b %b"' % (iso[:11], iso[12:20])
    if iso in (b"null", b'""'):
        return b'""'
    moment = datetime.fromisoformat(msgspec.json.decode(text(raw), type=str))
    utc = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return utc.strftime('"%Y-%m-%d %H:%M:%S"').encode()


def _shown(raw: msgspec.Raw) -> str:
    return bytes(raw)[:40].decode(errors="replace")
