"""Running the server: the journal, the control endpoints, the command."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path

import click
import httpx
import pytest
from click.testing import CliRunner

from tests.mock.client import Serve
from wrikebackup_core import Kind, UsageError
from wrikebackup_core.plugins import Plugins
from wrikebackup_mock.account import MockAccount
from wrikebackup_mock.faults import KINDS as FAULTS
from wrikebackup_mock.server import MockServer


def test_requests_are_counted_by_template(serve: Serve) -> None:
    client = serve()
    name = client.account.tree.tasks.id(0)
    client.get(f"/tasks/{name}")
    client.get("/tasks", subTasks=True)
    client.get("/tasks", pageSize=0)
    journal = client.server.requests
    assert journal.counts == {"GET /tasks/{ids}": 1, "GET /tasks": 2}
    assert (journal.total, len(journal), journal.count("GET /tasks")) == (3, 3, 2)
    assert [entry.status for entry in journal.entries("GET /tasks")] == [200, 400]
    assert journal.entries("GET /tasks")[0].query == {"subTasks": "true"}
    assert journal.entries()[0].path == f"/tasks/{name}"
    journal.clear()
    assert journal.total == 0


def test_a_server_stops_and_frees_its_port() -> None:
    with MockServer(MockAccount()) as server:
        port = server.service.api_port
        assert threading.active_count() > 1
    with socket.create_server(("127.0.0.1", port)):
        pass
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.base_url)
    server.stop()


def test_a_taken_port_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match=r"in use|permitted|10048"):
        MockServer(MockAccount(), port=taken.getsockname()[1]).start()


def test_servers_do_not_share_anything(serve: Serve) -> None:
    one, other = serve(token="one"), serve(MockAccount(2), token="two")
    assert one.data("/account")[0]["id"] != other.data("/account")[0]["id"]
    assert one.plain.get(f"{one.server.base_url}/account", headers={"Authorization": "bearer two"}).status_code == 401
    assert one.server.requests.total == 2
    assert other.server.requests.total == 1


def test_the_account_can_change_while_the_server_runs(serve: Serve) -> None:
    client = serve()
    before = {record["id"] for record in client.walk("/tasks", subTasks=True)}
    client.server.account = client.server.account.changed(1)
    after = {record["id"] for record in client.walk("/tasks", subTasks=True)}
    assert before < after


def test_a_token_from_before_a_change_goes_on(serve: Serve) -> None:
    client = serve()
    first = client.get("/tasks", subTasks=True, pageSize=40).json()
    client.server.account = client.server.account.changed(1)
    rest = client.data("/tasks", nextPageToken=first["nextPageToken"])
    assert {record["id"] for record in [*first["data"], *rest]} == {
        record["id"] for record in client.server.account.dicts(Kind.TASKS, trashed=False)
    }


# Control


def test_control_is_off_by_default(serve: Serve) -> None:
    client = serve()
    origin = client.server.origin
    for path in ("requests", "faults", "files/"):
        assert client.plain.get(f"{origin}/__mock__/{path}").status_code == 404


def test_control_counts_and_makes_faults(serve: Serve) -> None:
    client = serve(control=True)
    origin = f"{client.server.origin}/__mock__"
    client.get("/account")
    report = client.plain.get(f"{origin}/requests").json()
    assert report["requests"] == {"GET /account": 1}
    assert report["total"] == 1
    assert (
        client.plain.post(f"{origin}/faults", json=["drop:at=1", {"kind": "status", "status": 500}]).status_code == 200
    )
    with pytest.raises(httpx.TransportError):
        client.get("/account")
    assert client.get("/account").status_code == 500
    fired = {fault["kind"]: fault["fired"] for fault in client.plain.get(f"{origin}/faults").json()["faults"]}
    assert fired == {"drop": 1, "status": 1}
    client.plain.post(f"{origin}/faults", json=[])
    client.plain.delete(f"{origin}/requests")
    assert client.get("/account").status_code == 200
    assert client.plain.get(f"{origin}/requests").json()["statuses"] == {"200": 1}


@pytest.mark.parametrize("body", [b"", b"{", b'["cats"]', b"[1]", b'[{"kind":"drop","cats":1}]', b"null"])
def test_control_refuses_faults_that_make_no_sense(serve: Serve, body: bytes) -> None:
    client = serve(control=True)
    assert client.plain.post(f"{client.server.origin}/__mock__/faults", content=body).status_code == 400
    assert client.get("/account").status_code == 200


def test_control_changes_the_account_and_ends_tokens(serve: Serve) -> None:
    client = serve(control=True)
    answer = client.plain.post(f"{client.server.origin}/__mock__/account", json={"generation": 2})
    assert answer.json()["generation"] == 2
    assert client.server.account.shape.generation == 2
    assert client.plain.post(f"{client.server.origin}/__mock__/account", json={"generation": 99}).status_code == 400
    token = str(client.server.tokens.issue()["access_token"])
    client.plain.post(f"{client.server.origin}/__mock__/tokens/expire")
    assert client.server.tokens.user(token) is None


@pytest.mark.parametrize("modern", [False, True])
def test_control_lists_all_current_files_for_other_clients(serve: Serve, modern: bool) -> None:
    client = serve(MockAccount(modern_attachments=modern), control=True)
    base = f"{client.server.origin}/__mock__/files/"
    links = [unescape(link) for link in re.findall(r'href="([^"]+)"', client.plain.get(base).text)]
    files = list(client.account.files())
    assert len(links) == len(files) == client.account.shape.attachments
    for link, (name, _, size) in zip(links, files, strict=True):
        assert re.fullmatch(r"[A-Za-z0-9._-]+", link)
        assert link.startswith(f"{name}-")
        head = client.plain.head(base + link)
        assert (head.status_code, head.headers["content-length"]) == (200, str(size))
        assert client.plain.get(base + link).content == b"".join(client.account.content(name)[1])
    assert client.plain.get(base + "IEAAAAAAIYAAAAAA-x").status_code == 404


# The command


def _run(*arguments: str) -> click.testing.Result:
    @click.group()
    def cli() -> None:
        """As the program's own."""

    Plugins.load().add_commands(cli)
    return CliRunner().invoke(cli, ["mock-server", *arguments])


def test_the_plugin_brings_the_command_and_its_help_names_every_fault() -> None:
    result = _run("--help")
    assert result.exit_code == 0
    words = re.sub(r"-\s+(?=\w)", "-", " ".join(result.output.split()))
    assert all(kind in words for kind in FAULTS)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--tasks", "3"],
        ["--attachment-size", "big"],
        ["--latency", "-1"],
        ["--rate", "0"],
        ["--surprise"],
        ["--port", "99999"],
    ],
)
def test_options_that_make_no_sense_are_usage_errors(arguments: list[str]) -> None:
    assert _run(*arguments).exit_code == 2


@pytest.mark.parametrize("arguments", [["--forbid", "cats"], ["--fault", "cats"], ["--fault", "cut:path=("]])
def test_kinds_and_faults_that_there_are_not_are_named(arguments: list[str]) -> None:
    result = _run("--port", "0", *arguments)
    assert isinstance(result.exception, UsageError)


def test_a_taken_port_is_said_with_a_hint() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = _run("--port", str(taken.getsockname()[1]))
    assert isinstance(result.exception, UsageError)
    assert result.exception.hint


@contextmanager
def _command(tmp_path: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    program = tmp_path / "serve.py"
    program.write_text("from wrikebackup_mock.command import mock_server\nmock_server()\n", encoding="utf-8")
    command = [sys.executable, str(program), "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process there")
def test_the_command_serves_until_it_is_interrupted(tmp_path: Path) -> None:
    """It prints the address, the token and a profile, and ends well on Ctrl-C."""
    arguments = ["--tasks", "100", "--attachment-size", "2KB", "--token", "secret", "--rate", "400", "--control"]
    with _command(tmp_path, *arguments, "--forbid", "groups") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        text = ""
        while "Ctrl-C" not in text:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            text += line
        (url,) = re.findall(r"^API: +(\S+)$", text, re.MULTILINE)
        assert f'wrike: {{base_url: "{url}", token: "env:WRIKE_TOKEN", rate: "400/min"}}' in text
        headers = {"Authorization": "bearer secret"}
        assert len(httpx.get(f"{url}/tasks", params={"subTasks": "true"}, headers=headers).json()["data"]) == 100
        assert httpx.get(f"{url}/groups", headers=headers).status_code == 403
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert "Traceback" not in process.stderr.read()
