"""The secrets that this process knows, and texts without them.

Whoever obtains a secret, by a reference, a login or a question, tells `keep_secret` of it; from then on `masked` puts `***` in its
place. Errors, the terminal, logs and events pass all that they say through it: libraries repeat what they were given, in messages that
nobody foresaw.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

__all__ = ["MASK", "forget_secrets", "keep_secret", "masked", "masked_values"]

MASK = "***"
_LONG = 6
"""Characters. Shorter secrets are masked where they stand alone, since they may be part of any word."""
_SHORTEST = 4
"""Characters. Still shorter ones are part of every text, and stay."""
_LINE = 16  # characters from which a line of a key file, and not just its braces, is part of the secret
_PART = 8  # characters from which a part of an address is one
_PIECE, _STEP = 8, 16
"""Characters: of a text, a piece in each step is looked at. Whatever has `_PIECE + _STEP - 1` of them or more has one of its first `_STEP`
pieces there, wherever it stands: so the hundreds of lines of a few keys cost a text no more than one does."""
_SECRET_NAME = re.compile(
    r"secret|token|password|passphrase|passwd|pass$|credential|(private|api|access).?key", re.IGNORECASE
)
_PLAIN_NAME = re.compile(r"(id|ur[il]|type|name|file|path|email|expiry|lifetime|expires.?(in|at))$", re.IGNORECASE)

_lock = threading.Lock()
_known: set[str] = set()
_hidden: set[str] = set()
_by_piece: dict[str, list[str]] = {}
_forms: tuple[str, ...] = ()
_words: tuple[re.Pattern[str], ...] = ()


def keep_secret(value: str) -> str:
    """The value itself, which `masked` hides from now on, as it is and as libraries write it: percent-encoded, in Base64, in JSON.

    Of an address, the parts that look like a key are hidden too; of a text of several lines, each line; of JSON, such as the key of a
    service account, the values whose names say that they are secret.
    """
    global _forms, _words  # noqa: PLW0603 - one for the whole process: whatever writes is to leave out what anybody has obtained
    if not value or value in _known:
        return value
    with _lock:
        parts = {part.strip() for part in _parts(value)}
        parts |= {part.lower() for part in parts}  # so our own messages repeat what libraries say
        forms = {form for part in parts if len(part) >= _LONG for form in _written(part)} - _hidden
        _hidden.update(forms)
        for form in forms:
            if len(form) >= _PIECE + _STEP - 1:
                for start in range(_STEP):
                    _by_piece.setdefault(form[start : start + _PIECE], []).append(form)
        _forms = _longest_first([*_forms, *(form for form in forms if len(form) < _PIECE + _STEP - 1)])
        short = sorted(part for part in parts if _SHORTEST <= len(part) < _LONG and part not in _hidden)
        _hidden.update(short)
        _words += tuple(re.compile(rf"(?<![^\W_]){re.escape(part)}(?![^\W_])") for part in short)
        _known.add(value)
    return value


def forget_secrets() -> None:
    """For a process that runs several command lines, as tests do: each begins without the secrets of the one before."""
    global _forms, _words
    with _lock:
        for kept in (_known, _hidden, _by_piece):
            kept.clear()
        _forms, _words = (), ()


def masked(text: str) -> str:
    """The text with `***` for each secret in it."""
    pieces = (text[start : start + _PIECE] for start in range(0, len(text), _STEP))
    long = {form for piece in pieces if piece in _by_piece for form in _by_piece[piece]}
    for form in (*_longest_first(long), *_forms) if long else _forms:
        if form in text:
            text = text.replace(form, MASK)
    for word in _words:
        text = word.sub(MASK, text)
    return text


def masked_values(value: Any) -> Any:
    """What JSON is made of, with every string in it masked; keys are as they were."""
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, Mapping):
        return {key: masked_values(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [masked_values(one) for one in value]
    return value


def _longest_first(forms: Iterable[str]) -> tuple[str, ...]:
    """So that a part is not taken out of the whole."""
    return tuple(sorted(forms, key=lambda form: (-len(form), form)))


def _parts(value: str) -> Iterator[str]:
    yield value
    if "\n" in value:
        lines = (line.strip() for line in value.splitlines())
        yield from (line for line in lines if len(line) >= _LINE and not line.startswith("-----"))
    if "://" in value and not any(char.isspace() for char in value):
        yield from _parts_of_address(value)
    if value.lstrip()[:1] in ("{", "["):
        with contextlib.suppress(ValueError, RecursionError):  # it only looks like JSON
            yield from _parts_of_json("", json.loads(value))


def _parts_of_json(name: str, value: object) -> Iterator[str]:
    """By their names: what else is in it (whose key it is, for which addresses) is what errors are about."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _parts_of_json(key, one)
    elif isinstance(value, list):
        for one in value:
            yield from _parts_of_json(name, one)
    elif isinstance(value, str) and _SECRET_NAME.search(name) and not _PLAIN_NAME.search(name):
        yield from _parts(value)


def _parts_of_address(address: str) -> Iterator[str]:
    """The password, and whatever else looks like a key: errors of connections name parts of the address alone."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return
    if parts.password:
        yield from (parts.password, unquote(parts.password))
    given = [parts.username or "", *parts.path.split("/"), *(text for _, text in parse_qsl(parts.query))]
    for part in given:
        if len(part) >= _PART and any(char.isdigit() for char in part) and any(char.isalpha() for char in part):
            yield from (part, unquote(part))


def _written(part: str) -> Iterator[str]:
    """The part as libraries write it."""
    raw = part.encode(errors="surrogatepass")
    yield part
    for encoded in (
        quote(part, safe="", errors="replace"),
        quote(part, errors="replace"),
        quote_plus(part, errors="replace"),
    ):
        yield encoded
        yield re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), encoded)
    yield json.dumps(part)[1:-1]
    yield json.dumps(part, ensure_ascii=False)[1:-1]
    yield repr(part)[1:-1]
    yield repr(raw)[2:-1]
    for before in range(3):  # it may begin at any place of a longer text, such as `user:password`
        whole = base64.b64encode(b"\0" * before + raw).decode().rstrip("=")
        inner = whole[-(-before * 8 // 6) : len(whole) - (1 if (before + len(raw)) % 3 else 0)]
        if len(inner) >= _LONG:
            yield from (inner, inner.replace("+", "-").replace("/", "_"))
