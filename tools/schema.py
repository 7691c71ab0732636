"""The options of a part, or the keys of a profile, as rows of a table: from the JSON schema of their pydantic model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]
_NULL = {"type": "null"}


class Resolver:
    """A schema with its definitions."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def follow(self, part: Schema) -> Schema:
        """The definition that a `$ref` leads to, with what stands beside the `$ref`."""
        while "$ref" in part:
            name = part["$ref"].rpartition("/")[2]
            part = {**self._schema["$defs"][name], **{key: value for key, value in part.items() if key != "$ref"}}
        return part

    def choices(self, part: Schema) -> list[Schema]:
        part = self.follow(part)
        options = part.get("anyOf") or part.get("oneOf")
        return [self.follow(one) for one in options if one != _NULL] if options else [part]

    def model(self, part: Schema) -> Schema | None:
        """The mapping that a key holds, None where it holds something else."""
        return next((one for one in self.choices(part) if "properties" in one), None)

    def type_of(self, part: Schema) -> str:
        return " or ".join(dict.fromkeys(self._one_type(one) for one in self.choices(part)))

    def _one_type(self, part: Schema) -> str:
        if "const" in part:
            return f"`{part['const']}`"
        if "enum" in part:
            return ", ".join(f"`{value}`" for value in part["enum"])
        if part.get("secret"):
            return "secret reference"
        if part.get("type") == "array":
            return f"list of {self.type_of(part['items'])}" if part.get("items") else "list"
        name = {"integer": "whole number", "object": "mapping", "boolean": "`true`, `false`"}
        kind = str(part.get("type", "any"))
        return name.get(kind, kind) + _limits(part)


def _limits(part: Schema) -> str:
    texts = [
        f"{words} {part[key]:g}"
        for key, words in (
            ("minimum", "at least"),
            ("exclusiveMinimum", "over"),
            ("maximum", "at most"),
            ("exclusiveMaximum", "under"),
        )
        if key in part
    ]
    return f", {', '.join(texts)}" if texts else ""


def rows(schema: Schema, resolver: Resolver, prefix: str = "") -> Iterator[tuple[str, str, str, str]]:
    """(key, type, default, description) of each property; those of a mapping inside follow it, as `outer.inner`."""
    needed = set(schema.get("required", ()))
    for key, part in schema.get("properties", {}).items():
        full = resolver.follow(part)
        nested = resolver.model(part)
        description = full.get("description") or (nested or {}).get("description", "")
        yield f"`{prefix}{key}`", resolver.type_of(part), _default(full, key in needed), description
        if nested is not None:
            yield from rows(nested, resolver, f"{prefix}{key}.")


def _default(part: Schema, needed: bool) -> str:
    if needed:
        return "needed"
    value = part.get("default")
    return "" if value is None else f"`{value if isinstance(value, str) else json.dumps(value)}`"
