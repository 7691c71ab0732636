"""A report as one HTML file that needs nothing else: no script, no font, no request. Its libraries come with the extra `report`."""

from __future__ import annotations

from wrikebackup_core.cli.page.rendering import render

__all__ = ["render"]
