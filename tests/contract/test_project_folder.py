"""What makes a folder a project, and which program it runs."""

import re

import pytest

from infra.contract.errors import UsageError
from infra.contract.project import PROGRAM, find_project, home_folder


@pytest.fixture(autouse=True)
def no_home(monkeypatch):
    monkeypatch.delenv("AML_HOME", raising=False)


@pytest.mark.parametrize("folder", [".", "stacks"])
def test_stack_files_alone_make_a_project_of_the_packaged_program(tmp_path, folder):
    root = tmp_path / "my platform"
    (root / folder).mkdir(parents=True)
    (root / folder / "Pulumi.dev.yaml").touch()
    (root / "src").mkdir()
    project = find_project(root / "src")
    assert (project.root, project.name, project.main) == (root, "my-platform", PROGRAM)
    assert project.stack_file("dev") == root / folder / "Pulumi.dev.yaml"
    assert project.runs_packaged_program
    assert home_folder(root / "src") == root / ".aml" == project.home


def test_a_project_file_further_up_comes_before_stack_files(tmp_path):
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nmain: program\nstackConfigDir: stacks\n")
    for file in ("stacks/Pulumi.dev.yaml", "program/__main__.py"):
        (tmp_path / file).parent.mkdir()
        (tmp_path / file).touch()
    project = find_project(tmp_path / "stacks")
    assert (project.root, project.name, project.main) == (tmp_path, "shop", tmp_path / "program")
    assert not project.runs_packaged_program


def test_another_copy_of_the_packaged_program_counts_as_packaged(tmp_path):
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nmain: infra\n")
    for file in ("__main__.py", "spec/stack.py", "components/platform.py"):
        (tmp_path / "infra" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "infra" / file).touch()
    assert find_project(tmp_path).runs_packaged_program


def test_a_folder_with_neither_is_not_a_project(tmp_path):
    with pytest.raises(UsageError, match="and no stack file") as caught:
        find_project(tmp_path)
    assert "aml init" in caught.value.remedy


@pytest.mark.parametrize(
    ("text", "at", "message"),
    [
        (b"name: shop\nmain: " + b"[" * 20_000, ":2", "is nested more than 64 levels deep."),
        (b"name: " + b"1" * 5000, ":1", "is a number of 5,000 characters"),
        (b"name: shop\nversion: 1e400", ":2", "is a number out of range"),
        (b"name: shop\nmain: !path program", ":2", "has the tag !path, which cannot be used"),
        (b"a: &a [x]\nb: [*a, *c]", ":2", "is not YAML: an alias without an anchor."),
        (b"name: shop\n" * 100_000, ":95326", "is larger than 1024 KiB."),
        (b"name: shop\xff", "", "cannot be read: 'utf-8' codec can't decode"),
        (b"name: [shop]", "", "`name` is not text."),
        (b"name: shop\nstackConfigDir: {a: b}", "", "`stackConfigDir` is not text."),
    ],
)
def test_a_project_file_that_cannot_be_used_is_reported_with_its_line(tmp_path, text, at, message):
    (tmp_path / "Pulumi.yaml").write_bytes(text)
    with pytest.raises(UsageError, match=re.escape(message)) as caught:
        find_project(tmp_path)
    assert caught.value.at == f"{tmp_path / 'Pulumi.yaml'}{at}"


def test_a_project_file_is_read_as_yaml_1_2(tmp_path):
    (tmp_path / "Pulumi.yaml").write_text("name: on\ncreated: 2026-13-45\n")
    assert find_project(tmp_path).name == "on"
