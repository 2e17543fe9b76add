"""Run configurations as files: loaded with azureml-core's sections, saved, deleted."""

import json
import warnings
from dataclasses import replace

import pytest
import yaml

from aml_platform import (
    CondaDependencies,
    DataReferenceConfiguration,
    RunConfiguration,
    ScriptRunConfig,
)
from infra.contract.errors import DefinitionError, UnknownNameError, UsageError
from runtime.definitions.keys import Meaning
from runtime.definitions.runconfig import read_run_configuration
from runtime.definitions.runconfig_keys import RUN_CONFIGURATION
from runtime.definitions.shapes import Kind
from runtime.model.launching import Distribution

TEXT = """\
# how training runs
script: train.py
arguments: [--alpha, 0.5]
target: cpu
framework: python
communicator: openmpi
nodeCount: 2
jobName: nightly
maxRunDurationSeconds: 3600
environmentVariables: {A: run}
environment:
  name: train
  version: 3
  environmentVariables: {A: environment, B: 1}
  python:
    condaDependenciesFile: conda.yml
  docker:
    enabled: true
    baseImage: python:3.9
    arguments: [--ipc=host]
  spark:
    packages: [{group: com.microsoft.ml.spark, artifact: mmlspark_2.11, version: 1}]
mpi:
  process_count_per_node: 3
history:
  directoriesToWatch: [logs]
dataReferences:
  images: {dataStoreName: store, mode: download, pathOnDataStore: a/b}
data:
  mnist:
    dataLocation: {dataset: {name: mnist, version: 2}}
    mechanism: mount
outputData:
  result:
    outputLocation: {dataPath: {datastoreName: store, relativePath: out}}
    mechanism: upload
"""


@pytest.fixture
def project(source):
    folder = source / ".azureml"
    folder.mkdir()
    (folder / "cpu.runconfig").write_text(TEXT, encoding="utf-8")
    conda = "# packages\ndependencies: [python=3.9, numpy]\n"
    (source / "conda.yml").write_text(conda, encoding="utf-8")
    return source


def test_a_file_becomes_sections(project):
    config = RunConfiguration.load(project, "cpu")
    assert (config.target, config.node_count, config.mpi.process_count_per_node) == ("cpu", 2, 3)
    assert config.environment.docker.base_image == "python:3.9"
    assert config.environment.python.conda_dependencies.conda_packages == ["python=3.9", "numpy"]
    assert config.data_references["images"] == DataReferenceConfiguration(
        "store", "Download", "a/b"
    )
    assert config.environment.spark.packages[0].version == "1"


def test_a_loaded_configuration_is_the_run_of_its_file(project):
    file = project / ".azureml" / "cpu.runconfig"
    settings = read_run_configuration(file, project)
    spec = ScriptRunConfig(project, run_config=RunConfiguration.load(file)).spec("e", {})
    shared = (
        *("script", "arguments", "target", "node_count", "max_duration_s", "display_name"),
        *("framework", "distribution", "inputs", "outputs", "collects", "variables", "docker"),
    )
    assert {name: getattr(spec, name) for name in shared} == {
        name: getattr(settings, name) for name in shared
    }
    assert spec.distribution == Distribution("mpi", processes_per_node=3)
    assert (spec.environment.conda, spec.environment.image) == (
        settings.environment.conda,
        settings.environment.image,
    )
    assert spec.environment.source == str(project / "conda.yml")


def test_a_run_knows_the_lines_of_what_it_has_from_the_file(project):
    config = RunConfiguration.load(project, "cpu")
    config.node_count = 4
    origins = ScriptRunConfig(project, run_config=config).spec("e", {}).origins
    file = project / ".azureml" / "cpu.runconfig"
    lines = [line.strip() for line in TEXT.splitlines()]
    assert origins["distribution"] == f"{file}:{lines.index('process_count_per_node: 3') + 1}"
    assert origins["docker.use"] == f"{file}:{lines.index('enabled: true') + 1}"
    assert "node_count" not in origins


@pytest.mark.parametrize("name", ["cpu", "cpu.runconfig"])
def test_a_file_is_found_by_the_name_of_its_project(project, name):
    assert RunConfiguration.load(str(project), name).script == "train.py"


def test_a_file_that_is_not_there_names_the_places_and_the_nearest(project):
    with pytest.raises(UnknownNameError) as unknown:
        RunConfiguration.load(project, "cpus")
    assert str(project / ".azureml" / "cpus.runconfig") in unknown.value.detail
    assert "Did you mean 'cpu'" in unknown.value.remedy


def test_a_folder_alone_is_no_run_configuration(project):
    with pytest.raises(UsageError, match="no name is given"):
        RunConfiguration.load(project)


def test_the_problems_of_a_file_are_told_with_their_lines(project):
    file = project / ".azureml" / "bad.runconfig"
    file.write_text("script: train.py\nnodeCuont: 4\ntarget: local\n", encoding="utf-8")
    with pytest.raises(DefinitionError) as refused:
        RunConfiguration.load(project, "bad")
    assert refused.value.at == f"{file}:2"


def test_what_is_saved_loads_as_the_same_run(project):
    config = RunConfiguration.load(project, "cpu")
    config.save(project, "copy")
    again = RunConfiguration.load(project, "copy")
    first, second = (
        ScriptRunConfig(project, run_config=each).spec("e", {}) for each in (config, again)
    )
    assert replace(first, origins={}) == replace(second, origins={})
    assert again.job_name == "nightly"


def test_keys_without_an_attribute_are_saved_as_they_were(project):
    written = {
        "script": "train.py",
        "target": "local",
        "identity": None,
        "environment": {"autoRebuild": False, "python": {"userManagedDependencies": True}},
        "history": {"enableMLflowTracking": True, "outputCollection": False},
        "paralleltask": {"configuration": {}, "workerCountPerNode": 2},
        "commandReturnCodeConfig": {"returnCode": "Zero", "successfulReturnCodes": []},
    }
    (project / ".azureml/of_2021.runconfig").write_text(json.dumps(written), encoding="utf-8")
    RunConfiguration.load(project, "of_2021").save(project, "copy")
    saved = yaml.safe_load((project / ".azureml/copy.runconfig").read_text(encoding="utf-8"))
    for key in ("environment", "history", "paralleltask"):
        assert (
            saved[key].items()
            >= {name: value for name, value in written[key].items() if name != "python"}.items()
        )
    assert saved["commandReturnCodeConfig"] == written["commandReturnCodeConfig"]
    assert saved["identity"] is None


def test_saving_changes_what_differs_and_keeps_comments(project):
    config = RunConfiguration.load(project, "cpu")
    config.node_count = 4
    config.environment.python.conda_dependencies.add_pip_package("mlflow")
    config.save()
    text = (project / ".azureml" / "cpu.runconfig").read_text()
    assert text.startswith("# how training runs\nscript: train.py\n")
    assert "nodeCount: 4" in text
    assert "condaDependenciesFile: conda.yml" in text
    assert "- mlflow" in (project / "conda.yml").read_text()


def test_a_new_one_is_saved_with_its_packages_beside_it(source):
    config = RunConfiguration("train.py", conda_dependencies=CondaDependencies.create())
    config.target = "cpu"
    config.environment.docker.base_image_registry.address = "x.azurecr.io"
    config.environment.docker.base_image_registry.password = "planted-secret"
    config.save(source, "new")
    folder = source / ".azureml"
    loaded = RunConfiguration.load(source, "new")
    assert loaded.target == "cpu"
    assert (folder / "conda_dependencies.yml").is_file()
    assert not [f for f in folder.iterdir() if "planted-secret" in f.read_text()]


def test_a_configuration_without_a_file_needs_a_path():
    with pytest.raises(UsageError, match="no file yet"):
        RunConfiguration().save()


def test_a_configuration_is_deleted_by_its_name(project):
    RunConfiguration.delete(project, "cpu")
    assert not (project / ".azureml" / "cpu.runconfig").exists()
    (project / ".azureml" / "old").write_text("script: train.py\ntarget: local\n")
    with pytest.raises(UnknownNameError):
        RunConfiguration.delete(project, "old")
    with pytest.raises(UsageError, match="not deleted"):
        RunConfiguration.delete(project / ".azureml" / "old")


def test_a_key_without_effect_is_a_warning(project):
    file = project / ".azureml" / "idle.runconfig"
    file.write_text("script: train.py\ntarget: local\ntensorflow: {workerCount: 3}\n")
    with pytest.warns(UserWarning, match="has no effect without"):
        RunConfiguration.load(project, "idle")


def test_sections_without_an_attribute_count_and_are_saved(project):
    file = project / ".azureml" / "services.runconfig"
    written = {"databricks": {"num_workers": 2}, "batch": {"vm_size": "Standard_D2_v3"}}
    libraries = {"jarLibraries": [{"library": "dbfs:/a.jar"}]}
    document = {"script": "train.py", "environment": {"databricks": libraries}, **written}
    file.write_text(json.dumps(document), encoding="utf-8")
    settings = read_run_configuration(file, project)
    config = RunConfiguration.load(file)
    spec = ScriptRunConfig(project, run_config=config).spec("e", {})
    assert (spec.databricks, spec.batch) == (settings.databricks, settings.batch)
    assert (spec.databricks.num_workers, spec.batch.vm_size) == (2, "Standard_D2_v3")
    config.save(project, "copy")
    saved = yaml.safe_load((project / ".azureml/copy.runconfig").read_text(encoding="utf-8"))
    assert {name: saved[name] for name in written} == written
    assert saved["environment"]["databricks"]["jarLibraries"] == libraries["jarLibraries"]


def test_every_key_of_the_table_is_kept_by_load_and_save(project):
    """Whether or not azureml-core has an attribute for it."""
    written = _sample(RUN_CONFIGURATION)
    del written["command"], written["environment"]["docker"]["baseDockerfile"]
    del written["environment"]["docker"]["buildContext"]
    for name in ("condaDependencies", "baseCondaEnvironment", "userManagedDependencies"):
        del written["environment"]["python"][name]
    written["framework"] = "PySpark"
    written["amlcompute"]["vmPriority"] = "lowpriority"
    written["databricks"] = written["batch"] = {}
    file = project / ".azureml" / "all.runconfig"
    written["environment"]["python"]["condaDependenciesFile"] = "conda.yml"
    written["environment"]["docker"]["baseImageRegistry"]["password"] = "env:P"
    for each in (*written["data"].values(), *written["outputData"].values()):
        location = each.get("dataLocation") or each.get("outputLocation")
        del location["dataset"], location["uri"]
    file.write_text(json.dumps(written), encoding="utf-8")
    with warnings.catch_warnings(action="ignore"):  # many keys have no effect, and each warns
        RunConfiguration.load(file).save(project, "copy")
    saved = yaml.safe_load((project / ".azureml/copy.runconfig").read_text(encoding="utf-8"))
    assert _missing(written, saved) == []


def _sample(table):
    """Return a value for each key of a table; null for what is refused."""
    samples = {
        Kind.TEXT: "x",
        Kind.WHOLE: 2,
        Kind.NUMBER: 2,
        Kind.FLAG: True,
        Kind.TEXTS: ["x"],
        Kind.VARIABLES: {"A": "x"},
    }
    made = {}
    for key in table:
        inner = _sample(key.keys)
        sections = {Kind.SECTION: inner, Kind.SECTIONS: [inner], Kind.NAMED: {"n": inner}}
        value = key.choices[-1] if key.choices else (samples | sections).get(key.kind, {"A": "x"})
        made[key.name] = None if key.meaning is Meaning.REFUSED else value
    return made


def _missing(written, saved, at=""):
    if isinstance(written, dict):
        found = saved if isinstance(saved, dict) else {}
        return [
            each
            for key, value in written.items()
            for each in _missing(value, found.get(key), f"{at}.{key}")
        ]
    if isinstance(written, list):
        pairs = zip(written, saved or [None] * len(written), strict=False)
        return [each for n, pair in enumerate(pairs) for each in _missing(*pair, f"{at}[{n}]")]
    return [] if written is None or str(written).lower() == str(saved).lower() else [(at, saved)]
