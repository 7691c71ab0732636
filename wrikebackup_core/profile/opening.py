"""From a checked profile to open parts, and what of it makes a resumed run useless when it changes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel

from wrikebackup_core.engine.job import Job
from wrikebackup_core.errors import UsageError
from wrikebackup_core.plugins import Plugins
from wrikebackup_core.ports import Context, Sink
from wrikebackup_core.profile.reading import Profile

__all__ = ["branches", "fingerprint", "open_job", "open_sinks", "part_context"]

_MARKS = ("secret", "tuning")
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


@contextlib.contextmanager
def open_job(profile: Profile, plugins: Plugins) -> Iterator[Job]:
    """Opens source, transforms and sinks, and closes them. Raises SecretError, MissingExtra, UsageError, SinkError, SourceError."""
    context = part_context(profile, plugins)
    with open_sinks(profile, plugins) as sinks, contextlib.ExitStack() as stack:
        transforms = [plugins.make_transform(part.kind, part.options, context) for part in profile.transforms]
        source = plugins.make_source(profile.source.kind, profile.source.options, context)
        stack.callback(source.close)
        yield Job(
            name=profile.name,
            source=source,
            source_kind=profile.source.kind,
            sinks=sinks,
            state=profile.state,
            plugins=plugins,
            transforms=transforms,
            attachments=profile.attachments,
            skip=profile.skip,
            transfers=profile.transfers,
            fingerprint=fingerprint(profile),
            coverage=profile.coverage,
        )


@contextlib.contextmanager
def open_sinks(profile: Profile, plugins: Plugins) -> Iterator[Sequence[Sink]]:
    """Opens the sinks alone, as reading a backup needs them. Raises as `open_job` does."""
    context = part_context(profile, plugins)
    with contextlib.ExitStack() as stack:
        sinks: list[Sink] = []
        for part in profile.sinks:
            sink = plugins.make_sink(part.kind, part.options, context)
            stack.callback(sink.close)
            if any(sink.name == other.name for other in sinks):
                raise UsageError(f"{profile.path}: the sink {sink.name} is there twice", hint="keep one of them")
            sinks.append(sink)
        yield tuple(sinks)


def part_context(profile: Profile, plugins: Plugins) -> Context:
    """What the profile's parts are handed. The folder is the profile's own, and not made yet."""
    own = hashlib.sha256(str(profile.path.absolute()).encode(errors="replace")).hexdigest()[:8]
    name = _UNSAFE.sub("-", profile.name)[:40]
    return Context(secret=plugins.secret, state=str(profile.state / "profiles" / f"{name}-{own}"))


def fingerprint(profile: Profile) -> str:
    """Changes when what a killed run has read is of no use any more.

    Fields that the plugin's model marks as `secret` (another reference is still the same account) or `tuning` (rates, times,
    threads) in their `json_schema_extra` do not count.
    """
    facts = {
        "source": [profile.source.kind, _lasting(profile.source.options)],
        "skip": sorted(profile.skip),
        "attachments": profile.attachments,
        "transforms": [[part.kind, _lasting(part.options)] for part in profile.transforms],
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _lasting(options: BaseModel) -> Any:
    schema = type(options).model_json_schema()
    return _unmarked(options.model_dump(mode="json", by_alias=True), schema, schema.get("$defs", {}))


def _unmarked(value: Any, schema: dict[str, Any], definitions: dict[str, Any]) -> Any:
    """The value without the keys that the schema marks."""
    found = list(branches(schema, definitions))
    if isinstance(value, list):
        items: dict[str, Any] = next((branch["items"] for branch in found if "items" in branch), {})
        return [_unmarked(item, items, definitions) for item in value]
    if not isinstance(value, dict):
        return value
    properties = {key: field for branch in found for key, field in branch.get("properties", {}).items()}
    return {
        key: _unmarked(item, properties.get(key, {}), definitions)
        for key, item in value.items()
        if not any(branch.get(mark) for branch in branches(properties.get(key, {}), definitions) for mark in _MARKS)
    }


def branches(schema: dict[str, Any], definitions: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schema itself, what it refers to, and the branches of its unions."""
    yield schema
    if "$ref" in schema:
        yield from branches(definitions.get(schema["$ref"].rpartition("/")[2], {}), definitions)
    for branch in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        yield from branches(branch, definitions)
