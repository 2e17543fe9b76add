"""The authority is kept, its certificate renewed; keys are readable by their owner only."""

import ssl
import stat

import pytest

from localcloud.tls import certificates


@pytest.fixture
def made(tmp_path):
    return certificates(tmp_path)


def test_a_second_start_changes_nothing(tmp_path, made):
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    certificates(tmp_path)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


@pytest.mark.parametrize("lost", ["server.pem", "server.key"])
def test_a_lost_certificate_is_issued_again_by_the_same_authority(tmp_path, made, lost):
    authority = made.authority.read_bytes()
    (tmp_path / lost).unlink()
    again = certificates(tmp_path)
    again.context()
    assert again.authority.read_bytes() == authority


def test_a_damaged_certificate_is_issued_again(tmp_path, made):
    made.certificate.write_text("nonsense")
    certificates(tmp_path).context()


def test_without_its_authority_everything_is_issued_again(tmp_path, made):
    before = made.certificate.read_bytes()
    (tmp_path / "ca.key").unlink()
    assert certificates(tmp_path).certificate.read_bytes() != before


@pytest.mark.parametrize("damaged", ["ca.pem", "ca.key", "server.key"])
def test_a_damaged_file_is_made_again(tmp_path, made, damaged):
    (tmp_path / damaged).write_text("nonsense")
    again = certificates(tmp_path)
    again.context()
    ssl.create_default_context(cafile=str(again.authority))


def test_a_certificate_of_another_authority_is_issued_again(tmp_path, made):
    other = certificates(tmp_path / "other")
    for name in ("ca.pem", "ca.key"):
        (tmp_path / name).write_bytes((other.authority.parent / name).read_bytes())
    before = made.certificate.read_bytes()
    assert certificates(tmp_path).certificate.read_bytes() != before


def test_the_bundle_for_jobs_has_the_authority_and_those_the_machine_trusts(tmp_path, made):
    trusted = ssl.create_default_context(cafile=str(made.bundle)).get_ca_certs(binary_form=True)
    authority = ssl.PEM_cert_to_DER_cert(made.authority.read_text())
    assert authority in trusted
    assert len(trusted) > 1


def test_files_are_readable_by_their_owner_only(tmp_path, made):
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}
