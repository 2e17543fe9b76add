"""Job files in every form that people use, each with what it is read as, or its refusal."""

import json

import pytest

from infra.contract.errors import DefinitionError, UsageError
from runtime.definitions.job import read_job
from runtime.definitions.settings_given import Setting, read_settings
from tests.definitions.job_cases import FILES, FOLDER, reading


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_job_is_read_as_the_document_beside_it(file):
    expected = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
    assert reading(file) == expected


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_only_what_says_so_is_refused(file):
    assert ("refused" in reading(file)) == file.stem.startswith("refused")


def test_every_setting_names_its_line():
    spec = read_job(FOLDER / "distribution_pytorch.yml").spec
    assert spec.origins["node_count"].endswith("distribution_pytorch.yml:9")
    assert spec.origins["target"].endswith("distribution_pytorch.yml:4")


@pytest.mark.parametrize(
    ("setting", "check"),
    [
        ("inputs.rate=0.5", lambda job: "--rate 0.5" in job.spec.command),
        ("inputs.name=c d", lambda job: "--name c d" in job.spec.command),
        ("inputs.verbose=", lambda job: "--verbose  --version" in job.spec.command),
        ("display_name=other", lambda job: job.spec.display_name == "other"),
        ("experiment_name=other", lambda job: job.spec.experiment == "other"),
        ("environment=azureml:mine:2", lambda job: job.spec.environment.version == "2"),
        ("environment={image: a}", lambda job: job.spec.environment.image.name == "a"),
        ("compute=azureml:gpu", lambda job: job.target == "gpu"),
        ("resources.instance_count=4", lambda job: job.spec.node_count == 4),
        ("tags.a=1", lambda job: job.spec.tags == {"a": "1"}),
        ("environment_variables.A=b=c", lambda job: job.spec.variables == {"A": "b=c"}),
    ],
)
def test_a_setting_replaces_what_the_file_says(setting, check):
    assert check(read_job(FOLDER / "literals.yml", read_settings([setting])))


def test_a_setting_gives_an_input_its_path():
    settings = [Setting(("inputs", "data", "path"), "data/table.csv")]
    (data,) = read_job(FOLDER / "optional_groups.yml", settings).spec.inputs
    assert data.location.path == str(FOLDER / "data/table.csv")


def test_a_misspelt_setting_is_refused_like_a_key_of_the_file():
    with pytest.raises(DefinitionError, match="Did you mean `experiment_name`") as raised:
        read_job(FOLDER / "literals.yml", read_settings(["experimentname=a", "colour=b"]))
    assert "literals.yml (--set)" in raised.value.detail


@pytest.mark.parametrize("text", ["a", "=b", "a b=c", ".a=b"])
def test_what_is_not_a_setting_is_refused(text):
    with pytest.raises(UsageError, match="is not a setting"):
        read_settings([text])


@pytest.mark.parametrize(("text", "said"), [("", "not a map"), ("- a\n", "not a map")])
def test_a_file_that_is_no_map_is_refused(tmp_path, text, said):
    file = tmp_path / "job.yml"
    file.write_text(text)
    with pytest.raises(DefinitionError, match=said):
        read_job(file)


def test_a_file_in_another_encoding_is_refused(tmp_path):
    file = tmp_path / "job.yml"
    file.write_bytes(b"command: \xff\xfe")
    with pytest.raises(DefinitionError, match="cannot be read"):
        read_job(file)
