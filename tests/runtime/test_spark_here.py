"""PySpark scripts where this machine has no Spark: refused before they run."""

from dataclasses import replace
from pathlib import Path

import pytest

from infra.contract.errors import DefinitionError
from runtime.environments.locking import lock
from runtime.model.environments import EnvironmentSpec
from runtime.model.runs import RunSpec
from runtime.model.states import RunState
from runtime.submit.spark_here import check_spark
from runtime.targets.local import LocalTarget
from runtime.testing.targets import a_run, poll
from tests.runtime.hosts import until

SPEC = RunSpec(
    "train.py", Path(), framework="PySpark", origins={"framework": "x.runconfig:2"}, target="local"
)


def program(folder, name):
    file = folder / "bin" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("#!/bin/sh\n", encoding="utf-8")
    file.chmod(0o755)
    return str(file.parent)


@pytest.fixture
def with_java(tmp_path):
    return {"PATH": program(tmp_path / "java", "java")}


def pip(*lines):
    return lock(EnvironmentSpec("pip", requirements="\n".join(lines)))


@pytest.mark.parametrize(
    ("locked", "where"), [(None, "python has no pyspark"), (pip("six"), "run's environment has no")]
)
def test_a_script_without_spark_is_refused_with_what_to_install(with_java, locked, where):
    with pytest.raises(DefinitionError) as caught:
        check_spark(SPEC, locked, with_java)
    assert where in caught.value.detail
    assert "Add `pyspark`" in caught.value.remedy
    assert caught.value.at == "x.runconfig:2"


def test_a_script_without_java_is_refused(tmp_path):
    with pytest.raises(DefinitionError, match="no `java` on PATH"):
        check_spark(SPEC, pip("pyspark"), {"PATH": str(tmp_path)})


@pytest.mark.parametrize("line", ["pyspark==4.0.0", "delta-spark", "git+https://github.com/a/b"])
def test_packages_that_may_bring_spark_are_installed_first(with_java, line):
    check_spark(SPEC, pip("six", line), with_java)


@pytest.mark.parametrize("variable", ["SPARK_HOME", "PATH"])
def test_this_machines_spark_will_do(tmp_path, with_java, variable):
    folder = program(tmp_path / "spark", "spark-submit")
    home = f"{with_java['PATH']}:{folder}" if variable == "PATH" else str(tmp_path / "spark")
    check_spark(SPEC, None, {**with_java, variable: home})
    check_spark(replace(SPEC, variables={**with_java, variable: home}), None, {})


def test_a_run_whose_packages_brought_no_spark_fails_before_its_script(tmp_path):
    run = a_run(tmp_path, "print('ran')", environment=EnvironmentSpec("user_managed"))
    run = replace(run, spec=replace(run.spec, framework="PySpark", target="local"))
    target = LocalTarget(tmp_path / "home")
    handle = target.launch(run)
    until(lambda: poll(target, handle).state.final, 60)
    status = poll(target, handle)
    assert status.state is RunState.FAILED
    assert "Spark" in status.error
    assert not any("ran" in chunk.text for chunk in target.logs(handle, {}))
