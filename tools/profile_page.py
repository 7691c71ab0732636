"""The page on profiles: the keys of a profile, and the options of every kind that a first-party plugin registers."""

from __future__ import annotations

from collections.abc import Iterator

from tools import markdown
from tools.schema import Resolver, rows
from wrikebackup_core.plugins import Plugins, Registration
from wrikebackup_core.profile.shape import Shape

FIRST_PARTY = ("wrike", "mock", "fsspec", "age", "bi_export", "retention", "notify", "metrics")
HEADS = ["Key", "Type", "Default", "Meaning"]


def _kind(part: str, registration: Registration) -> Iterator[str]:
    schema = registration.options.model_json_schema()
    yield f"### {part} `{registration.kind}` {{#{part}-{registration.kind}}}\n"
    yield (schema.get("description") or "").partition("\n\n")[0] + "\n"
    table = list(rows(schema, Resolver(schema)))
    yield markdown.table(HEADS, table) if table else "No keys.\n"


def render() -> str:
    plugins = Plugins.load()
    schema = Shape.model_json_schema()
    # What the schema leaves to the plugins, or says at greater length than a table bears.
    schema["properties"]["source"] |= {"type": "source"}
    for key, what in (
        ("sinks", "sinks"),
        ("transforms", "transforms"),
        ("monitors", "monitors"),
        ("skip", "[kinds](api.md#kind)"),
    ):
        schema["properties"][key] |= {"type": "array", "items": {"type": what}}
    parts = [
        markdown.GENERATED,
        "# Profile\n",
        INTRODUCTION,
        markdown.table(HEADS, rows(schema, Resolver(schema))),
        MIDDLE,
    ]
    for title, part, registry in (
        ("Sources", "source", plugins.sources),
        ("Sinks", "sink", plugins.sinks),
        ("Transforms", "transform", plugins.transforms),
        ("Monitors", "monitor", plugins.monitors),
    ):
        own = [registration for registration in registry.values() if registration.plugin in FIRST_PARTY]
        if own:
            parts += [f"## {title}\n", *(text for registration in own for text in _kind(part, registration))]
    return "\n".join(parts)


INTRODUCTION = """\
A profile is one YAML file (YAML 1.2) that says what is backed up, from where, and to where. Keys that are not known, and keys
given twice, are refused with file, line and the nearest known name.

```yaml
source:
  wrike: {host: www.wrike.com, token: "env:WRIKE_TOKEN"}
attachments: latest
sinks:
  - local: {path: ./backups}
```

`wrikebackup profile schema` prints the JSON schema, for editors; `wrikebackup profile check` reads a profile without running it, and
`wrikebackup profile show` prints it with all defaults filled in.

## Keys
"""

MIDDLE = """\
A source, a sink, a transform or a monitor is a mapping of one key, its kind, to its options: `local: {path: ./backups}`. A kind that needs no options
may stand alone: `source: mock`. Which kinds there are depends on
the plugins that are installed; `wrikebackup plugins` lists them. Below are those that come with wrikebackup.

Where a value is a *secret reference*, it says where the secret is: [References to secrets](../how-to/sign-in.md#references-to-secrets).
"""
