"""A new profile as text, with the comments that somebody needs who sees one for the first time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Answers", "render"]

_TEMPLATE = """\
# A profile of wrikebackup: what is backed up, how, and to where. `wrikebackup profile check` reads it,
# `wrikebackup doctor` tries it, `wrikebackup backup` runs it.

# The account. Secrets are referred to and never written here: env:NAME, file:PATH, keyring:SERVICE/USER, command:...
source:
{source}

# Which files a backup holds: latest, all versions, none.
attachments: {attachments}

# Kinds of records not to ask for, such as one that your plan does not allow. They are not counted as missing.
# skip: [audit_log]

# Which backups are to stay; without this all do. `wrikebackup prune` shows the plan, and with --yes deletes the others.
# transforms:
#  - retain: {{daily: 7, weekly: 5, monthly: 12, yearly: 3}}

# Where backups go: to each of these.
sinks:
{sink}
# Off site as well, from the same download, with `pip install "wrikebackup[s3]"` (or gcs, sftp, url):
#  - s3: {{bucket: acme-backups, prefix: wrike}}

# Files in flight at a time, 1 to 256.
# transfers: 96
"""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a profile is made from."""

    source: str
    source_options: Mapping[str, Any]
    sink: str
    sink_options: Mapping[str, Any]
    attachments: str = "latest"


def render(answers: Answers) -> str:
    """YAML that `load` reads."""
    return _TEMPLATE.format(
        source=_part(answers.source, answers.source_options, "  ", "  "),
        attachments=answers.attachments,
        sink=_part(answers.sink, answers.sink_options, "  - ", "    "),
    )


def _part(kind: str, options: Mapping[str, Any], first: str, indent: str) -> str:
    if not options:
        return f"{first}{kind}: {{}}"
    # What JSON quotes, YAML 1.2 reads the same.
    lines = (f"{indent}  {key}: {json.dumps(value, ensure_ascii=False)}" for key, value in options.items())
    return "\n".join([f"{first}{kind}:", *lines])
