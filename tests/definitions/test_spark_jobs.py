"""Spark jobs of CLI v2: a PySpark script with its arguments, or every problem at once."""

import pytest

from infra.contract.errors import DefinitionError
from runtime.definitions.job_spark import read_spark_job
from runtime.model.data import DataInput, DataLocation

JOB = """\
$schema: http://azureml/sdk-2-0/SparkJob.json
type: spark
name: titanic-1
code: ./src
entry: {file: titanic.py}
conf: {spark.driver.cores: 1, spark.dynamicAllocation.enabled: true}
py_files: [helpers.py, more.zip]
jars: [wasbs://c@a.example/x.jar]
inputs:
  a: {type: uri_file, path: data.csv, mode: direct}
  rate: 0.1
  seed: {type: integer, optional: true}
outputs: {kept: {type: uri_folder}}
args: >-
  --a ${{inputs.a}} --rate ${{inputs.rate}} --text 'two words' $[[--seed ${{inputs.seed}}]]
  --to ${{outputs.kept}}
environment: {conda_file: conda.yml}
resources: {instance_type: standard_e4s_v3, runtime_version: "3.3"}
identity: {type: managed}
limits: {timeout: 60}
compute: azureml:hdi
"""
FILES = ("src/titanic.py", "src/helpers.py", "src/more.zip", "data.csv", "conda.yml")


@pytest.fixture
def read(tmp_path):
    """Return a function that reads a job whose files are beside it."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("dependencies: [python=3.11]\n")

    def reading(text):
        (tmp_path / "job.yml").write_text(text)
        return read_spark_job(tmp_path / "job.yml")

    return reading


def test_it_is_a_run_of_a_pyspark_script(read, tmp_path):
    job = read(JOB)
    spec = job.spec
    assert (job.target, job.name, spec.framework, spec.script) == (
        "hdi",
        "titanic-1",
        "PySpark",
        "titanic.py",
    )
    assert spec.source_directory == tmp_path / "src"
    assert spec.arguments == (
        *("--a", "${AZUREML_DATAREFERENCE_a}", "--rate", "0.1", "--text", "two words"),
        *("--to", "${AZUREML_DATAREFERENCE_kept}"),
    )
    assert spec.spark == {
        "spark.driver.cores": "1",
        "spark.dynamicAllocation.enabled": "true",
        "spark.submit.pyFiles": "helpers.py,more.zip",
        "spark.jars": "wasbs://c@a.example/x.jar",
    }
    assert spec.inputs == (
        DataInput("a", DataLocation("local", str(tmp_path / "data.csv")), "direct"),
    )
    assert (spec.max_duration_s, spec.command, spec.environment.kind) == (60, "", "conda")
    assert spec.origins["script"].endswith("job.yml:5")
    assert spec.origins["spark"].endswith("job.yml:7")


def test_what_has_no_effect_is_named(read):
    unused = [each.path for each in read(JOB).unused if each.path != "$schema"]
    assert unused == ["resources.instance_type", "resources.runtime_version", "identity"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("args:", "arg:", "A Spark job has no key `arg`. Did you mean `args`?"),
        ("conda_file", "conda_fil", "A Spark job has no key `environment.conda_fil`."),
        ("file: titanic.py", "file: titanik.py", "There is no script 'titanik.py' in `code`."),
        ("entry: {file: titanic.py}\n", "", "The job has no script. Write `entry:"),
        ("{file: titanic.py}", "{class_name: a.B}", "the class of a jar runs in a Databricks"),
        ("code: ./src\n", "", "The script titanic.py has no folder. Write its folder"),
        ("'two words'", "'two words", "`args` has a quote without its end."),
        ("inputs.a}}", "inputs.aa}}", "The job does not declare `inputs.aa`."),
        ("helpers.py, ", "helper.py, ", "There is no file 'helper.py' in `code`."),
        ("spark.driver.cores: 1", "spark.driver.cores: [1]", "`conf.spark.driver.cores` is no"),
        ("type: spark\n", "type: command\n", "`type` is 'command'. Write `type: spark`."),
    ],
)
def test_its_problems_name_what_to_write(read, old, new, expected):
    with pytest.raises(DefinitionError) as raised:
        read(JOB.replace(old, new))
    assert expected in f"{raised.value.detail} {raised.value.remedy}"


def test_all_problems_are_told_at_once(read):
    with pytest.raises(DefinitionError) as raised:
        read(JOB.replace("args:", "arg:").replace("titanic.py", "b.py").replace("helpers", "x"))
    assert len(raised.value.detail.splitlines()) == 4
