"""A whole run with a BI export of 2 GB into a local encrypted sink, over `curl | age` of the same tables from the same server.

    python benchmarks/bi_export.py [MEGABYTES] [RUNS]

The run also looks for what the account has and what the sink holds, checks the tables, hashes what it stores and flushes it to the disk.
"""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

from _peers import TOKEN, WRIKEBACKUP, Run, Server, fresh, in_turn, mock_server, profile, report, timed

TARGET = 1.3
KINDS = (
    "contacts, groups, invitations, access_roles, jobroles, workflows, customfields, custom_item_types, spaces, folders, tasks,"
    " comments, attachments, timelog_categories, timelogs, dependencies, approvals, folder_blueprints, task_blueprints, audit_log"
)
FETCH = 'set -e; mkdir -p $1; while read -r name url; do curl -sf -H "Authorization: bearer $3" $url | age -r $2 > $1/$name.age; done; sync'


def ask(server: Server, path: str, body: object = None) -> dict[str, list[dict[str, list[dict[str, str]]]]]:
    url = path if path.startswith("http") else server.base_url + path
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        url, data, {"Authorization": f"bearer {TOKEN}", "Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        found: dict[str, list[dict[str, list[dict[str, str]]]]] = json.load(answer)
        return found


def ours(folder: Path, server: Server, recipient: str) -> Run:
    place = fresh(folder / "ours")
    more = f"transforms: [bi-export, encrypt: {{recipients: [{recipient}]}}]", "attachments: none", f"skip: [{KINDS}]"
    run = timed([*WRIKEBACKUP, "-q", "backup", profile(place, server, place / "sink", *more)], folder / "log")
    shutil.rmtree(folder / "ours")
    return run


def peer(folder: Path, tables: Path, recipient: str) -> Run:
    place = fresh(folder / "peer")
    run = timed(["sh", "-c", f"({FETCH}) < {tables}", "sh", place, recipient, TOKEN], folder / "log")
    shutil.rmtree(folder / "peer")
    return run


def main(megabytes: int = 2000, runs: int = 3) -> None:
    if missing := [name for name in ("age", "curl") if shutil.which(name) is None]:
        sys.exit(f"not installed: {', '.join(missing)}")
    with tempfile.TemporaryDirectory() as name, mock_server("--tasks", "200") as server:
        folder = Path(name)
        subprocess.run(["age-keygen", "-o", folder / "key.txt"], check=True, capture_output=True)
        recipient = subprocess.run(
            ["age-keygen", "-y", folder / "key.txt"], check=True, capture_output=True, text=True
        ).stdout.strip()
        control = server.files_url.removesuffix("files/") + "data_export"
        ask(server, control, {"fill": megabytes * 1_000_000, "renew": True})
        (export,) = ask(server, "/data_export")["data"]
        tables = folder / "tables"
        tables.write_text("".join(f"{each['name']} {each['url']}\n" for each in export["resources"]))
        ways = {
            "wrikebackup backup": functools.partial(ours, folder, server, recipient),
            "curl | age": functools.partial(peer, folder, tables, recipient),
        }
        medians = in_turn(runs, ways)
    report(f"a BI export of {megabytes:,} MB, encrypted", medians, "wrikebackup backup", "curl | age", TARGET)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
