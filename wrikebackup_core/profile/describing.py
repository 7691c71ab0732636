"""A profile told to others: to editors as a JSON schema, to people with every default filled in."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from pydantic.json_schema import models_json_schema
from ruamel.yaml import YAML

from wrikebackup_core.plugins import Plugins, Registration
from wrikebackup_core.profile.reading import Part, Profile
from wrikebackup_core.profile.shape import Shape

__all__ = ["effective", "plain", "schema"]

_REF = "#/$defs/{model}"


def schema(plugins: Plugins) -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of a profile as the installed plugins understand it, their options included."""
    registries = (plugins.sources, plugins.sinks, plugins.transforms, plugins.monitors)
    models = sorted(
        {registration.options for registry in registries for registration in registry.values()},
        key=lambda model: (model.__module__, model.__qualname__),
    )
    shape = Shape.model_json_schema(ref_template=_REF)
    refs, definitions = models_json_schema([(model, "validation") for model in models], ref_template=_REF)
    found = {model: refs[model, "validation"] for model in models}
    keys = shape["properties"]
    keys["source"] |= _choice(plugins.sources, found)
    keys["sinks"] |= {"type": "array", "minItems": 1, "items": _choice(plugins.sinks, found)}
    keys["transforms"] |= {"type": "array", "items": _choice(plugins.transforms, found)}
    keys["monitors"] |= {"type": "array", "items": _choice(plugins.monitors, found)}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "wrikebackup profile",
        **{key: value for key, value in shape.items() if key not in ("title", "$defs")},
        "$defs": shape.get("$defs", {}) | definitions.get("$defs", {}),
    }


def _choice(registry: Mapping[str, Registration], refs: Mapping[Any, dict[str, Any]]) -> dict[str, Any]:
    """`kind` alone where it needs no options, or a mapping of the one kind to its options."""
    bare = sorted(
        kind
        for kind, registration in registry.items()
        if not any(field.is_required() for field in registration.options.model_fields.values())
    )
    branches: list[dict[str, Any]] = [{"enum": bare}] if bare else []
    for kind, registration in sorted(registry.items()):
        options = refs[registration.options]
        branches.append(
            {
                "type": "object",
                "properties": {kind: {"anyOf": [options, {"type": "null"}]} if kind in bare else options},
                "required": [kind],
                "additionalProperties": False,
            }
        )
    return {"anyOf": branches} if branches else {"not": {}}


def plain(profile: Profile) -> dict[str, Any]:
    """The profile as JSON values with its defaults filled in. Secrets stay references."""
    return {
        "name": profile.name,
        "source": _part(profile.source),
        "sinks": [_part(part) for part in profile.sinks],
        "transforms": [_part(part) for part in profile.transforms],
        "monitors": [_part(part) for part in profile.monitors],
        "attachments": profile.attachments.value,
        "skip": sorted(kind.value for kind in profile.skip),
        "coverage": profile.coverage.value,
        "transfers": profile.transfers,
        "state": str(profile.state),
        **_timing(profile),
    }


def _timing(profile: Profile) -> dict[str, Any]:
    """The keys that a profile may go without."""
    found: dict[str, Any] = {}
    if profile.schedule is not None:
        one = profile.schedule
        found["schedule"] = {"cron": one.cron, "random_delay": f"{one.random_delay.total_seconds():.0f}s"}
        if one.time_zone is not None:
            found["schedule"]["time_zone"] = one.time_zone
    if profile.min_interval is not None:
        found["min_interval"] = f"{profile.min_interval.total_seconds():.0f}s"
    if profile.objective is not None:
        found["objective"] = f"{profile.objective.total_seconds():.0f}s"
    return found


def effective(profile: Profile) -> str:
    """The profile as YAML with its defaults filled in; loading it gives the same profile."""
    yaml, text = YAML(typ="rt"), io.StringIO()
    yaml.default_flow_style = False
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 4096
    yaml.dump(plain(profile), text)
    return text.getvalue()


def _part(part: Part) -> dict[str, Any]:
    return {part.kind: part.options.model_dump(mode="json", by_alias=True, exclude_none=True)}
