"""The key and the certificate that marks are signed with: the user's own, or one that is made at first use."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tower.errors import TowerError
from tower.errors.codes import ErrorCode
from tower.media.files import write_atomically
from tower.settings import Settings

FILE_NAME = "signing.pem"
LIFE = timedelta(days=20 * 365)  # without a time stamp, a mark is invalid from the day on which its certificate ends
PRIVATE_MODE = 0o600


class CredentialsError(TowerError):
    """The key or the certificate for marks cannot be used."""

    code = ErrorCode.SIGNING_FAILED


@dataclass(frozen=True)
class Credentials:
    """PEM texts: the certificate with those that issued it, and the key as PKCS#8."""

    certificates: bytes
    key: bytes


def load_credentials(settings: Settings) -> Credentials:
    """The user's own, if both are set, else Tower's, which is made at first use. Raises CredentialsError."""
    if settings.signing_certificate is not None and settings.signing_key is not None:
        return read_credentials(settings.signing_certificate, settings.signing_key)
    file = settings.data / FILE_NAME
    if not file.exists():
        _create(file)
    return read_credentials(file, file)


def read_credentials(certificates: Path, key: Path) -> Credentials:
    """Read PEM files. The key may be in the form of OpenSSL, which C2PA does not read."""
    try:
        found = x509.load_pem_x509_certificates(certificates.read_bytes())
        private = load_pem_private_key(_key_part(key.read_bytes()), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise CredentialsError(f"{certificates} and {key} are not a certificate and its key in PEM form") from error
    chain = b"".join(one.public_bytes(Encoding.PEM) for one in found)
    return Credentials(chain, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _key_part(text: bytes) -> bytes:
    """The key of a file that also has certificates or parameters."""
    end = text.find(b"PRIVATE KEY-----")
    return text[text.rfind(b"-----BEGIN", 0, end) :] if end >= 0 else text


def _create(file: Path) -> None:
    """Write both into one file, so that two processes that are first at once never mix them."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with write_atomically(file) as part:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_MODE)
        with os.fdopen(handle, "wb") as opened:
            opened.write(_certify(key).public_bytes(Encoding.PEM) + pem)


def _certify(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """A certificate that C2PA accepts: of no authority, for digital signatures, with the purpose of e-mail."""
    name = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Tower"), x509.NameAttribute(NameOID.COMMON_NAME, "Tower")]
    )
    now = datetime.now(UTC)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
