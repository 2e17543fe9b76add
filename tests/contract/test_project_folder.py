"""What makes a folder a project, and which program it runs."""

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
