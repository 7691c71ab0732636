"""Writes the generated pages of docs/reference: `python -m tools.generate`, or with `--check` says which are out of date."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from tools import api_page, cli_page, errors_page, profile_page

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "docs" / "reference"

PAGES: dict[str, Callable[[], str]] = {
    "api.md": api_page.render,
    "cli.md": cli_page.render,
    "errors.md": errors_page.render,
    "profile.md": profile_page.render,
}


def outdated() -> list[Path]:
    """The pages whose text is not what the code says now."""
    return [
        REFERENCE / name
        for name, render in PAGES.items()
        if not (REFERENCE / name).exists() or (REFERENCE / name).read_text(encoding="utf-8") != render()
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if a page is out of date")
    check = parser.parse_args().check
    for page in (old := outdated()):
        if check:
            print(f"out of date: {page.relative_to(ROOT)}; run: nox -s docs-write", file=sys.stderr)
        else:
            page.write_text(PAGES[page.name](), encoding="utf-8", newline="\n")
            print(f"written: {page.relative_to(ROOT)}")
    return int(check and bool(old))


if __name__ == "__main__":
    sys.exit(main())
