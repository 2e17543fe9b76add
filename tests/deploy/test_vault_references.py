"""`keyvault:` references on the local cloud: its vaults answer, to the deployment and to runs."""

import pytest


@pytest.fixture
def machine(project):
    """Return a virtual machine of the local cloud."""
    made = project.good("cloud", "vm", "create", f"{project.name}-box", "--json").data
    yield made
    project.aml("cloud", "vm", "delete", made["name"], "--yes")


def vault_of(project):
    (vault,) = [id_ for id_ in project.in_cloud() if "/vaults/" in id_ and "/secrets/" not in id_]
    return vault.rpartition("/")[2]


def attach(project, machine, key):
    entry = (
        f"kind: virtual_machine, name: box, resource_id: {machine['id']}, user: azureuser,"
        f" private_key: 'keyvault:{key}'"
    )
    file = project.stack_file()
    file.write_text(f"{file.read_text()}    - {{{entry}}}\n")


def test_a_machine_is_attached_and_used_by_a_key_in_a_vault(project, machine):
    secret = f"secrets: [{{name: box-key, value: 'file:{machine['private_key']}'}}]"
    project.edit("aml:tags:", f"aml:key_vault: {{{secret}}}\n  aml:tags:")
    project.good("up", "--yes")
    attach(project, machine, f"https://{vault_of(project)}.vault.azure.net/secrets/box-key")
    project.good("up", "--yes")
    (project.root / "train.py").write_text("print('by the key of the vault')\n")
    (project.root / "requirements.txt").write_text("")
    said = project.good("submit", "-c", "box", "train.py")
    assert "by the key of the vault" in said.out + said.err


def test_a_secret_that_is_not_there_is_named(project, machine):
    attach(project, machine, "https://nosuchvault.vault.azure.net/secrets/box-key")
    said = project.aml("up", "--yes")
    assert said.code != 0
    assert "means the vault 'nosuchvault' of the local cloud, which answers 404" in said.err
