"""Run configurations as people have them: loaded from Python, each is the run of its file."""

import json
import shutil

import pytest

from aml_platform import RunConfiguration, ScriptRunConfig
from infra.contract.errors import DefinitionError, UsageError
from runtime.api.run_configuration import loaded_configuration
from runtime.definitions.runconfig import find_run_configuration
from tests.definitions.wild_cases import EXPECTED, PROJECTS

CASES = {each.name: json.loads((each / EXPECTED).read_text("utf-8")) for each in PROJECTS}
READ = [each for each in PROJECTS if "settings" in CASES[each.name]]
REFUSED = [each for each in PROJECTS if "refused" in CASES[each.name]]
SAME = (
    *("command", "target", "arguments", "node_count", "max_duration_s", "display_name", "priority"),
    *("framework", "distribution", "inputs", "outputs", "collects", "prepares", "variables"),
)


@pytest.fixture
def copied(tmp_path, monkeypatch):
    def copy(project):
        target = tmp_path / project.name
        shutil.copytree(project, target)
        monkeypatch.chdir(target)
        return target

    return copy


@pytest.mark.parametrize("project", READ, ids=lambda project: project.name)
def test_a_loaded_file_is_the_run_that_it_describes(project, copied):
    folder, name = copied(project), CASES[project.name]["configuration"]
    settings = find_run_configuration(name, folder)
    config = loaded_configuration(folder, name)
    if settings.target == "containerinstance":
        with pytest.raises(UsageError, match="no longer"):
            ScriptRunConfig(folder, run_config=config).spec("e", {})
        return
    if settings.script:
        (folder / settings.script).parent.mkdir(parents=True, exist_ok=True)
        (folder / settings.script).touch()
    given = None if settings.script or settings.command else "any.py"
    (folder / "any.py").touch()
    spec = ScriptRunConfig(folder, given, run_config=config).spec("e", {})
    assert {n: getattr(spec, n) for n in SAME} == {n: getattr(settings, n) for n in SAME}
    # A container has no interpreter of this machine: it gets azureml-core's own environment.
    here = settings.target == "local" and not settings.docker.use
    if settings.environment is None and here:
        assert spec.environment is None
    elif settings.environment is not None:
        assert spec.environment.conda == settings.environment.conda
        assert spec.environment.interpreter == settings.environment.interpreter


@pytest.mark.parametrize("project", REFUSED, ids=lambda project: project.name)
def test_a_file_that_is_refused_is_refused_in_the_same_words(project, copied):
    folder, name = copied(project), CASES[project.name]["configuration"]
    with pytest.raises(DefinitionError) as expected:
        find_run_configuration(name, folder)
    with pytest.raises(DefinitionError) as refused:
        RunConfiguration.load(folder, name)
    assert (refused.value.detail, refused.value.at) == (expected.value.detail, expected.value.at)
