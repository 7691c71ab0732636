"""OAuth: one refresh for all, never half a token, and a login through a browser."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import click.testing
import httpx
import keyring.backend  # noqa: TID253 - a keyring of the test's own
import keyring.errors  # noqa: TID253
import pytest

from tests.wrike.scripted import Asked, Reply, ScriptedServer, envelope, refusal
from wrikebackup_core import (
    Attachment,
    Context,
    Interrupted,
    Kind,
    SourceError,
    Unauthorized,
    UsageError,
    WrikeBackupError,
)
from wrikebackup_core.testing import MemoryCrawled
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.server import MockServer
from wrikebackup_wrike import login as login_module
from wrikebackup_wrike.callback import Callback, code_in
from wrikebackup_wrike.oauth import OAuthTokens, data_centre
from wrikebackup_wrike.options import OAuthOptions, WrikeOptions
from wrikebackup_wrike.source import WrikeSource, open_source
from wrikebackup_wrike.vault import FileVault, Grant, KeyringVault, vault_of


class Authority:
    """Tokens by the reference: a refresh token is good once; an access token until the next refresh."""

    def __init__(self, server: ScriptedServer) -> None:
        self.refresh, self.access, self.refreshed = "r0", "a0", 0
        self._lock = threading.Lock()
        server.on("/oauth2/token", self.token)

    def token(self, asked: Asked) -> Reply:
        with self._lock:
            if asked.form.get("refresh_token") != self.refresh or asked.form.get("client_secret") != "s3cret":
                return Reply(b'{"error":"invalid_grant","error_description":"refresh token is unknown"}', 400)
            self.refreshed += 1
            self.refresh, self.access = f"r{self.refreshed}", f"a{self.refreshed}"
            return Reply(
                json.dumps(
                    {"access_token": self.access, "refresh_token": self.refresh, "token_type": "bearer"}
                ).encode()
            )

    def guarded(self, reply: Reply) -> Callable[[Asked], Reply]:
        return lambda asked: (
            reply if asked.headers.get("authorization") == f"bearer {self.access}" else refusal(401, "not_authorized")
        )


@pytest.fixture
def authority(server: ScriptedServer) -> Authority:
    return Authority(server)


@pytest.fixture
def vault(tmp_path: Path) -> FileVault:
    vault = FileVault(tmp_path / "login.json")
    vault.save(Grant("r0", "app-eu.wrike.com"))
    return vault


def tokens(server: ScriptedServer, vault: FileVault, secret: str = "s3cret") -> OAuthTokens:
    return OAuthTokens(f"{server.origin}/oauth2", "client", secret, vault)


@pytest.fixture
def source(server: ScriptedServer, vault: FileVault) -> Iterator[WrikeSource]:
    options = {
        "base_url": server.base_url,
        "rate": "off",
        "retry": 5,
        "oauth": {
            "client_id": "client",
            "client_secret": "env:S",
            "store": "file",
            "path": str(vault.path),
            "login_url": f"{server.origin}/oauth2",
        },
    }
    source = open_source(WrikeOptions.model_validate(options), Context(secret=lambda _: "s3cret"))
    yield source
    source.close()


def test_sixteen_threads_with_a_stale_token_refresh_once(
    server: ScriptedServer, authority: Authority, source: WrikeSource
) -> None:
    server.on("/account", authority.guarded(envelope([{"id": "IEAAAAAA", "name": "Acme"}])))
    assert source.account().id == "IEAAAAAA"
    assert authority.refreshed == 1
    authority.access = "another"  # as if the hour were over
    together = threading.Barrier(16)

    def ask(_: int) -> str:
        together.wait(30)
        return source.account().id

    with ThreadPoolExecutor(16) as threads:
        assert set(threads.map(ask, range(16))) == {"IEAAAAAA"}
    assert authority.refreshed == 2


def test_a_download_refreshes_too(server: ScriptedServer, authority: Authority, source: WrikeSource) -> None:
    server.on("/attachments/A1/download", authority.guarded(Reply(b"data")))
    for _ in range(2):
        with source.open_attachment(Attachment("A1", "a", 4)) as reader:
            assert reader.read() == b"data"
        authority.access = "another"
    assert authority.refreshed == 2


def test_the_new_refresh_token_is_stored_before_the_access_token_is_used(
    server: ScriptedServer, authority: Authority, source: WrikeSource, vault: FileVault
) -> None:
    stored: list[str] = []

    def account(_: Asked) -> Reply:
        stored.append(vault.load().refresh_token)
        return envelope([{"id": "IEAAAAAA"}])

    server.on("/account", account)
    source.account()
    assert stored == ["r1"]
    assert vault.load().host == "app-eu.wrike.com"


def test_a_process_uses_what_another_has_refreshed(
    server: ScriptedServer, authority: Authority, vault: FileVault
) -> None:
    one, other = tokens(server, vault), tokens(server, vault)
    assert one.current() == "a1"
    assert other.current() == "a2"
    assert one.renew("a1") == "a3"
    assert vault.load().refresh_token == authority.refresh == "r3"


def test_a_refresh_that_the_server_refuses_asks_for_a_login(
    server: ScriptedServer, authority: Authority, vault: FileVault
) -> None:
    authority.refresh = "used by somebody else"
    with pytest.raises(Unauthorized, match="refresh token is unknown") as caught:
        tokens(server, vault).current()
    assert "wrikebackup login" in (caught.value.hint or "")
    assert "s3cret" not in str(caught.value)
    assert vault.load().refresh_token == "r0"


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(b"", 503), Interrupted),
        (Reply(b"<html>", 200), SourceError),
        (Reply(b'{"access_token":5}', 200), SourceError),
    ],
)
def test_a_refresh_that_goes_wrong_keeps_the_old_token(
    server: ScriptedServer, vault: FileVault, reply: Reply, error: type[SourceError]
) -> None:
    server.on("/oauth2/token", reply)
    with pytest.raises(error):
        tokens(server, vault).current()
    assert vault.load().refresh_token == "r0"


def test_secrets_are_not_in_what_gets_printed(server: ScriptedServer, vault: FileVault) -> None:
    held = tokens(server, vault)
    assert "s3cret" not in repr(held)
    assert "r0" not in repr(vault.load())
    assert "r0" not in repr(vars(held).get("host"))


def test_the_host_of_a_login_must_be_wrike_s() -> None:
    assert data_centre("app-eu.wrike.com") == "app-eu.wrike.com"
    assert data_centre("") is None
    for host in ("evil.com", "app-eu.wrike.com.evil.com", "app-eu.wrike.com/x"):
        with pytest.raises(SourceError, match="none of Wrike's"):
            data_centre(host)


def test_the_account_s_host_comes_from_the_login(vault: FileVault) -> None:
    oauth = {"client_id": "c", "client_secret": "env:S", "store": "file", "path": str(vault.path)}
    source = open_source(WrikeOptions.model_validate({"oauth": oauth}), Context(secret=lambda _: "s"))
    assert source._api.base_url == "https://app-eu.wrike.com/api/v4"
    source.close()


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")
def test_the_file_is_its_owner_s_alone(vault: FileVault) -> None:
    assert stat.S_IMODE(vault.path.stat().st_mode) == 0o600
    vault.path.chmod(0o644)
    with pytest.raises(UsageError, match="others on this machine can read") as caught:
        vault.load()
    assert "chmod 600" in (caught.value.hint or "")


def test_a_crash_while_storing_leaves_the_old_login(vault: FileVault, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WrikeBackupError, match="no space left"):
        vault.save(Grant("r1"))
    monkeypatch.undo()
    assert vault.load() == Grant("r0", "app-eu.wrike.com")
    assert [path.name for path in vault.path.parent.iterdir()] == ["login.json"]


def test_no_login_and_a_broken_one_say_what_to_do(tmp_path: Path) -> None:
    vault = FileVault(tmp_path / "none" / "login.json")
    with pytest.raises(UsageError, match="there is no login") as caught:
        vault.load()
    assert "wrikebackup login" in (caught.value.hint or "")
    vault.save(Grant("r"))
    for broken in ("{", '{"refresh_token":"r","more":' + "[" * 100_000):
        vault.path.write_text(broken)
        with pytest.raises(UsageError, match="cannot be read"):
            vault.load()


class Memory(keyring.backend.KeyringBackend):
    """A keyring for the test alone."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held[service, username] = password


@pytest.fixture
def ring() -> Iterator[Memory]:
    before = keyring.get_keyring()
    ring = Memory()
    keyring.set_keyring(ring)
    yield ring
    keyring.set_keyring(before)


def test_the_keyring_keeps_a_login_by_client(ring: Memory, tmp_path: Path) -> None:
    options = OAuthOptions.model_validate({"client_id": "c1", "client_secret": "env:S"})
    vault = vault_of(options, tmp_path)
    assert isinstance(vault, KeyringVault)
    with pytest.raises(UsageError, match="there is no login"):
        vault.load()
    vault.save(Grant("r1", "www.wrike.com"))
    assert vault_of(options, tmp_path).load() == Grant("r1", "www.wrike.com")
    assert list(ring.held) == [("wrikebackup-wrike", "c1")]
    assert vault.lock.parent == tmp_path


def test_a_keyring_that_is_not_there_is_a_hint(ring: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> str:
        raise keyring.errors.NoKeyringError("no backend")

    monkeypatch.setattr(Memory, "get_password", broken)
    monkeypatch.setattr(Memory, "set_password", broken)
    vault = KeyringVault("c1", tmp_path / "lock")
    with pytest.raises(UsageError) as caught:
        vault.load()
    assert "store: file" in (caught.value.hint or "")
    with pytest.raises(WrikeBackupError, match="the keyring does not take"):
        vault.save(Grant("r"))


def test_the_callback_takes_its_own_code_only() -> None:
    with Callback(0, "state-1") as callback:
        port = urlsplit(callback.redirect_uri).port
        answers: list[int] = []

        def browser() -> None:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
                answers.extend(
                    http.get(path, headers={"connection": "close"}).status_code
                    for path in (
                        "/favicon.ico",
                        "/callback?state=other&code=bad",
                        "/callback?code=bad",
                        "/callback?state=state-1&code=good",
                    )
                )

        thread = threading.Thread(target=browser)
        thread.start()
        assert callback.wait(30) == "good"
        thread.join()
    assert answers == [404, 400, 400, 200]


def test_a_refused_login_and_a_late_one_are_errors() -> None:
    with pytest.raises(SourceError, match="refused: access_denied"):
        code_in("http://localhost/callback?state=s&error=access_denied", "s")
    with pytest.raises(UsageError, match="does not belong"):
        code_in("http://localhost/callback?state=t&code=x", "s")
    with pytest.raises(UsageError, match="holds no code"):
        code_in("http://localhost/callback?state=s", "s")
    with Callback(0, "s") as callback, pytest.raises(SourceError, match="nobody logged in"):
        callback.wait(0.01)


def test_a_port_that_is_taken_is_a_hint() -> None:
    with Callback(0, "s") as callback, pytest.raises(UsageError, match="is taken") as caught:
        Callback(urlsplit(callback.redirect_uri).port or 0, "s")
    assert "--port" in (caught.value.hint or "")


def flags(mock: MockServer, path: Path, *more: str) -> list[str]:
    return [
        "--client-id=mock-client",
        "--client-secret-ref=env:MOCK_SECRET",
        "--store=file",
        f"--path={path}",
        f"--base-url={mock.base_url}",
        f"--login-url={mock.origin}/oauth2",
        "--port=0",
        *more,
    ]


def visit(address: str) -> None:
    httpx.get(address, follow_redirects=True, trust_env=False)


def test_a_login_through_the_browser_leads_into_the_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOCK_SECRET", "mock-secret")
    visitors: list[threading.Thread] = []

    def browser(address: str) -> bool:
        visitors.append(threading.Thread(target=visit, args=(address,)))
        visitors[-1].start()
        return True

    monkeypatch.setattr(login_module.webbrowser, "open", browser)
    path = tmp_path / "login.json"
    with MockServer(MockAccount(tasks=20)) as mock:
        done = click.testing.CliRunner().invoke(login_module.login, flags(mock, path), catch_exceptions=False)
        for visitor in visitors:
            visitor.join()
        assert done.exit_code == 0
        assert mock.account.account.id in done.output
        assert "Ada" in done.output
        grant = FileVault(path).load()
        assert grant.refresh_token
        assert grant.refresh_token not in done.output
        # The login serves runs, over many lives of its tokens.
        options: dict[str, Any] = {
            "base_url": mock.base_url,
            "rate": "off",
            "oauth": {
                "client_id": "mock-client",
                "client_secret": "env:MOCK_SECRET",
                "store": "file",
                "path": str(path),
                "login_url": f"{mock.origin}/oauth2",
            },
        }
        source = open_source(WrikeOptions.model_validate(options), Context(secret=lambda _: "mock-secret"))
        assert source.account() == mock.account.account
        mock.tokens.expire()
        crawled = MemoryCrawled()
        for page in source.pages(Kind.TASKS, 0, crawled, None):
            crawled.add(Kind.TASKS, page.records)
        source.close()
        assert len(list(crawled.ids(Kind.TASKS))) == mock.account.count(Kind.TASKS, trashed=False)


def test_a_login_without_a_browser_takes_the_pasted_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOCK_SECRET", "mock-secret")
    path = tmp_path / "login.json"
    with MockServer(MockAccount(tasks=20)) as mock:

        def paste(*_: object, **__: object) -> str:
            answer = httpx.get(shown[0], trust_env=False)
            return str(answer.headers["location"])

        shown: list[str] = []
        real = login_module.click.echo

        def echo(message: object = None, *args: Any, **kwargs: Any) -> None:
            shown.extend(line.strip() for line in str(message).splitlines() if "/oauth2/authorize/v4?" in line)
            real(message, *args, **kwargs)

        monkeypatch.setattr(login_module.click, "echo", echo)
        monkeypatch.setattr(login_module.click, "prompt", paste)
        done = click.testing.CliRunner().invoke(
            login_module.login, flags(mock, path, "--no-browser"), catch_exceptions=False
        )
    assert done.exit_code == 0
    query = parse_qs(urlsplit(shown[0]).query)
    assert query["response_type"] == ["code"]
    assert len(query["state"][0]) > 30
    assert FileVault(path).load().refresh_token


BLOCKING_BROWSER = """\
import os, pathlib, sys, time, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
print("page:", opener.open(sys.argv[2]).read().decode(), flush=True)
while not pathlib.Path(sys.argv[1]).exists():  # it stays open until the login is kept
    time.sleep(0.01)
print("browser closed", flush=True)
"""


def test_a_browser_that_stays_open_is_served_and_the_login_kept_meanwhile(tmp_path: Path) -> None:
    """As $BROWSER may be: a command that ends when somebody closes it. What the program has to say comes after that."""
    script, path = tmp_path / "browser.py", tmp_path / "login.json"
    script.write_text(BLOCKING_BROWSER)
    browser = " ".join(f"'{Path(word).as_posix()}'" for word in (sys.executable, script, path))
    environment = {
        **{name: text for name, text in os.environ.items() if not name.lower().endswith("_proxy")},
        "MOCK_SECRET": "mock-secret",
        "BROWSER": f"{browser} %s",
    }
    program = "import sys; from wrikebackup_core.cli.program import run; sys.exit(run(['login', *sys.argv[1:]]))"
    with MockServer(MockAccount(tasks=20)) as mock:
        done = subprocess.run(
            [sys.executable, "-c", program, *flags(mock, path)],
            capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=120, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    page, closed, told = done.stdout.splitlines()
    assert "You are logged in" in page
    assert closed == "browser closed"
    assert mock.account.account.id in told
    assert FileVault(path).load().refresh_token


def test_a_machine_without_a_browser_shows_the_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOCK_SECRET", "mock-secret")
    monkeypatch.setattr(login_module.webbrowser, "open", lambda _: False)
    shown: list[str] = []
    real = login_module.click.echo

    def echo(message: object = None, *args: Any, **kwargs: Any) -> None:
        real(message, *args, **kwargs)
        for line in str(message).splitlines():
            if "/oauth2/authorize/v4?" in line:
                shown.append(line)
                visit(line.strip())

    monkeypatch.setattr(login_module.click, "echo", echo)
    with MockServer(MockAccount(tasks=20)) as mock:
        done = click.testing.CliRunner().invoke(
            login_module.login, flags(mock, tmp_path / "login.json"), catch_exceptions=False
        )
    assert done.exit_code == 0
    assert len(shown) == 1


def test_what_the_profile_says_is_said_there_only() -> None:
    """A login at another place than the profile's would be no good to the runs, which read the profile."""
    with pytest.raises(UsageError) as caught:
        click.testing.CliRunner().invoke(
            login_module.login, ["p.yaml", "--login-url=https://login.example/oauth2"], catch_exceptions=False
        )
    assert caught.value.hint == "set `login_url:` under `oauth:` in the profile, where runs find it too"


def test_a_profile_names_the_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOCK_SECRET", "mock-secret")
    monkeypatch.setattr(
        login_module.webbrowser, "open", lambda address: threading.Thread(target=visit, args=(address,)).start() or True
    )
    stored = tmp_path / "login.json"
    with MockServer(MockAccount(tasks=20)) as mock:
        profile = tmp_path / "acme.yaml"
        profile.write_text(
            f"source:\n  wrike:\n    base_url: {mock.base_url}\n    oauth:\n      client_id: mock-client\n"
            f"      client_secret: env:MOCK_SECRET\n      store: file\n      path: {stored}\n      login_url: {mock.origin}/oauth2\n"
            f"sinks:\n  - local: {{path: {tmp_path / 'backups'}}}\n"
        )
        done = click.testing.CliRunner().invoke(login_module.login, [str(profile), "--port=0"], catch_exceptions=False)
        assert done.exit_code == 0
        assert mock.account.account.id in done.output
    assert FileVault(stored).load().refresh_token


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give a profile"),
        (["--client-id=x"], "give a profile"),
        (["p.yaml", "--client-id=x"], "a profile or --client-id, not both"),
        (["p.yaml", "--client-secret-ref=env:X"], "a profile or --client-secret-ref, not both"),
        (["p.yaml", "--store=keyring"], "a profile or --store, not both"),
        (["p.yaml", "--path=x"], "a profile or --path, not both"),
        (["p.yaml", "--base-url=https://x"], "a profile or --base-url, not both"),
        (["p.yaml", "--login-url=https://x"], "a profile or --login-url, not both"),
        (["--client-id=x", "--client-secret-ref=plain"], "reference"),
    ],
)
def test_a_login_that_cannot_work_says_why(arguments: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        click.testing.CliRunner().invoke(login_module.login, arguments, catch_exceptions=False)
