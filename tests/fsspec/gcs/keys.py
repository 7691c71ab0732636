"""A service account that only the tests know."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, unquote, urlsplit

__all__ = ["ServiceAccount"]


class ServiceAccount:
    email = "backup@tests.iam.gserviceaccount.com"

    def __init__(self) -> None:
        from cryptography.hazmat.primitives.asymmetric import rsa

        self._key = rsa.generate_private_key(65537, 2048)

    def json(self, token_uri: str) -> str:
        """The key as Google hands it out."""
        from cryptography.hazmat.primitives import serialization

        private = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        found = {
            "type": "service_account",
            "project_id": "tests",
            "private_key_id": "1",
            "private_key": private.decode(),
            "client_email": self.email,
            "client_id": "1",
            "token_uri": token_uri,
        }
        return json.dumps(found, indent=2)

    def signed(self, assertion: str) -> bool:
        """Whether it is a token request of this account, for now."""
        try:
            text, _, signature = assertion.rpartition(".")
            claims = json.loads(_decoded(text.partition(".")[2]))
        except ValueError:
            return False
        in_time = claims["iat"] <= datetime.now(UTC).timestamp() + 60 < claims["exp"] + 60
        return claims["iss"] == self.email and in_time and self._verified(text.encode(), _decoded(signature))

    def may_read(self, target: str, host: str) -> bool:
        """Whether the address was signed by this account, as the documentation of V4 signatures says, and is still good."""
        parts = urlsplit(target)
        query, _, signature = parts.query.rpartition("&X-Goog-Signature=")
        fields = dict(parse_qsl(query))
        if not signature or fields.get("X-Goog-Algorithm") != "GOOG4-RSA-SHA256":
            return False
        who, _, scope = fields["X-Goog-Credential"].partition("/")
        stamp = fields["X-Goog-Date"]
        begin = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        end = begin + timedelta(seconds=min(int(fields["X-Goog-Expires"]), 7 * 24 * 3600))
        asked = f"GET\n{parts.path}\n{query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD"
        text = f"GOOG4-RSA-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(asked.encode()).hexdigest()}"
        try:
            proof = binascii.unhexlify(signature)
        except binascii.Error:
            return False
        return unquote(who) == self.email and datetime.now(UTC) < end and self._verified(text.encode(), proof)

    def _verified(self, text: bytes, signature: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        try:
            self._key.public_key().verify(signature, text, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
