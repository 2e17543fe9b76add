"""How a PySpark script is submitted: options of spark-submit, here and on a cluster."""

from pathlib import Path

import pytest

from runtime.agent.options import parsed
from runtime.agent.spark import spark_start
from runtime.agent.spark_asked import asked_of
from runtime.agent.starting import LaunchError
from runtime.model.environments import EnvironmentSpec, MavenPackage, SparkPackages
from runtime.model.runs import RunSpec
from runtime.targets.agent_options import agent_options
from runtime.targets.spark_options import here, on_yarn

PACKAGES = SparkPackages(("https://r",), (MavenPackage("g", "a", "1"), MavenPackage("h", "b", "2")))
LOADS = ("--packages", "g:a:1,h:b:2", "--repositories", "https://r")


def spec(**fields):
    return RunSpec("train.py", Path(), framework="PySpark", **fields)


def test_the_agent_understands_what_it_is_asked():
    given = spec(spark={"spark.executor.memory": "1g"})
    options = parsed(["run", *agent_options(given), "--", "python", "train.py"])
    assert asked_of(options.spark).configuration == {"spark.executor.memory": "1g"}
    assert agent_options(RunSpec("", Path(), framework="PySpark", command="ls")) == ()


def test_on_one_machine_the_settings_of_a_cluster_mean_nothing():
    given = {"spark.master": "yarn", "spark.submit.deployMode": "cluster", "spark.app.name": "x"}
    asked = here(spec(spark=given, environment=EnvironmentSpec("conda", conda="", spark=PACKAGES)))
    assert asked.options == ("--master", "local[*]", *LOADS)
    assert (asked.configuration, asked.cluster, asked.yarn) == (
        {"spark.app.name": "x"},
        False,
        False,
    )
    assert here(spec(spark={"spark.master": "local[2]"})).options[:2] == ("--master", "local[2]")


@pytest.mark.parametrize(
    ("given", "mode"), [({}, "cluster"), ({"spark.submit.deployMode": "Client"}, "client")]
)
def test_a_cluster_runs_the_driver_where_it_is_asked_to(given, mode):
    asked = on_yarn(spec(spark=given, variables={"B": "1", "A": "2"}))
    assert asked.options == ("--master", "yarn", "--deploy-mode", mode, "--name", "train.py")
    assert (asked.cluster, asked.yarn, asked.variables) == (mode == "cluster", True, ("A", "B"))
    assert asked.configuration == {"spark.yarn.maxAppAttempts": "1"}


@pytest.mark.parametrize(
    ("of", "path", "said"),
    [
        (here, "", "Spark needs Java, and there is no `java` on PATH"),
        (here, "java", "has no pyspark, and SPARK_HOME names none"),
        (on_yarn, "", "There is no `spark-submit` on PATH"),
    ],
)
def test_what_is_missing_is_said_in_one_line(tmp_path, of, path, said):
    for name in filter(None, [path]):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    with pytest.raises(LaunchError, match=said) as refused:
        spark_start(of(spec()), ["/no/python", "train.py"], {"PATH": str(tmp_path)})
    assert "\n" not in str(refused.value)
