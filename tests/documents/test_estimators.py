"""A page about training with estimators: on one node, and on several with an image of one's own."""

import pytest

from tests.runtime.mpi_parts import require_mpirun

PAGE = "estimators"
SKLEARN = """\
import argparse, os, sys
import scikit_learn
parser = argparse.ArgumentParser()
parser.add_argument("--data-folder")
parser.add_argument("--regularization", type=float)
args = parser.parse_args()
print("data", sorted(os.listdir(args.data_folder)), args.regularization)
os.makedirs("outputs", exist_ok=True)
with open("outputs/my_output_file", "w") as sink:
    sink.write(scikit_learn.__version__)
"""
CNTK = """\
import os
import cntk
rank, size = os.environ["OMPI_COMM_WORLD_RANK"], os.environ["OMPI_COMM_WORLD_SIZE"]
print("rank", rank, "of", size, "with", cntk.__version__)
"""
BEFORE = """\
from azureml.core import Experiment, Workspace
from azureml.core.compute import ComputeTarget
ws = Workspace.from_config()
experiment = Experiment(ws, 'estimators')
compute_target = ComputeTarget(ws, 'cpu')
"""
STORE = BEFORE + "ds = ws.get_default_datastore()\nds.upload_files(['iris.csv'])\n"


@pytest.fixture
def projects(page):
    """Return the page with the folders that its estimators name, and data to upload."""
    page.write("my-sklearn-proj/train.py", SKLEARN)
    page.write("my-cntk-proj/train.py", CNTK)
    page.write("iris.csv", "1,2\n")
    return page


def test_an_estimator_of_scikit_learn_trains_on_the_cluster(projects):
    out = projects.runs(
        "01_sklearn_estimator.py",
        "02_submit_sklearn.py",
        before=STORE,
        after="run.wait_for_completion(show_output=True)\n"
        + projects.text("05_download_file.py")
        + "print(run.get_details().status, run.get_details()['status'])",
    )
    assert "data ['iris.csv'] 0.8\n" in out
    assert out.endswith("Completed Completed\n")
    downloaded = projects.project.root / "my_destination_path"
    assert downloaded.read_text(encoding="utf-8") == "1.0"


def test_an_estimator_of_several_nodes_can_be_made(projects):
    out = projects.runs(
        "03_cntk_estimator.py",
        before=BEFORE,
        after="config = estimator.run_config\n"
        "print(config.node_count, config.communicator, config.mpi.process_count_per_node,\n"
        "      config.environment.docker.base_image,\n"
        "      *config.environment.python.conda_dependencies.pip_packages)",
    )
    assert out.startswith("2 IntelMpi 1 microsoft/mmlspark:0.12 ")
    assert "cntk==2.5.1" in out.split()


@pytest.mark.needs_mpi
def test_an_estimator_of_several_nodes_trains_with_mpi(projects):
    require_mpirun()
    out = projects.runs(
        "03_cntk_estimator.py",
        before=BEFORE,
        after="cntk_est = estimator\n"
        + projects.text("04_submit_cntk.py")
        + "\nrun.wait_for_completion()\nprint(run.status)\n"
        "logs = run.get_details_with_logs()['logFiles']\n"
        "print(*(text for name, text in sorted(logs.items()) if 'std_log' in name), sep='')\n",
    )
    assert out.splitlines() == [
        "Completed", "rank 0 of 2 with 2.5.1", "rank 1 of 2 with 2.5.1", "",
    ]  # fmt: skip
