"""The kinds of steps that are more than a script: each runs for real, and is reused."""

import pytest

from aml_platform import (
    Estimator,
    EstimatorStep,
    MpiStep,
    Pipeline,
    PipelineData,
    PipelineParameter,
    PublishedPipeline,
    PythonScriptStep,
    SynapseSparkStep,
)
from tests.runtime.java_parts import require_java
from tests.runtime.mpi_parts import require_mpirun

WRITE = "import sys, pathlib; pathlib.Path(sys.argv[2]).write_text(sys.argv[1])"
READ = "import sys, pathlib; print(pathlib.Path(sys.argv[1]).read_text() + sys.argv[2])"
RANKS = """
import os, pathlib, sys
rank, size = (os.environ[f"OMPI_COMM_WORLD_{each}"] for each in ("RANK", "SIZE"))
folder = pathlib.Path(sys.argv[1])
folder.mkdir(exist_ok=True)
(folder / rank).write_text(size)
"""
GATHER = """
import pathlib, sys
print({each.name: each.read_text() for each in sorted(pathlib.Path(sys.argv[1]).iterdir())})
"""


def logs_of(run, name):
    (step,) = run.find_step_run(name)
    return step.get_details_with_logs()["logFiles"]["user_logs/std_log.txt"]


def reused(run):
    return {each.name for each in run.get_steps() if "azureml.isreused" in each.properties}


def test_an_estimator_is_a_step(workspace, experiment, source):
    folder = str(source(write=WRITE, read=READ))
    text = PipelineData("text")
    write = PythonScriptStep(
        "write.py", arguments=["from the step", text], outputs=[text], source_directory=folder
    )
    estimator = Estimator(folder, compute_target="local", entry_script="read.py")
    read = EstimatorStep(
        "read", estimator, estimator_entry_script_arguments=[text, "!"], inputs=[text]
    )
    for again in (set(), {"write.py", "read"}):
        run = experiment.submit(Pipeline(workspace, [read]))
        run.wait_for_completion(show_output=False)
        assert logs_of(run, "read") == "from the step!\n"
        assert reused(run) == again
    assert write in Pipeline(workspace, [read]).steps


BY_VARIABLE = """
import os, pathlib
pathlib.Path(os.environ["AZUREML_DATAREFERENCE_text"], "a.txt").write_text("by the variable")
"""
LIST = (
    "import sys, pathlib; print([each.read_text() for each in pathlib.Path(sys.argv[1]).iterdir()])"
)


def test_data_may_be_written_to_the_folder_that_the_variable_names(workspace, experiment, source):
    folder = str(source(write=BY_VARIABLE, read=LIST))
    text = PipelineData("text")
    write = PythonScriptStep("write.py", outputs=[text], source_directory=folder)
    read = PythonScriptStep("read.py", arguments=[text], inputs=[text], source_directory=folder)
    run = experiment.submit(Pipeline(workspace, [write, read]))
    run.wait_for_completion(show_output=False)
    assert logs_of(run, "read.py") == "['by the variable']\n"


@pytest.mark.needs_mpi
def test_a_step_of_mpi_starts_its_ranks(workspace, experiment, source):
    require_mpirun()
    folder = str(source(ranks=RANKS, gather=GATHER))
    made = PipelineData("made")
    MpiStep(
        "ranks", source_directory=folder, script_name="ranks.py", arguments=[made],
        compute_target="local", node_count=1, process_count_per_node=2, outputs=[made],
    )  # fmt: skip
    gather = PythonScriptStep("gather.py", arguments=[made], inputs=[made], source_directory=folder)
    run = experiment.submit(Pipeline(workspace, [gather]))
    run.wait_for_completion(show_output=False)
    assert logs_of(run, "gather.py") == "{'0': '2', '1': '2'}\n"


def test_a_run_is_published_with_its_code_and_open_parameters(workspace, experiment, source):
    folder = source(read=READ)
    (folder / "a.txt").write_text("a")
    word = PipelineParameter("word", "one")
    step = PythonScriptStep("read.py", arguments=["a.txt", word], source_directory=str(folder))
    first = experiment.submit(Pipeline(workspace, [step]), pipeline_parameters={"word": "two"})
    first.wait_for_completion(show_output=False)
    assert logs_of(first, "read.py") == "atwo\n"
    published = first.publish_pipeline("reads", "reads a text", "1.0")
    (folder / "a.txt").write_text("b")
    known = PublishedPipeline.get(workspace, published.id)
    assert (known.name, known.description, known.version) == ("reads", "reads a text", "1.0")
    later = known.submit(workspace, "later", pipeline_parameters={"word": "three"})
    later.wait_for_completion(show_output=False)
    assert logs_of(later, "read.py") == "athree\n"


SPARK = """
import sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
rows = spark.createDataFrame([(1,), (2,), (int(sys.argv[1]),)], ["n"])
total = rows.groupBy().sum("n").collect()[0][0]
print("total", total, spark.conf.get("spark.executor.memory"), spark.sparkContext.appName)
print(spark.conf.get("spark.submit.pyFiles"))
"""
DEPENDENCIES = "dependencies: [pip, {pip: [pyspark>=3.5]}]\n"


@pytest.mark.needs_java
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_step_of_spark_is_submitted_to_spark(workspace, experiment, source):
    require_java()
    folder = source(sums=SPARK)
    (folder / "conda_dependencies.yml").write_text(DEPENDENCIES)
    (folder / "words.py").write_text("WORD = 'from a file of Spark'")
    step = SynapseSparkStep(
        "sums.py", str(folder), "local", "512m", 1, "512m", 1, 1, name="spark", arguments=["3"],
        app_name="sums", py_files=["words.py"],
    )  # fmt: skip
    run = experiment.submit(Pipeline(workspace, [step]))
    run.wait_for_completion(show_output=False)
    assert "total 6 512m sums\n" in logs_of(run, "spark")
    assert "words.py\n" in logs_of(run, "spark")
