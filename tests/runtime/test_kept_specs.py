"""What is kept of a submission: everything that is no secret, and nothing that may be one."""

from dataclasses import replace
from pathlib import Path

import pytest

from infra.contract.errors import UsageError
from runtime.model.data import DataInput, DataLocation, DataOutput
from runtime.model.environments import EnvironmentSpec, ImageSpec, MavenPackage, SparkPackages
from runtime.model.launching import Distribution, DockerOptions
from runtime.model.runs import RunSpec
from runtime.submit.kept_specs import keep_spec, kept_spec, with_values

SPEC = RunSpec(
    "train.py",
    Path("/src"),
    experiment="exp",
    environment=EnvironmentSpec(
        "conda",
        conda="dependencies: [numpy]",
        image=ImageSpec("base:1"),
        spark=SparkPackages(("https://example.org",), (MavenPackage("g", "a", "1"),)),
    ),
    node_count=2,
    tags={"a": "b"},
    distribution=Distribution("mpi", 2),
    docker=DockerOptions(arguments=("--shm-size", "2g")),
    spark={"spark.executor.cores": "2"},
    inputs=(DataInput("data", DataLocation("url", "https://example.org/x.csv")),),
    outputs=(DataOutput("model", registered_as="m"),),
    origins={"script": "run.runconfig:3"},
)


def test_a_run_is_read_back_as_it_was_submitted(tmp_path):
    keep_spec(tmp_path, "exp_1_00000000", SPEC)
    assert kept_spec(tmp_path, "exp_1_00000000") == SPEC


DOCKER = ("-e", "A=planted-a", "--env", "B=planted-b", "-eC=planted-c", "--env=D=planted-d")
SECRET = replace(
    SPEC,
    arguments=("--key", "planted-argument"),
    command="run planted-command",
    variables={"TOKEN": "planted-variable"},
    environment=replace(
        SPEC.environment,
        conda="dependencies: [{pip: ['-i https://u:planted-index@example.org/']}]",
        variables={"KEY": "planted-key"},
    ),
    docker=DockerOptions(arguments=DOCKER),
    inputs=(DataInput("data", DataLocation("url", "https://example.org/x?sig=planted-sig")),),
)


def test_nothing_that_may_be_secret_is_kept(tmp_path):
    keep_spec(tmp_path, "r", SECRET)
    text = (tmp_path / "specs/r.json").read_text()
    assert "planted" not in text
    assert [name for name in ("TOKEN", "KEY", "-eC", "--env=D") if name not in text] == []


def test_the_file_is_closed_to_others(tmp_path):
    keep_spec(tmp_path, "r", SPEC)
    assert (tmp_path / "specs/r.json").stat().st_mode & 0o077 == 0


def kept(tmp_path, **changes):
    keep_spec(tmp_path, "r", replace(SPEC, **changes))
    return kept_spec(tmp_path, "r")


def test_values_come_from_those_given_then_from_the_shell(tmp_path):
    spec = kept(tmp_path, variables={"A": "1", "B": "2"})
    filled = with_values(spec, {"A": "given"}, {"A": "shell", "B": "shell", "C": "shell"})
    assert filled.variables == {"A": "given", "B": "shell"}


def test_what_azureml_core_writes_into_every_file_needs_no_value(tmp_path):
    spec = kept(tmp_path, variables={"EXAMPLE_ENV_VAR": "EXAMPLE_VALUE"})
    assert with_values(spec, {}, {}).variables == {"EXAMPLE_ENV_VAR": "EXAMPLE_VALUE"}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"variables": {"A": "1", "B": "2"}}, "A, B"),
        ({"docker": DockerOptions(arguments=("-e", "A=1"))}, "A=***"),
        ({"inputs": SECRET.inputs}, "https://example.org/x?sig=***"),
    ],
)
def test_what_is_not_kept_is_asked_for_by_name(tmp_path, changes, named):
    with pytest.raises(UsageError) as refused:
        with_values(kept(tmp_path, **changes), {}, {})
    assert named in refused.value.detail


def test_a_run_that_is_not_kept_says_so(tmp_path):
    with pytest.raises(UsageError, match="is not kept here"):
        kept_spec(tmp_path, "r")
