"""Certificates for servers of tests: one that signs itself, and those of an authority made for them."""

import datetime as dt
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_NOW = dt.datetime.now(dt.UTC)
_IS_AUTHORITY = x509.BasicConstraints(ca=True, path_length=0)


def write_certificate(path: Path, host: str) -> Path:
    """Write a certificate for `host` that signs itself, with its key, and return its path."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.DNSName(host)])
    signed = sign(key, host, (key, host), [names, _IS_AUTHORITY])
    path.write_bytes(dump(signed) + dump_key(key))
    return path


class Authority:
    """Signs certificates; `trusting` clients accept them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._issuer = (ec.generate_private_key(ec.SECP256R1()), "an authority for tests")
        self._certificate = sign(*self._issuer, self._issuer, [_IS_AUTHORITY])

    @property
    def trusting(self) -> ssl.SSLContext:
        """The context of a client that accepts what this authority signs."""
        return ssl.create_default_context(cadata=dump(self._certificate).decode())

    @property
    def pem(self) -> str:
        """The authority's own certificate, for clients that are told whom to trust."""
        return dump(self._certificate).decode()

    def build_server_context(self, host: str, days: int = 1) -> ssl.SSLContext:
        """Return the context of a server whose certificate names `host` and ends in so many days."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        file = self._folder / f"{host}{days}.pem"
        file.write_bytes(dump_key(key) + dump(sign(key, host, self._issuer, [names], days)))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        context.set_alpn_protocols(["h2", "http/1.1"])
        return context


def sign(
    key: ec.EllipticCurvePrivateKey,
    name: str,
    issuer: tuple[ec.EllipticCurvePrivateKey, str],
    extensions: list[x509.ExtensionType],
    days: int = 1,
) -> x509.Certificate:
    """Return a certificate of a key, valid since ten days and for so many more."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer[1])]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_NOW - dt.timedelta(days=10))
        .not_valid_after(_NOW + dt.timedelta(days=days))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=extension is _IS_AUTHORITY)
    return builder.sign(issuer[0], hashes.SHA256())


def dump(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def dump_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
