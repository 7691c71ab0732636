"""Reads one key of a secret in the KV engine, version 2. The environment says which Vault, as it does for Vault's own program.

Errors carry the reference and what Vault says of it, never a value or a token: Vault's own messages hold neither.
"""

import os
import ssl
from pathlib import Path
from urllib.parse import quote

import httpx

from wrikebackup_core import SecretError, keep_secret, without_password

SECONDS = 30


def read(place: str) -> str:
    """What MOUNT/PATH#KEY holds. Raises SecretError."""
    path, _, key = place.rpartition("#")
    mount, _, rest = path.partition("/")
    if not key or any(part in ("", ".", "..") for part in (mount, *rest.split("/"))):
        raise SecretError(f"vault:{place} names no secret", hint="write vault:MOUNT/PATH#KEY")
    answer = ask(f"{quote(mount)}/data/{quote(rest)}")
    if answer.status_code != 200:
        raise refusal(answer, path)
    try:
        secret = answer.json()["data"]["data"]
        known = sorted(secret)
    except (ValueError, KeyError, TypeError):
        raise SecretError(
            f"what answers for {path} is no KV engine of version 2", hint="see VAULT_ADDR and the mount's name"
        ) from None
    if key not in known:
        raise SecretError(f"the secret {path} has no key {key}", hint=f"it has {', '.join(known)}" if known else None)
    if not isinstance(secret[key], str):
        raise SecretError(f"the key {key} of {path} is no text")
    return secret[key].strip()


def ask(path: str) -> httpx.Response:
    """Vault's answer, whatever its status. Raises SecretError."""
    address = os.environ.get("VAULT_ADDR", "").rstrip("/")
    if not address:
        raise SecretError("VAULT_ADDR is not set", hint="export VAULT_ADDR=https://vault.example.com:8200")
    headers = {"X-Vault-Token": token(), "X-Vault-Request": "true"}
    if namespace := os.environ.get("VAULT_NAMESPACE"):
        headers["X-Vault-Namespace"] = namespace
    try:
        # Redirects are not followed: the token would go wherever they lead.
        certificates = ssl.create_default_context(cafile=os.environ.get("VAULT_CACERT") or None)
        return httpx.get(f"{address}/v1/{path}", headers=headers, timeout=SECONDS, verify=certificates)
    except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
        # The type alone: the message of a bad header would hold the token.
        raise SecretError(
            f"Vault at {without_password(address)} does not answer: {type(error).__name__}",
            hint="see VAULT_ADDR, VAULT_CACERT and whether Vault is up",
        ) from None


def token() -> str:
    """From the environment, or where `vault login` keeps it. Raises SecretError."""
    found = os.environ.get("VAULT_TOKEN", "").strip()
    if not found:
        try:
            found = (Path.home() / ".vault-token").read_text(encoding="utf-8").strip()
        except (OSError, UnicodeError, RuntimeError):
            found = ""
    if not found:
        raise SecretError("there is no token for Vault", hint="export VAULT_TOKEN=…, or vault login")
    return keep_secret(found)


def refusal(answer: httpx.Response, path: str) -> SecretError:
    """What a status other than 200 means for whoever wrote the reference."""
    try:
        said = answer.json()
    except ValueError:
        said = None
    said = said if isinstance(said, dict) else {}
    errors = said.get("errors") if isinstance(said.get("errors"), list) else []
    why = "; ".join(" ".join(str(one).split()) for one in errors or ())
    if answer.status_code == 404 and said.get("data"):
        return SecretError(
            f"the secret {path} of Vault is deleted", hint=f"vault kv put {path} …, or vault kv undelete"
        )
    if answer.status_code == 404:
        return SecretError(f"Vault has no secret {path}{why and f': {why}'}", hint=f"vault kv get {path}")
    if answer.status_code == 403:
        mount, _, rest = path.partition("/")
        return SecretError(
            f"Vault does not let the token read {path}{why and f': {why}'}",
            hint=f"its policy needs read on {mount}/data/{rest}; the token may have expired",
        )
    if answer.is_redirect:
        return SecretError("Vault sends us to another address", hint="set VAULT_ADDR to the one of the active node")
    return SecretError(f"Vault does not give {path}: HTTP {answer.status_code}{why and f': {why}'}")
