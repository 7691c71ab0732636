"""`wrikebackup login`: a browser instead of a password, so that SSO and 2-step verification work."""

from __future__ import annotations

import secrets
import threading
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource
from pydantic import ValidationError

from wrikebackup_core import Context, UsageError, command_context, say, source_options
from wrikebackup_wrike.options import DEFAULT_LOGIN_URL, WrikeOptions

if TYPE_CHECKING:
    from wrikebackup_wrike.callback import Callback

__all__ = ["login"]

DEFAULT_PORT = 8711
_MINUTES = 5
_LISTEN = 0.5  # seconds for which Ctrl-C may go unheard: on Windows, nobody hears it who waits for a thread
_SAID_BY_PROFILES = {
    "client_id": "oauth",
    "client_secret_ref": "oauth",
    "store": "oauth",
    "path": "oauth",
    "base_url": "wrike",
    "login_url": "oauth",
}
"""Options that a profile has keys for, and under which. Runs read the profile alone: a login by other options would not serve them."""


@click.command(short_help="Log in with a browser, for OAuth.")
@click.argument("profile", required=False, type=click.Path(dir_okay=False, readable=False, path_type=Path))
@click.option("--client-id", help="The OAuth app's client id, instead of a profile.")
@click.option(
    "--client-secret-ref", metavar="REF", help="Where the app's secret is: env:NAME, file:PATH, keyring:SERVICE/USER."
)
@click.option(
    "--store", type=click.Choice(["keyring", "file"]), default="keyring", show_default=True, help="Without a profile."
)
@click.option("--path", type=click.Path(dir_okay=False, path_type=Path), help="The file for --store file.")
@click.option("--base-url", help="The API's address, for proxies and the mock server; without a profile.")
@click.option("--login-url", default=DEFAULT_LOGIN_URL, help="The login page's address; without a profile.")
@click.option(
    "--port", default=DEFAULT_PORT, show_default=True, help="Port of this machine that the browser comes back to."
)
@click.option("--scope", help="Scopes to ask for, with commas between; by default what the app is set to.")
@click.option("--no-browser", is_flag=True, help="Print the address, and take the one the browser ends at.")
@click.option("--timeout", default=60.0 * _MINUTES, show_default=True, help="Seconds to wait for the browser.")
def login(  # noqa: PLR0917 - click passes all by name
    profile: Path | None,
    client_id: str | None,
    client_secret_ref: str | None,
    store: str,
    path: Path | None,
    base_url: str | None,
    login_url: str,
    port: int,
    scope: str | None,
    no_browser: bool,
    timeout: float,
) -> None:
    """Log in to Wrike with a browser, and keep the login for later runs.

    PROFILE names the app under `oauth:`; without one, give --client-id and --client-secret-ref. The app in Wrike must have
    the redirect URI http://localhost:8711/callback, or the one with your --port.
    """
    if profile is not None:
        _refuse_what_profiles_say(click.get_current_context())
        options, context = _from_profile(profile)
    elif client_id is not None and client_secret_ref is not None:
        options, context = (
            _from_flags(
                client_id=client_id,
                secret=client_secret_ref,
                store=store,
                path=path,
                base_url=base_url,
                login_url=login_url,
            ),
            command_context(),
        )
    else:
        raise UsageError("give a profile, or --client-id and --client-secret-ref")
    _log_in(options, context, port, scope, no_browser=no_browser, timeout=timeout)


def _refuse_what_profiles_say(given: click.Context) -> None:
    for name, section in _SAID_BY_PROFILES.items():
        if given.get_parameter_source(name) is not ParameterSource.DEFAULT:
            key = name.removesuffix("_ref")
            raise UsageError(
                f"give a profile or --{name.replace('_', '-')}, not both",
                hint=f"set `{key}:` under `{section}:` in the profile, where runs find it too",
            )


def _from_profile(profile: Path) -> tuple[WrikeOptions, Context]:
    kind, options, context = source_options(profile)
    if not isinstance(options, WrikeOptions) or options.oauth is None:
        what = "a permanent token" if isinstance(options, WrikeOptions) else f"the source {kind}"
        raise UsageError(
            f"{profile}: it uses {what}, which needs no login", hint="put client_id and client_secret under `oauth:`"
        )
    return options, context


def _from_flags(
    *, client_id: str, secret: str, store: str, path: Path | None, base_url: str | None, login_url: str
) -> WrikeOptions:
    oauth = {"client_id": client_id, "client_secret": secret, "store": store, "path": path, "login_url": login_url}
    try:
        return WrikeOptions.model_validate({"oauth": oauth, "base_url": base_url})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise UsageError(f"{'.'.join(map(str, first['loc'])) or 'login'}: {first['msg']}") from None


def _log_in(
    options: WrikeOptions, context: Context, port: int, scope: str | None, *, no_browser: bool, timeout: float
) -> None:
    from wrikebackup_wrike.callback import Callback
    from wrikebackup_wrike.oauth import authorize_url, redeem
    from wrikebackup_wrike.vault import vault_of

    oauth = options.oauth
    assert oauth is not None
    client_secret = context.secret(oauth.client_secret)
    vault = vault_of(oauth, Path(context.state) if context.state else None)
    state = secrets.token_urlsafe(32)
    with Callback(port, state) as callback:
        address = authorize_url(oauth.login_url, oauth.client_id, callback.redirect_uri, state, scope)
        # Some browsers are done when they have handed the address on, others when somebody closes them.
        browser = threading.Thread(
            target=_browse, args=(click.get_current_context(), address, callback), name="browser", daemon=True
        )
        if no_browser:
            _show(address)
            code = _pasted(state)
        else:
            say("A browser opens. Close it once it says that you are logged in.")
            browser.start()
            code = callback.wait(timeout)
        access, grant = redeem(oauth.login_url, oauth.client_id, client_secret, code, callback.redirect_uri)
    vault.save(grant)  # before anything can fail: the code is used up
    while browser.is_alive():  # one in this terminal has the screen until it is closed
        browser.join(_LISTEN)
    say(f"The login is kept in {vault.place}.")
    click.echo(_introduce(options, access, grant.host))


def _browse(command: click.Context, address: str, callback: Callback) -> None:
    with command.scope(cleanup=False):
        if not webbrowser.open(address) and not callback.came:
            _show(address)


def _show(address: str) -> None:
    say(f"Open this address in a browser:\n\n  {address}\n", needed=True)


def _pasted(state: str) -> str:
    from wrikebackup_wrike.callback import code_in

    click.echo("Then paste the address at which the browser ends; that it shows no page does not matter.", err=True)
    return code_in(click.prompt("Address", err=True).strip(), state)


def _introduce(options: WrikeOptions, access: str, host: str) -> str:
    """Whom and what the login opens. Raises SourceError."""
    from wrikebackup_wrike.client import Api
    from wrikebackup_wrike.crawl.queries import Desk
    from wrikebackup_wrike.crawl.shapes import AccountHead
    from wrikebackup_wrike.doctor import who
    from wrikebackup_wrike.oauth import data_centre
    from wrikebackup_wrike.pace import Pace
    from wrikebackup_wrike.tokens import PermanentToken

    stop = threading.Event()
    centre = None if options.base_url or options.host else data_centre(host)
    api = Api(options.address(centre), PermanentToken(access), Pace(None, wait=stop.wait), stop=stop, retry_seconds=30)
    try:
        accounts = api.get("/account", {}, AccountHead).heads
        person = who(Desk(api)).detail
    finally:
        api.close()
    named = ", ".join(f"{head.name} ({head.id})" for head in accounts) or "no account"
    return f"{named} at {api.base_url}: {person}"
