from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate

from tower.publishing.credentials import CredentialsError, load_credentials, read_credentials
from tower.settings import Settings


def test_a_certificate_is_made_once_and_only_its_owner_can_read_the_key(tmp_path: Path) -> None:
    first = load_credentials(Settings(data_dir=tmp_path))
    assert load_credentials(Settings(data_dir=tmp_path)) == first
    (file,) = tmp_path.iterdir()
    assert (file.name, file.stat().st_mode & 0o777) == ("signing.pem", 0o600)
    certificate = load_pem_x509_certificate(first.certificates)
    assert (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days >= 20 * 365


def test_a_key_in_the_form_of_openssl_is_converted(tmp_path: Path) -> None:
    made = load_credentials(Settings(data_dir=tmp_path))
    certificate, key = tmp_path / "own.crt", tmp_path / "own.key"
    private = load_pem_private_key(made.key, None)
    certificate.write_bytes(made.certificates)
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    assert b"EC PRIVATE KEY" in key.read_bytes()
    assert load_credentials(Settings(data_dir=tmp_path / "x", signing_certificate=certificate, signing_key=key)) == made


def test_a_file_that_is_no_key_is_named(tmp_path: Path) -> None:
    file = tmp_path / "own.key"
    file.write_text("no key")
    with pytest.raises(CredentialsError, match=r"own\.key are not a certificate and its key"):
        read_credentials(file, file)
