"""Options that a plugin's model marks in its `json_schema_extra`: `secret` (a reference), `folder` (one that is
written to), `written` (a file whose folder is written to)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wrikebackup_core.profile.opening import branches
from wrikebackup_core.profile.reading import Part, Profile

__all__ = ["marked", "marked_options"]


def marked(profile: Profile, mark: str) -> Iterator[str]:
    """The texts that stand under options with that mark, in every part of the profile. Nothing is resolved."""
    for part in (profile.source, *profile.sinks, *profile.transforms, *profile.monitors):
        yield from (text for _, text in marked_options(part, mark))


def marked_options(part: Part, mark: str) -> Iterator[tuple[str, str]]:
    """The same of one part, each with its place in the options: `secrets.password`."""
    schema = type(part.options).model_json_schema()
    return _texts(part.options.model_dump(mode="json", by_alias=True), schema, schema.get("$defs", {}), mark, ())


def _texts(
    value: Any, schema: dict[str, Any], definitions: dict[str, Any], mark: str, path: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    found = list(branches(schema, definitions))
    if isinstance(value, str):
        if any(branch.get(mark) for branch in found):
            yield ".".join(path), value
    elif isinstance(value, list):
        items: dict[str, Any] = next((branch["items"] for branch in found if "items" in branch), {})
        for item in value:
            yield from _texts(item, items, definitions, mark, path)
    elif isinstance(value, dict):
        properties = {key: field for branch in found for key, field in branch.get("properties", {}).items()}
        others = (branch.get("additionalProperties") for branch in found)
        rest: dict[str, Any] = next((other for other in others if isinstance(other, dict)), {})
        for key, item in value.items():
            yield from _texts(item, properties.get(key, rest), definitions, mark, (*path, key))
