"""Options that a plugin's model marks in its `json_schema_extra`: `secret` (a reference), `folder` (one that is
written to), `written` (a file whose folder is written to)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wrikebackup_core.profile.opening import branches
from wrikebackup_core.profile.reading import Part, Profile

__all__ = ["marked"]


def marked(profile: Profile, mark: str) -> Iterator[str]:
    """The texts that stand under options with that mark, in every part of the profile. Nothing is resolved."""
    for part in (profile.source, *profile.sinks, *profile.transforms, *profile.monitors):
        yield from _of(part, mark)


def _of(part: Part, mark: str) -> Iterator[str]:
    schema = type(part.options).model_json_schema()
    yield from _texts(part.options.model_dump(mode="json", by_alias=True), schema, schema.get("$defs", {}), mark)


def _texts(value: Any, schema: dict[str, Any], definitions: dict[str, Any], mark: str) -> Iterator[str]:
    found = list(branches(schema, definitions))
    if isinstance(value, str):
        if any(branch.get(mark) for branch in found):
            yield value
    elif isinstance(value, list):
        items: dict[str, Any] = next((branch["items"] for branch in found if "items" in branch), {})
        for item in value:
            yield from _texts(item, items, definitions, mark)
    elif isinstance(value, dict):
        properties = {key: field for branch in found for key, field in branch.get("properties", {}).items()}
        others: Any = next((one["additionalProperties"] for one in found if "additionalProperties" in one), {})
        for key, item in value.items():
            fallback = others if isinstance(others, dict) else {}
            yield from _texts(item, properties.get(key, fallback), definitions, mark)
