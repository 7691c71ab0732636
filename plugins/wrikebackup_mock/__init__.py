"""A generated account (source `mock`), and the same account served over HTTP as API v4 (command `mock-server`)."""

from __future__ import annotations
