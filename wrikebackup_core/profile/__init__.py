"""Profiles: one YAML file that says what is backed up, how, and to where."""

from __future__ import annotations

from wrikebackup_core.profile.describing import effective, plain, schema
from wrikebackup_core.profile.marks import marked
from wrikebackup_core.profile.opening import fingerprint, open_job, open_sinks, part_context
from wrikebackup_core.profile.reading import Part, Profile, ProfileProblems, load

__all__ = [
    "Part",
    "Profile",
    "ProfileProblems",
    "effective",
    "fingerprint",
    "load",
    "marked",
    "open_job",
    "open_sinks",
    "part_context",
    "plain",
    "schema",
]
