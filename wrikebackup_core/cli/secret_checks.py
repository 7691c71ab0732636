"""Whether the secrets that a profile refers to can be had. What they are is not told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from wrikebackup_core.errors import WrikeBackupError
from wrikebackup_core.ports import Check

if TYPE_CHECKING:
    from pydantic import BaseModel

    from wrikebackup_core.plugins import Plugins
    from wrikebackup_core.profile import Profile

__all__ = ["secret_checks"]


def secret_checks(profile: Profile, plugins: Plugins) -> Iterator[Check]:
    """A check for each reference, once, under the first option that has it."""
    seen = set[str]()
    for part in (profile.source, *profile.transforms, *profile.sinks, *profile.monitors):
        for option, reference in _references(part.options):
            if reference in seen:
                continue
            seen.add(reference)
            name = f"{part.kind} {option}"
            try:
                plugins.secret(reference)
            except WrikeBackupError as error:
                yield Check(name, False, error.message, error.hint)
            else:
                yield Check(name, True, f"{reference} can be had")


def _references(options: BaseModel) -> Iterator[tuple[str, str]]:
    schema = type(options).model_json_schema()
    return _marked(options.model_dump(mode="json", by_alias=True), schema, schema.get("$defs", {}), ())


def _marked(
    value: Any, schema: dict[str, Any], definitions: dict[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    """The strings that the schema marks as references to secrets, each with its place in the options."""
    from wrikebackup_core.profile.opening import branches

    found = list(branches(schema, definitions))
    if isinstance(value, str) and any(branch.get("secret") for branch in found):
        yield ".".join(path), value
    elif isinstance(value, list):
        items: dict[str, Any] = next((branch["items"] for branch in found if "items" in branch), {})
        for item in value:
            yield from _marked(item, items, definitions, path)
    elif isinstance(value, dict):
        properties = {key: field for branch in found for key, field in branch.get("properties", {}).items()}
        others = [branch["additionalProperties"] for branch in found if branch.get("additionalProperties")]
        rest = next((other for other in others if isinstance(other, dict)), {})
        for key, item in value.items():
            yield from _marked(item, properties.get(key, rest), definitions, (*path, key))
