"""`wrikebackup mock-server`: the generated account over HTTP, until Ctrl-C."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import click
from pydantic import ByteSize, TypeAdapter

from wrikebackup_core import UsageError, say

if TYPE_CHECKING:
    from wrikebackup_mock.server import MockServer


def size(text: str) -> int:
    """Bytes, also as `100KB` or `2 MiB`. Raises ValueError, which click reports."""
    return int(TypeAdapter(ByteSize).validate_python(text))


@click.command("mock-server", short_help="Serve a made-up account as API v4.")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on; a loopback address is meant."
)
@click.option("--port", type=click.IntRange(0, 65535), default=8750, show_default=True, help="0 takes any free one.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Another seed is another account.")
@click.option("--tasks", type=click.IntRange(20, 5_000_000), default=50, show_default=True, help="Size of the account.")
@click.option(
    "--attachments", type=click.IntRange(0, 5_000_000), help="Stored files; a quarter of the tasks by default."
)
@click.option(
    "--attachment-size", type=size, metavar="SIZE", help="Size of each file, such as 100KB; they vary by default."
)
@click.option("--generation", type=click.IntRange(0, 12), default=0, help="How often the account has changed.")
@click.option(
    "--hidden-spaces", type=click.IntRange(0, 50), default=0, help="Spaces that only the BI export knows what is in."
)
@click.option(
    "--export-polls", type=click.IntRange(0), default=1, help="How often a BI export is asked for until it is made."
)
@click.option("--latency", type=click.FloatRange(0, 60), default=0.0, help="Seconds to wait before each answer.")
@click.option("--rate", type=click.IntRange(1), help="Requests a minute that a token may make; Wrike allows 400.")
@click.option("--token", default="mock-token", show_default=True, help="The permanent token.")
@click.option(
    "--forbid", multiple=True, metavar="KIND", help="Answer 403 for a kind, or for `account_comments`. Repeatable."
)
@click.option(
    "--fault",
    "--faults",
    "faults",
    multiple=True,
    metavar="FAULT",
    help="Such as `cut:path=/download,every=7`. Repeatable.",
)
@click.option("--redirects", is_flag=True, help="Redirect downloads to a storage host, as data centres may do.")
@click.option("--wrong-host", is_flag=True, help="Answer 300, as a data centre that is not the account's does.")
@click.option("--empty-last-page", is_flag=True, help="End lists with an empty page whose token is refused.")
@click.option("--no-retry-after", is_flag=True, help="Leave Retry-After out of 429.")
@click.option(
    "--token-lifetime",
    type=click.FloatRange(0, min_open=True),
    default=3600.0,
    show_default=True,
    help="Of OAuth tokens, in seconds.",
)
@click.option(
    "--control", is_flag=True, help="Answer below /__mock__/: requests, faults, account, and a listing of all files."
)
def mock_server(**given: Any) -> None:
    """Serve a made-up account over HTTP as Wrike's API v4 does, as strictly as it does, until Ctrl-C.

    A FAULT is a kind, then how it strikes: at=2+5 (which requests), every=7, share=0.1 with seed=3, times=4, path= (a regular
    expression), and what it needs: bytes=, seconds=, status=, by=. Kinds: drop, stall, status, rate-limit, slow, expire-token, cut,
    truncate, html, corrupt-json, empty-body, page-shift, lose, ignore-range, shift-range, short, long, no-length; of the BI export:
    export-anew, export-unsafe, export-foreign, export-foreign-rows, export-header, export-torn.
    """
    server = _server(given)
    server.exports.polls = given["export_polls"]
    try:
        server.start()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(
            f"cannot listen on {given['host']}:{given['port']}: {reason}", hint="choose another --port"
        ) from None
    try:
        _announce(server, given)
        forever = threading.Event()
        while not forever.wait(0.5):
            pass
    except KeyboardInterrupt:
        say("stopped")
    finally:
        server.stop()


def _server(given: dict[str, Any]) -> MockServer:
    """Raises UsageError for a kind or a fault that there is not."""
    from wrikebackup_mock.account import MockAccount
    from wrikebackup_mock.oauth import OAuthApp
    from wrikebackup_mock.server import MockServer
    from wrikebackup_mock.service import Plan

    account = MockAccount(
        **{
            name: given[name]
            for name in ("seed", "tasks", "attachments", "attachment_size", "generation", "hidden_spaces")
        }
    )
    try:
        return MockServer(
            account,
            **{name: given[name] for name in ("host", "port", "latency", "rate", "token", "faults", "control")},
            retry_after=not given["no_retry_after"],
            plan=Plan(
                forbidden=frozenset(given["forbid"]),
                wrong_host=given["wrong_host"],
                redirects=given["redirects"],
                empty_last_page=given["empty_last_page"],
            ),
            oauth=OAuthApp(lifetime=given["token_lifetime"]),
        )
    except ValueError as error:
        raise UsageError(str(error)) from None


def _announce(server: MockServer, given: dict[str, Any]) -> None:
    app = server.tokens.app
    shape = server.account.shape
    rate = f"{given['rate']}/min" if given["rate"] else "off"
    click.echo(f"account {server.account.account.id}: {shape.tasks} tasks, {shape.attachments} files")
    click.echo(f"API:    {server.base_url}")
    click.echo(f"token:  {server.token}")
    click.echo(f"OAuth:  login_url {server.origin}/oauth2, client {app.client_id}, secret {app.client_secret}")
    if given["control"]:
        click.echo(f"files:  {server.origin}/__mock__/files/")
    click.echo(
        f"\nA profile for it, with the token in WRIKE_TOKEN:\n\nsource:\n"
        f'  wrike: {{base_url: "{server.base_url}", token: "env:WRIKE_TOKEN", rate: "{rate}"}}\n'
        f"sinks:\n  - local: {{path: ./backups}}\n\nCtrl-C stops it."
    )
