"""Which environment variables the processes that we start are given."""

import pytest

from infra.contract.variables import BASE, DAEMON, INSTALLATION, selected, without_deployment

AROUND = dict.fromkeys(
    (
        "PATH", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "OMP_NUM_THREADS", "HTTPS_PROXY",
        "UV_INDEX_URL", "PYTHONPATH", "MY_TOKEN", "AWS_SECRET_ACCESS_KEY",
        "PULUMI_CONFIG_PASSPHRASE",
        "ARM_CLIENT_SECRET", "AZURE_CLIENT_SECRET", "UV_PUBLISH_TOKEN", "path",
    ),
    "x",
)  # fmt: skip


NEEDED = {"PATH", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "OMP_NUM_THREADS"}
INSTALLING = {*NEEDED, "HTTPS_PROXY", "UV_INDEX_URL"}


@pytest.mark.parametrize(
    ("patterns", "names"),
    [(BASE, NEEDED), (INSTALLATION, INSTALLING), (DAEMON, {*INSTALLING, "PYTHONPATH"})],
)
def test_a_list_names_what_is_passed_on(patterns, names):
    assert set(selected(AROUND, patterns)) == names


def test_a_run_is_given_everything_but_the_credentials_of_a_deployment():
    left_out = AROUND.keys() - without_deployment(AROUND).keys()
    assert left_out == {
        "PULUMI_CONFIG_PASSPHRASE", "ARM_CLIENT_SECRET", "AZURE_CLIENT_SECRET", "UV_PUBLISH_TOKEN",
    }  # fmt: skip
