"""A certificate for 127.0.0.1, by an authority that nobody else knows."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from pathlib import Path
from typing import Any

import pytest

__all__ = ["made"]


def made(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """What a server needs, and the file with the certificate of the authority."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    keys = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("authority", "server")}
    now = dt.datetime.now(dt.UTC)

    def named(name: str) -> Any:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])

    def signed(name: str, *extensions: Any) -> bytes:
        builder = (
            x509.CertificateBuilder()
            .subject_name(named(name))
            .issuer_name(named("authority"))
            .public_key(keys[name].public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        certificate = builder.sign(keys["authority"], hashes.SHA256())
        return bytes(certificate.public_bytes(serialization.Encoding.PEM))

    here = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    (folder / "authority.pem").write_bytes(signed("authority", x509.BasicConstraints(ca=True, path_length=None)))
    private = keys["server"].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(private + signed("server", x509.SubjectAlternativeName([here])))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context, folder / "authority.pem"
