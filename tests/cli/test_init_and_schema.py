"""`aml init` writes stack files that are valid; `aml schema` writes what editors read."""

import json
import os
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from infra.commands.ci import CI, ci_files
from infra.commands.init import init
from infra.commands.schema import schema
from infra.commands.stack import stack
from infra.contract.errors import UsageError
from infra.contract.project import find_project
from infra.spec.load import load_stack
from infra.spec.problems import StackFileError
from runtime.cli.root import load_command


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.delenv("AML_HOME", raising=False)
    monkeypatch.delenv("AML_STACK", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def invoke(command, *arguments):
    return CliRunner().invoke(command, arguments, catch_exceptions=False)


def test_without_a_terminal_nothing_is_asked(folder):
    done = invoke(init)
    assert (done.exit_code, done.stdout) == (0, "")
    spec = load_stack(folder / "stacks/Pulumi.local.yaml")
    assert (spec.cloud, spec.workspace.name, spec.computes[0].name) == ("local", "ml-local", "cpu")
    assert find_project().selected_stack() == "local"
    assert (folder / "stacks/stack.schema.json").is_file()


def test_flags_say_what_the_stack_is(folder):
    given = {"cloud": "azure", "workspace": "shop", "compute": "gpu", "max-nodes": "8"}
    given |= {"subscription": "11111111-1111-1111-1111-111111111111", "location": "West Europe"}
    invoke(init, "prod", *(f"--{key}={value}" for key, value in given.items()))
    text = (folder / "stacks/Pulumi.prod.yaml").read_text(encoding="utf-8")
    assert "azure-native:subscriptionId: " in text
    spec = load_stack(folder / "stacks/Pulumi.prod.yaml")
    assert (spec.cloud, spec.location) == ("azure", "westeurope")
    assert (spec.workspace.resource_group, spec.computes[0].max_nodes) == ("shop-rg", 8)


def test_at_a_terminal_questions_are_asked(folder):
    keyboard, terminal = os.openpty()
    os.write(keyboard, b"azure\nnortheurope\nx\n\n\nperhaps\nyes\n-\n\n")
    done = subprocess.run(
        [sys.executable, "-c", "from runtime.cli.root import main; main()", "init", "prod"],
        stdin=terminal,
        capture_output=True,
        text=True,
        check=False,
    )
    os.close(keyboard)
    os.close(terminal)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "Workspace name [ml-prod]" in done.stderr
    assert done.stderr.count("Workspace name [ml-prod]") == 2  # `x` is too short
    assert "'perhaps' is neither yes nor no." in done.stderr
    assert "VM size" not in done.stderr  # there is no cluster
    spec = load_stack(folder / "stacks/Pulumi.prod.yaml")
    assert (spec.cloud, spec.location, spec.computes) == ("azure", "northeurope", ())
    assert spec.workspace.group_exists


def test_a_cluster_is_optional(folder):
    invoke(init, "--compute", "")
    assert load_stack(folder / "stacks/Pulumi.local.yaml").computes == ()


def test_it_goes_where_a_project_keeps_its_stack_files(folder):
    (folder / "Pulumi.yaml").write_text("name: shop\nstackConfigDir: environments\n")
    invoke(init, "dev")
    assert (folder / "environments/Pulumi.dev.yaml").is_file()


def test_every_wrong_answer_is_reported_and_nothing_written(folder):
    with pytest.raises(StackFileError, match=r"2 problems:\n  --workspace: .*\n  --max-nodes: "):
        invoke(init, "--workspace=my shop", "--resource-group=rg", "--max-nodes=many")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("name", ["dev", "my_very.long-stack-name-of-forty-characters", "1"])
def test_both_ways_to_make_a_stack_write_the_same_valid_file(folder, name):
    (folder / "Pulumi.yaml").write_text("name: shop\nstackConfigDir: stacks\n")
    invoke(init, name)
    file = folder / f"stacks/Pulumi.{name}.yaml"
    written = file.read_text(encoding="utf-8")
    file.unlink()
    invoke(stack, "init", name)
    assert file.read_text(encoding="utf-8") == written
    assert load_stack(file).computes[0].name == "cpu"


def test_a_stack_that_exists_is_left_alone(folder):
    invoke(init)
    with pytest.raises(UsageError, match="exists"):
        invoke(init)


@pytest.mark.parametrize("name", [".", "..", "-x", ".x", "a b", "a/b", ""])
def test_a_name_that_commands_or_files_would_misread_is_refused(folder, name):
    with pytest.raises(UsageError, match=re.escape(f"{name!r} is not a stack name")):
        invoke(init, "--", name)
    assert list(folder.iterdir()) == []


def test_the_schema_goes_to_stdout_or_a_file(folder):
    printed = json.loads(invoke(schema).stdout)
    assert printed["properties"]["config"]["anyOf"][0]["required"][0] == "aml:cloud"
    invoke(schema, "-o", "it.json")
    assert json.loads((folder / "it.json").read_text(encoding="utf-8")) == printed


def test_a_new_stack_is_not_selected(folder):
    invoke(init)
    done = invoke(init, "prod")
    assert find_project().selected_stack() == "local"
    assert "Stack 'prod' needs a passphrase to deploy" in done.stderr
    assert "Next, run `aml check -s prod`, then `aml up -s prod`." in done.stderr
    assert "`aml stack select prod` makes it the stack that commands use" in done.stderr


SUBNET = (
    "/subscriptions/0a0a0a0a-0000-0000-0000-000000000000/resourceGroups/net-rg/providers"
    "/Microsoft.Network/virtualNetworks/net/subnets/nodes"
)


def test_what_exists_already_is_declared_as_such(folder):
    invoke(init, "dev", "--cloud=azure", "--group-exists=yes", f"--subnet={SUBNET}")
    spec = load_stack(folder / "stacks/Pulumi.dev.yaml")
    assert spec.workspace.group_exists
    assert spec.computes[0].subnet_id == SUBNET


def test_a_subnet_that_is_no_id_is_refused(folder):
    with pytest.raises(StackFileError, match="--subnet: "):
        invoke(init, "dev", "--cloud=azure", "--subnet=nodes")


@pytest.fixture
def repository(folder):
    """Return a git repository with its origin on GitHub."""
    for command in (["init", "-q"], ["remote", "add", "origin", "https://github.com/o/r.git"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


def test_pipelines_are_offered_where_git_says_who_runs_them(repository):
    assert "`aml init test --ci github` writes pipelines" in invoke(init, "test").stderr
    assert not (repository / ".github").exists()
    invoke(init, "test", "--ci=github")  # the stack is there by now
    assert (repository / ".github/workflows/deploy.yml").is_file()
    assert "pipelines" not in invoke(init, "local").stderr


def test_pipelines_for_a_stack_that_exists_leave_it_as_it_is(repository):
    invoke(init, "dev", "--cloud=azure")
    before = (repository / "stacks/Pulumi.dev.yaml").read_bytes()
    said = invoke(init, "dev", "--ci=github").stderr
    assert "Stack 'dev' exists already, and was left as it is." in said
    assert "A merge to main deploys stack 'dev'." in said
    assert (repository / "stacks/Pulumi.dev.yaml").read_bytes() == before
    with pytest.raises(UsageError, match="exists already"):
        invoke(init, "dev", "--ci=github", "--workspace=other")


def test_pipelines_leave_out_what_other_stacks_extend(repository):
    invoke(init, "base", "--cloud=azure")
    file = repository / "stacks/Pulumi.prod.yaml"
    file.write_text('config:\n  "aml:extends": base\n', encoding="utf-8")
    with pytest.raises(UsageError, match="may deploy none of these stacks by itself: prod"):
        invoke(init, "prod", "--ci=github")
    invoke(init, "qa", "--cloud=azure", "--ci=github")
    text = (repository / ".github/workflows/pull-request.yml").read_text(encoding="utf-8")
    assert "for stack in prod qa; do" in text


@pytest.mark.parametrize("service", CI)
def test_a_problem_of_any_stack_fails_a_pull_request(service, tmp_path):
    """Azure DevOps runs scripts without ``-e``: only what comes last would decide."""
    text = "".join(ci_files(service, ["dev", "prod"], "dev").values())
    loop = next(line for line in text.splitlines() if "for stack in" in line).split(": ", 1)[1]
    aml = tmp_path / "aml"
    aml.write_text('#!/bin/sh\ntest "$3" = prod\n', encoding="utf-8")
    aml.chmod(0o755)
    paths = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    assert subprocess.run(["bash", "-c", loop], env=paths, check=False).returncode == 1


def test_without_git_nothing_is_offered(folder):
    assert "pipelines" not in invoke(init, "dev").stderr


@pytest.mark.parametrize("service", CI)
def test_pipelines_are_written_and_never_deploy_production(repository, service):
    invoke(init, "prod", "--cloud=azure")
    done = invoke(init, "test", "--cloud=azure", "--ci", service)
    assert "A merge to main deploys stack 'test'" in done.stderr
    written = ci_files(service, ["prod", "test"], "test")
    for name, text in written.items():
        assert (repository / name).read_text(encoding="utf-8") == text
        assert "@" not in text.replace("@v", "").replace("@0", "").replace("@2", "")
        assert "AML_STACK: prod" not in text
    again = invoke(init, "dev", "--ci", service).stderr
    assert all(f"{name} exists already" in again for name in written)


@pytest.mark.parametrize("service", CI)
def test_the_commands_of_pipelines_are_ours(service):
    """Every `aml` command in them is one that this release has, with its options."""
    lines = [
        line.partition("aml ")[2].partition(" >")[0].partition(" ||")[0].replace('"', "")
        for text in ci_files(service, ["dev"], "dev").values()
        for line in text.splitlines()
        if "aml " in line and not line.lstrip().startswith("#")
    ]
    assert {line.split()[0] for line in lines} == {"check", "preview", "up", "drift"}
    for line in lines:
        name, *options = line.split()
        command = load_command(name)
        command.make_context(name, options)


def test_pipelines_for_production_alone_are_refused_before_anything_is_written(repository):
    with pytest.raises(UsageError, match="may deploy none"):
        invoke(init, "prod", "--ci=github")
    assert not (repository / "stacks").exists()
