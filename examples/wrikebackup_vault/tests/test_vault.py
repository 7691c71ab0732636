"""Secrets come out of Vault, and what is wrong is told without them."""

import subprocess
import sys
import traceback

import pytest
from vault_server import running
from wrikebackup_vault import resolve_secret

from wrikebackup_core import SecretError, masked

TOKEN, VALUE = "hvs.token-of-the-tests", "hunter2-of-the-vault"
PROGRAM = "import sys; from wrikebackup_core.cli import main; sys.argv[0] = 'wrikebackup'; main()"


@pytest.fixture
def vault(monkeypatch, tmp_path):
    with running(TOKEN) as vault:
        vault.secrets = {"wrikebackup": {"wrike-token": f"{VALUE}\n", "port": 8200}}
        for name in ("VAULT_NAMESPACE", "VAULT_CACERT"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("VAULT_ADDR", f"{vault.address}/")
        monkeypatch.setenv("VAULT_TOKEN", TOKEN)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("USERPROFILE", str(tmp_path))
        yield vault


def refused(reference="vault:secret/wrikebackup#wrike-token"):
    """The error, after looking that it holds neither the secret nor the token."""
    with pytest.raises(SecretError) as caught:
        resolve_secret(reference)
    told = "".join(traceback.format_exception(caught.value)) + str(caught.value.hint)
    assert VALUE not in told
    assert TOKEN not in told
    return caught.value


def test_a_key_of_a_secret_is_read(vault):
    assert resolve_secret("vault:secret/wrikebackup#wrike-token") == VALUE
    assert vault.asked[0]["x-vault-request"] == "true"
    assert "x-vault-namespace" not in vault.asked[0]


def test_names_may_have_spaces_and_folders(vault):
    vault.secrets["a b/c"] = {"k": VALUE}
    assert resolve_secret("vault:secret/a b/c#k") == VALUE


def test_another_scheme_is_left_to_others():
    assert resolve_secret("bitwarden:x#y") is None


def test_a_namespace_is_sent(vault, monkeypatch):
    monkeypatch.setenv("VAULT_NAMESPACE", "team")
    resolve_secret("vault:secret/wrikebackup#wrike-token")
    assert vault.asked[0]["x-vault-namespace"] == "team"


@pytest.mark.usefixtures("vault")
def test_the_token_of_a_login_is_used_where_the_environment_has_none(monkeypatch, tmp_path):
    monkeypatch.delenv("VAULT_TOKEN")
    assert str(refused()) == "there is no token for Vault"
    (tmp_path / ".vault-token").write_text(f"{TOKEN}\n")
    assert resolve_secret("vault:secret/wrikebackup#wrike-token") == VALUE


@pytest.mark.usefixtures("vault")
def test_the_token_is_masked():
    resolve_secret("vault:secret/wrikebackup#wrike-token")
    assert TOKEN not in masked(f"sent {TOKEN}")


@pytest.mark.parametrize(
    "place", ["", "secret", "secret#k", "secret/x", "secret/x#", "/x#k", "secret/../sys#k", "a//b#k"]
)
def test_what_names_no_secret_is_told_how_to_write_it(vault, place):
    assert refused(f"vault:{place}").hint == "write vault:MOUNT/PATH#KEY"
    assert vault.asked == []


@pytest.mark.usefixtures("vault")
def test_what_is_not_there_is_named():
    assert str(refused("vault:secret/other#x")) == "Vault has no secret secret/other"
    assert 'no handler for route "kv/data/x"' in str(refused("vault:kv/x#y"))
    error = refused("vault:secret/wrikebackup#token")
    assert str(error) == "the secret secret/wrikebackup has no key token"
    assert error.hint == "it has port, wrike-token"
    assert str(refused("vault:secret/wrikebackup#port")) == "the key port of secret/wrikebackup is no text"


def test_a_deleted_secret_is_told_from_one_that_never_was(vault):
    vault.secrets["wrikebackup"] = None
    assert str(refused()) == "the secret secret/wrikebackup of Vault is deleted"


def test_a_token_without_rights_is_told_which_it_needs(vault):
    vault.token = f"{TOKEN}-that-was-renewed"
    error = refused()
    assert "Vault does not let the token read secret/wrikebackup: 2 errors occurred: * permission denied" in str(error)
    assert "read on secret/data/wrikebackup" in error.hint


def test_a_sealed_vault_is_told(vault):
    vault.sealed = True
    assert str(refused()) == "Vault does not give secret/wrikebackup: HTTP 503: Vault is sealed"


def test_the_token_goes_nowhere_else(vault):
    with running(TOKEN) as other:
        vault.moved = other.address
        assert str(refused()) == "Vault sends us to another address"
        assert other.asked == []


@pytest.mark.parametrize(
    "page", [b"<html>Welcome</html>", b"[]", b'{"data": {"wrike-token": "x"}}', b'{"data": {"data": null}}']
)
def test_what_is_no_kv_engine_is_told(vault, page):
    vault.page = page
    assert str(refused()) == "what answers for secret/wrikebackup is no KV engine of version 2"


@pytest.mark.usefixtures("vault")
def test_an_address_that_leads_nowhere_is_told_without_its_password(monkeypatch):
    monkeypatch.setenv("VAULT_ADDR", "http://me:hunter3@127.0.0.1:1")
    error = refused()
    assert str(error) == "Vault at http://127.0.0.1:1 does not answer: ConnectError"
    monkeypatch.setenv("VAULT_ADDR", "127.0.0.1")
    assert "does not answer: UnsupportedProtocol" in str(refused())
    monkeypatch.delenv("VAULT_ADDR")
    assert str(refused()) == "VAULT_ADDR is not set"


@pytest.mark.usefixtures("vault")
def test_a_token_that_is_no_header_is_not_repeated(monkeypatch):
    for token in ("hvs.\nhunter4", "hvs.hünter4"):
        monkeypatch.setenv("VAULT_TOKEN", token)
        assert "unter4" not in str(refused())


@pytest.mark.usefixtures("vault")
def test_certificates_that_are_not_there_are_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv("VAULT_CACERT", str(tmp_path / "none.pem"))
    assert "VAULT_CACERT" in refused().hint


def test_a_profile_may_refer_to_it_once_the_plugin_is_installed(vault, tmp_path):
    vault.sealed = True
    profile = tmp_path / "profile.yaml"
    profile.write_text(
        'source: {wrike: {host: www.wrike.com, token: "vault:secret/wrikebackup#wrike-token"}}\n'
        "sinks: [{local: {path: ./copy}}]\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "backup", str(profile)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "Vault does not give secret/wrikebackup: HTTP 503: Vault is sealed" in done.stderr
    assert len(vault.asked) == 1
    assert TOKEN not in done.stdout + done.stderr
