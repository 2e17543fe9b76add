"""The cloud's own certificate authority and its server certificate.

The authority is created once and kept, so that clients keep trusting it; the server certificate
is renewed before it expires. Keys are readable by their owner only.
"""

import ipaddress
import os
import ssl
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import certifi
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from infra.contract.private import private_folder

_AUTHORITY_LASTS: Final = timedelta(days=3650)
_SERVER_LASTS: Final = timedelta(days=365)
_RENEW_BEFORE: Final = timedelta(days=30)
_AGO: Final = timedelta(hours=1)
_NAMES: Final = (
    x509.DNSName("localhost"),
    x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    x509.IPAddress(ipaddress.ip_address("::1")),
)


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM files: clients trust ``authority``; ``certificate`` and ``key`` are the server's.

    ``bundle`` has the authority and the public ones, for jobs that reach this cloud and others.
    """

    authority: Path
    certificate: Path
    key: Path
    bundle: Path

    def context(self) -> ssl.SSLContext:
        """Return the server's TLS context."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.certificate, self.key)
        return context


def certificates(folder: Path) -> Certificates:
    """Return the certificates in ``folder``, creating those that are missing or about to expire."""
    private_folder(folder)
    made = Certificates(
        folder / "ca.pem", folder / "server.pem", folder / "server.key", folder / "bundle.pem"
    )
    authority_key = folder / "ca.key"
    if not _is_authority(made.authority, authority_key):
        key = ec.generate_private_key(ec.SECP256R1())
        _write(authority_key, _key_pem(key))
        _write(made.authority, _pem(_authority(key)))
        made.certificate.unlink(missing_ok=True)
    if not _usable(made):
        _issue(made, authority_key)
    _write(made.bundle, b"\n".join((*_trusted_here(), made.authority.read_bytes())))
    return made


def _trusted_here() -> Iterator[bytes]:
    """Yield the certificates of the authorities that this machine's programs trust."""
    named = (os.environ.get(name) for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"))
    for file in dict.fromkeys((certifi.where(), *named)):
        with suppress(OSError):
            yield Path(file or "").read_bytes()


def _is_authority(file: Path, key: Path) -> bool:
    """Return whether both files can be read and belong together.

    A damaged one is replaced: clients read the authority anew with every command.
    """
    try:
        authority = x509.load_pem_x509_certificate(file.read_bytes())
        signer = serialization.load_pem_private_key(key.read_bytes(), password=None)
    except (OSError, ValueError):
        return False
    return authority.public_key() == signer.public_key()


def _usable(made: Certificates) -> bool:
    try:
        authority = x509.load_pem_x509_certificate(made.authority.read_bytes())
        certificate = x509.load_pem_x509_certificate(made.certificate.read_bytes())
        certificate.verify_directly_issued_by(authority)
        made.context()
    except (OSError, ValueError, TypeError, InvalidSignature):
        return False
    return certificate.not_valid_after_utc > _now() + _RENEW_BEFORE


def _issue(made: Certificates, authority_key: Path) -> None:
    authority = x509.load_pem_x509_certificate(made.authority.read_bytes())
    signer = serialization.load_pem_private_key(authority_key.read_bytes(), password=None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{authority_key} is not an elliptic-curve key")
    key = ec.generate_private_key(ec.SECP256R1())
    _write(made.key, _key_pem(key))
    _write(made.certificate, _pem(_server(key, authority, signer)))


def _authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = _name("aml-platform local cloud")
    return (
        _builder(name, name, key, _AUTHORITY_LASTS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )


def _server(
    key: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate,
    signer: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    return (
        _builder(_name("localhost"), authority.subject, key, _SERVER_LASTS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(_NAMES), critical=False)
        .add_extension(issuer, critical=False)
        .sign(signer, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, lasts: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_now() - _AGO)
        .not_valid_after(_now() + lasts)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _now() -> datetime:
    return datetime.now(UTC)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(file: Path, content: bytes) -> None:
    """Write a file atomically, readable by its owner only."""
    staged = file.with_name(f"{file.name}.new")
    with os.fdopen(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as sink:
        sink.write(content)
    staged.replace(file)
