"""TLS of one's own: an authority that stays, a certificate that is renewed."""

from __future__ import annotations

import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from causerie.certificates import RENEW_DAYS, SERVER_DAYS, self_signed

NOW = datetime(2026, 5, 20, tzinfo=UTC)


def names(file: Path) -> list[str]:
    certificate = x509.load_pem_x509_certificate(file.read_bytes())
    held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(name.value) for name in held]


def test_the_certificate_is_for_this_machine_and_the_host(tmp_path: Path) -> None:
    files = self_signed(tmp_path, "causerie.example.com", NOW)
    assert names(files.certificate) == ["localhost", "127.0.0.1", "::1", "causerie.example.com"]


def test_the_keys_are_for_the_owner_only(tmp_path: Path) -> None:
    files = self_signed(tmp_path, "127.0.0.1", NOW)
    for key in (files.key, tmp_path / "ca-key.pem"):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_good_certificate_is_kept(tmp_path: Path) -> None:
    first = self_signed(tmp_path, "127.0.0.1", NOW).certificate.read_bytes()
    assert self_signed(tmp_path, "127.0.0.1", NOW).certificate.read_bytes() == first


def test_an_old_certificate_is_renewed_under_the_same_authority(tmp_path: Path) -> None:
    files = self_signed(tmp_path, "127.0.0.1", NOW)
    authority, certificate = files.authority.read_bytes(), files.certificate.read_bytes()
    later = NOW + timedelta(days=SERVER_DAYS - RENEW_DAYS + 1)
    self_signed(tmp_path, "127.0.0.1", later)
    assert files.authority.read_bytes() == authority
    assert files.certificate.read_bytes() != certificate


def test_another_host_gets_a_certificate_under_the_same_authority(tmp_path: Path) -> None:
    files = self_signed(tmp_path, "127.0.0.1", NOW)
    authority = files.authority.read_bytes()
    self_signed(tmp_path, "10.1.2.3", NOW)
    assert files.authority.read_bytes() == authority and "10.1.2.3" in names(files.certificate)


def test_openssl_takes_key_and_certificate_together(tmp_path: Path) -> None:
    files = self_signed(tmp_path, "127.0.0.1", NOW)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    assert ssl.create_default_context(cafile=files.authority).get_ca_certs()
