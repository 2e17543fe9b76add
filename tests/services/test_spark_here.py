"""PySpark scripts on this machine: submitted to its own cores, and started again when they fail."""

from dataclasses import replace

import pytest

from runtime.model.environments import EnvironmentSpec
from runtime.model.launching import RetryPolicy
from runtime.model.states import RunState
from runtime.targets.local import LocalTarget
from runtime.testing.targets import a_run, poll
from tests.runtime.hosts import until

pytestmark = [pytest.mark.needs_java, pytest.mark.slow]

SCRIPT = """\
import pathlib
import sys

from azureml.core import Run
from pyspark.sql import SparkSession

import doubling

spark = SparkSession.builder.getOrCreate()
mark = pathlib.Path("outputs/tried")
if not mark.exists():
    mark.touch()
    sys.exit(3)
total = spark.sparkContext.parallelize(range(10), 2).map(doubling.double).sum()
Run.get_context().log("total", total)
print(total, spark.sparkContext.master, spark.conf.get("spark.wish"))
"""


def test_a_script_takes_this_machine_s_spark_and_is_started_again(tmp_path, spark_python):
    run = a_run(
        tmp_path,
        SCRIPT,
        files={"doubling.py": "def double(number):\n    return 2 * number\n"},
        environment=EnvironmentSpec("user_managed", interpreter=str(spark_python)),
    )
    asked = {"spark.wish": "granted", "spark.master": "yarn", "spark.submit.deployMode": "cluster"}
    spec = replace(run.spec, framework="PySpark", spark=asked, retry=RetryPolicy(1, (3,)))
    target = LocalTarget(tmp_path / "home")
    handle = target.launch(replace(run, spec=spec))
    until(lambda: poll(target, handle).state.final, 400)
    status = poll(target, handle)
    assert status.state is RunState.COMPLETED, status.error
    text = "".join(c.text for c in target.logs(handle, {}) if c.name == "user_logs/std_log.txt")
    assert "90 local[*] granted\n" in text
    assert [e.data["value"] for e in status.events if e.kind == "metric"] == [90]
