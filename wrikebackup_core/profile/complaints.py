"""What pydantic says about a value, in one line with the key and without the value: it may be a secret."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from wrikebackup_core.errors import ProfileError
from wrikebackup_core.profile.document import Document, Step

__all__ = ["complaint", "complaints", "nearest"]

_FEW = 6  # more values than this go into the hint
_MAPPING = "must be a mapping of keys and values"
_MESSAGES = {
    "missing": "is missing",
    "extra_forbidden": "unknown key",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "path_type": "must be a path",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "set_type": "must be a list",
    "frozen_set_type": "must be a list",
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "enum": "must be {expected}",
    "literal_error": "must be {expected}",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "string_too_long": "must be at most {max_length} characters long",
    "too_short": "must have at least {min_length} of them",
    "too_long": "must have at most {max_length} of them",
}


def nearest(name: str, known: Iterable[str]) -> str | None:
    """`did you mean …?` for the known name that is most like it."""
    found = difflib.get_close_matches(name.lower(), list(known), n=1, cutoff=0.55)
    return f"did you mean {found[0]}?" if found else None


def complaint(document: Document, steps: Sequence[Step], message: str, *, hint: str | None = None) -> ProfileError:
    """An error that names file, line and key: `file:3: sinks[0].local.path: is missing`."""
    key = _dotted(steps)
    text = f"{key}: {message}" if key else message
    return ProfileError(text, file=document.path, line=document.line(steps), key=key or None, hint=hint)


def complaints(
    document: Document, steps: Sequence[Step], model: type[BaseModel], error: ValidationError
) -> Iterator[ProfileError]:
    """One error for each value that `model` refused below `steps`."""
    told = set[tuple[tuple[Step, ...], str]]()
    for detail in error.errors(include_url=False):
        where = _existing(document, [*steps, *detail["loc"]], also_last=detail["type"] == "missing")
        message = _message(detail)
        if (where, message) not in told:  # the branches of a union may say the same
            told.add((where, message))
            yield complaint(document, where, message, hint=_hint(detail, where, model))


def _message(detail: ErrorDetails) -> str:
    context = detail.get("ctx") or {}
    if detail["type"] in ("value_error", "assertion_error"):
        return str(context.get("error") or detail["msg"].partition(", ")[2])
    if detail["type"] == "string_too_short":
        least = context["min_length"]
        return "must not be empty" if least == 1 else f"must be at least {least} characters long"
    if detail["type"] in ("enum", "literal_error") and len(_expected(detail)) > _FEW:
        return "no such value is known"
    template = _MESSAGES.get(detail["type"])
    if template is not None:
        return template.format(**context)
    message = detail["msg"].replace("Input should be", "must be").replace("Input should", "must")
    return message[:1].lower() + message[1:]


def _expected(detail: ErrorDetails) -> list[str]:
    """The values that would do."""
    named = str((detail.get("ctx") or {}).get("expected", ""))
    return re.findall(r"'([^']*)'", named)


def _hint(detail: ErrorDetails, where: tuple[Step, ...], model: type[BaseModel]) -> str | None:
    given = detail["input"]
    if detail["type"] == "value_error":
        told: str | None = getattr((detail.get("ctx") or {}).get("error"), "hint", None)
        return told
    if detail["type"] == "extra_forbidden":
        known = _keys(model, detail["loc"][:-1])
        return nearest(str(where[-1]), known) or (
            f"known here: {', '.join(known)}" if known else "nothing is known here"
        )
    if detail["type"] in ("enum", "literal_error") and isinstance(given, str):
        known = _expected(detail)
        return nearest(given, known) or (f"known here: {', '.join(known)}" if len(known) > _FEW else None)
    if detail["type"] == "string_type" and isinstance(given, (bool, int, float)):
        return "put it in quotes"
    return None


def _keys(model: Any, loc: Sequence[Step]) -> list[str]:
    """The keys that a mapping inside `model` may have; none where that cannot be told."""
    schema = model.model_json_schema()
    node = schema
    for step in loc:
        below = [
            branch["properties"][step] for branch in _branches(schema, node) if step in branch.get("properties", ())
        ]
        if below or isinstance(step, int):  # else it names the branch of a union
            node = below[0] if below else {}
    return [key for branch in _branches(schema, node) for key in branch.get("properties", ())]


def _branches(schema: dict[str, Any], node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The node itself, or what it may be instead, however deep."""
    found = _resolved(schema, node)
    yield found
    for branch in (*found.get("anyOf", ()), *found.get("oneOf", ())):
        yield from _branches(schema, branch)


def _resolved(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    name = node.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = schema.get("$defs", {}).get(name, {}) if name else node
    return found


def _existing(document: Document, steps: Sequence[Step], *, also_last: bool) -> tuple[Step, ...]:
    """The steps without those that only pydantic knows, such as the branches of a union."""
    value: Any = document.values
    kept: list[Step] = []
    for number, step in enumerate(steps):
        if isinstance(value, dict) and step in value:
            value = value[str(step)]
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        elif not (also_last and number == len(steps) - 1):
            continue
        kept.append(step)
    return tuple(kept)


def _dotted(steps: Sequence[Step]) -> str:
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
