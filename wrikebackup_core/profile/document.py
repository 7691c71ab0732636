"""A YAML file as plain values, with the line of every key.

YAML 1.2, so that `no` and `22:22` are text. What is wrong is told without repeating any value: it may be a secret.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from wrikebackup_core.errors import ProfileError
from wrikebackup_core.homes import who_may_read

__all__ = ["Document", "Step", "read"]

Step = str | int
"""One step of a path into the document: a key, or a number in a list."""

_LARGEST_FILE = 1 << 20  # bytes
_MOST_VALUES = 20_000  # aliases can make a small file large
_DEEPEST = 40
_QUOTED = re.compile(r"""(['"])(?P<token>[^'"\w\s]{1,2}|<[a-z ]+>)\1|(['"])(?!<)[^'"]{4,}\3""")
"""What is quoted in a message of the parser: a token of YAML, or what may be a secret."""


@dataclass(frozen=True, slots=True)
class Document:
    """The file's top mapping as plain dicts, lists and scalars."""

    path: Path
    values: dict[str, Any]
    lines: Mapping[tuple[Step, ...], int]

    def line(self, steps: Sequence[Step]) -> int:
        """The line, from 1, of what the steps lead to, or of the nearest thing above it."""
        for length in range(len(steps), -1, -1):
            line = self.lines.get(tuple(steps[:length]))
            if line is not None:
                return line
        return 1


def read(path: Path) -> Document:
    """Reads a profile's file. Raises ProfileError for what is not one YAML mapping in UTF-8."""
    tree = _parse(path, _text(path))
    if tree is None:
        raise ProfileError("the profile is empty", file=path, hint="`wrikebackup init` writes one")
    if not isinstance(tree, dict):
        raise ProfileError(f"a profile is a mapping of keys and values, this is {_what(tree)}", file=path, line=1)
    lines: dict[tuple[Step, ...], int] = {(): 1}
    values = _Plain(path, lines).take(tree, (), 1)
    return Document(path, values, lines)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE + 1)
    except FileNotFoundError:
        hint = "`wrikebackup init` writes one"
        raise ProfileError("there is no such profile", file=path, hint=hint) from None
    except IsADirectoryError:
        raise ProfileError("this is a folder, not a profile", file=path) from None
    except (OSError, ValueError) as error:
        if os.path.isdir(path):  # noqa: PTH112 - Windows only says that access is denied, and `Path.is_dir` may say no more itself
            raise ProfileError("this is a folder, not a profile", file=path) from None
        reason = getattr(error, "strerror", None) or str(error)
        raise ProfileError(f"cannot be read: {reason.lower()}", file=path, hint=who_may_read(error)) from None
    if len(data) > _LARGEST_FILE:
        raise ProfileError("is larger than a megabyte, so hardly a profile", file=path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ProfileError("this is not UTF-8 text", file=path, line=line, hint="save the file as UTF-8") from None


def _parse(path: Path, text: str) -> Any:
    try:
        return YAML(typ="rt").load(text)
    except DuplicateKeyError as error:
        # ruamel's own message holds both values.
        key = re.match(r'found duplicate key "([^"]*)"', error.problem or "")
        name = f"the key {key[1]}" if key else "a key"
        raise ProfileError(f"{name} is there twice", file=path, line=_line(error), hint="keep one of them") from None
    except MarkedYAMLError as error:
        hint = "indent with blanks: YAML has no tabs" if "\\t" in (error.problem or "") else None
        problem = _QUOTED.sub(
            lambda found: found[0] if found["token"] else "…", error.problem or "cannot be understood"
        )
        raise ProfileError(f"not valid YAML: {problem}", file=path, line=_line(error), hint=hint) from None
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        code = error.character if isinstance(error.character, int) else ord(str(error.character)[:1])
        raise ProfileError(f"a character that no YAML file may hold: U+{code:04X}", file=path, line=line) from None
    except RecursionError:
        raise ProfileError("is nested too deeply", file=path) from None
    except (YAMLError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError, AssertionError):
        # The constructor of a tagged value lets Python's own errors through, with the value in them.
        raise ProfileError("not valid YAML: a value cannot be understood", file=path) from None


def _line(error: MarkedYAMLError) -> int | None:
    mark = error.problem_mark or error.context_mark
    return mark.line + 1 if mark is not None else None


class _Plain:
    """Turns what ruamel gives into plain values, and notes the lines."""

    def __init__(self, path: Path, lines: dict[tuple[Step, ...], int]) -> None:
        self._path, self._lines, self._left = path, lines, _MOST_VALUES

    def take(self, value: Any, steps: tuple[Step, ...], line: int) -> Any:
        self._left -= 1
        if self._left < 0:
            raise ProfileError("holds too much; aliases multiply what they stand for", file=self._path, line=line)
        if len(steps) > _DEEPEST:
            raise ProfileError("is nested too deeply, or an alias stands for itself", file=self._path, line=line)
        self._lines[steps] = line
        if isinstance(value, (dict, list)) and getattr(getattr(value, "tag", None), "value", None) is not None:
            raise self._odd(steps, line, "a value with a tag", "leave out the `!`")
        if isinstance(value, dict):
            return {key: self.take(value[key], (*steps, key), at) for key, at in self._keys(value, steps, line)}
        if isinstance(value, list):
            return [self.take(item, (*steps, number), _item(value, number, line)) for number, item in enumerate(value)]
        return self._scalar(value, steps, line)

    def _keys(self, mapping: Any, steps: tuple[Step, ...], line: int) -> Iterator[tuple[str, int]]:
        for key in list(mapping):
            try:
                at = mapping.lc.key(key)[0] + 1
            except (KeyError, TypeError, AttributeError):
                at = line  # it came through a merge
            if type(key) is not str and not isinstance(key, str):
                raise self._odd(steps, at, "a key that is not text", "put it in quotes")
            yield str(key), at

    def _scalar(self, value: Any, steps: tuple[Step, ...], line: int) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if type(value).__name__ == "ScalarBoolean":  # an anchored one is an int to Python
            return bool(value)
        if isinstance(value, str):
            text = str(value)
            if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
                raise self._odd(steps, line, "text with a character that no text may hold", None)
            return text
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float):
            return float(value)
        if isinstance(value, date):
            return value.isoformat()
        raise self._odd(steps, line, "a value with a tag", "leave out the `!`; put text that starts with `!` in quotes")

    def _odd(self, steps: tuple[Step, ...], line: int, what: str, hint: str | None) -> ProfileError:
        key = ".".join(map(str, steps)) or None
        return ProfileError(f"{key}: {what}" if key else what, file=self._path, line=line, key=key, hint=hint)


def _item(sequence: Any, number: int, line: int) -> int:
    try:
        return int(sequence.lc.item(number)[0]) + 1
    except (KeyError, TypeError, AttributeError):
        return line


def _what(value: object) -> str:
    return "a list" if isinstance(value, list) else "a single value"
