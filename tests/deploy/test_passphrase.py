"""Which passphrase a stack's secrets are sealed with."""

import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from infra.contract.errors import PassphraseError
from infra.contract.project import Project
from infra.deploy.stack.passphrase import remedy_for_wrong, stack_passphrase
from infra.engine.state.secrets import Sealer


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path, tmp_path / ".aml", "shop", tmp_path, tmp_path)


def never(question):
    raise AssertionError(question)


def test_the_local_stack_has_one_of_its_own(project):
    made = stack_passphrase(project, "local", environment={}, ask=never)
    file = project.home / "passphrase"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stack_passphrase(project, "local", environment={"PULUMI_CONFIG_PASSPHRASE": "x"}) == made
    assert len(made) > 30
    assert sorted(project.home.iterdir()) == [project.home / ".gitignore", file]


def test_two_at_once_agree(project):
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: stack_passphrase(project, "local"), range(32)))
    assert len(made) == 1


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({"PULUMI_CONFIG_PASSPHRASE": "mine"}, "mine"),
        ({"PULUMI_CONFIG_PASSPHRASE": ""}, ""),
        ({"PULUMI_CONFIG_PASSPHRASE_FILE": "FILE"}, "from a file"),
        ({"PULUMI_CONFIG_PASSPHRASE": "mine", "PULUMI_CONFIG_PASSPHRASE_FILE": "FILE"}, "mine"),
    ],
)
def test_other_stacks_read_pulumis_variables(project, environment, found):
    file = project.root / "passphrase"
    file.write_text("from a file\n")
    environment = {name: value.replace("FILE", str(file)) for name, value in environment.items()}
    assert stack_passphrase(project, "dev", environment=environment, ask=never) == found


def test_without_a_variable_a_person_is_asked_once(project):
    asked = []
    answer = stack_passphrase(
        project, "dev", environment={}, ask=lambda question: asked.append(question) or "typed"
    )
    assert (answer, asked) == ("typed", ["Passphrase of stack 'dev': "])


def test_without_a_person_there_is_none(project):
    assert stack_passphrase(project, "dev", environment={}) is None


@pytest.mark.parametrize("content", [b"", b"\xff\xfe"])
def test_a_damaged_passphrase_is_refused_and_left_alone(project, content):
    project.home.mkdir()
    file = project.home / "passphrase"
    file.write_bytes(content)
    with pytest.raises(PassphraseError):
        stack_passphrase(project, "local")
    assert Path(file).read_bytes() == content


@pytest.mark.parametrize("content", [b"", b"\xff\xfe damaged"])
def test_a_damaged_file_leads_to_what_helps(project, content):
    file = project.home / "passphrase"
    file.parent.mkdir()
    file.write_bytes(content)
    with pytest.raises(PassphraseError) as said:
        stack_passphrase(project, "local", environment={})
    assert f"Restore {file} from a backup" in said.value.remedy
    assert "`aml cloud reset`" in said.value.remedy


def test_a_passphrase_that_does_not_fit_the_local_stack_names_its_file(project):
    sealed = Sealer.from_passphrase("one")
    remedy = remedy_for_wrong(project, "local")
    other = Sealer.from_passphrase("two", sealed.salt, remedy=remedy)
    with pytest.raises(PassphraseError) as said:
        other.open(sealed.seal("x"))
    assert str(project.home / "passphrase") in said.value.remedy
    assert "PULUMI_CONFIG_PASSPHRASE" not in said.value.remedy
    assert remedy_for_wrong(project, "dev") is None


def test_where_clones_share_a_backend_it_is_another_clones_stack(project):
    shared = replace(project, backend_url="azblob://state?storage_account=team")
    remedy = remedy_for_wrong(shared, "local")
    assert "azblob://state?storage_account=team" in remedy
    assert f"`export PULUMI_BACKEND_URL=file://{project.home}/state`" in remedy
    assert "Pulumi.NAME.yaml" in remedy
    assert "aml cloud reset" not in remedy
