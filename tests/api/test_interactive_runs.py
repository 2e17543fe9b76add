"""Runs that this process logs itself: `Experiment.start_logging`."""

import subprocess
import sys
from pathlib import Path

import pytest

from aml_platform import Run, UserErrorException

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(experiment):
    return experiment.start_logging(snapshot_directory=None, display_name="first")


def test_it_runs_until_it_is_completed(run):
    assert (run.get_status(), run.type, run.name) == ("Running", "azureml.sdkrun", "first")
    run.complete()
    assert run.get_status() == "Completed"
    run.fail("too late")
    assert run.status == "Completed"


def test_it_is_completed_or_failed_by_a_with_block(experiment):
    with experiment.start_logging(snapshot_directory=None) as good:
        good.log("a", 1)
    with pytest.raises(KeyError), experiment.start_logging(snapshot_directory=None) as bad:
        raise KeyError("lost")
    assert (good.status, bad.status) == ("Completed", "Failed")
    assert "lost" in bad.get_details()["error"]["error"]["message"]


def test_every_kind_of_metric_comes_back(run, tmp_path):
    (tmp_path / "p.png").write_bytes(b"png")
    run.log("accuracy", 0.5)
    run.log("losses", 3)
    run.log("losses", 2.5, step=1)
    run.log("nan", float("nan"))
    run.log_list("list", [1, 2])
    run.log_row("row", x=1, y=2)
    run.log_row("rows", x=1)
    run.log_row("rows", x=2)
    run.log_table("table", {"a": [1, 2]})
    run.log_image("image", path=tmp_path / "p.png")
    run.log_confusion_matrix("matrix", {"schema_type": "confusion_matrix", "data": {"m": [[1]]}})
    logged = run.get_metrics()
    assert str(logged.pop("nan")) == "nan"
    assert logged.pop("image") in run.get_file_names()
    assert logged.pop("matrix")["data"] == {"m": [[1]]}
    assert logged == {
        "accuracy": 0.5,
        "losses": [3, 2.5],
        "list": [1, 2],
        "row": {"x": 1, "y": 2},
        "rows": {"x": [1, 2]},
        "table": {"a": [1, 2]},
    }


def test_numbers_of_numpy_are_numbers(run):
    numpy = pytest.importorskip("numpy")
    run.log("a", numpy.float32(0.5))
    run.log_list("b", numpy.arange(2))
    assert run.get_metrics() == {"a": 0.5, "b": [0, 1]}
    with pytest.raises(UserErrorException, match="Log a number or a string"):
        run.log("c", [1])


def test_a_figure_is_an_image(run):
    class Figure:
        def savefig(self, sink, **_):
            sink.write(b"drawn")

    run.log_image("roc", plot=Figure())
    assert run.download_file(run.get_metrics("roc")["roc"]).read_bytes() == b"drawn"
    with pytest.raises(UserErrorException, match="type int, which has no savefig"):
        run.log_image("roc", plot=3)


def test_files_are_there_at_once_and_kept(run, tmp_path):
    (tmp_path / "m.txt").write_text("m")
    run.upload_file("outputs/m.txt", tmp_path / "m.txt")
    assert run.get_file_names() == ["outputs/m.txt"]
    run.complete()
    assert run.get_file_names() == ["outputs/m.txt"]
    with pytest.raises(UserErrorException, match="not a name"):
        run.upload_file("../m.txt", tmp_path / "m.txt")


def test_the_code_and_the_outputs_are_kept(experiment, tmp_path):
    for name in ("code", "results"):
        (tmp_path / name).mkdir()
    (tmp_path / "code/a.py").write_text("1")
    (tmp_path / "results/r.txt").write_text("r")
    with experiment.start_logging(tmp_path / "results", tmp_path / "code") as run:
        pass
    assert run.get_file_names() == ["outputs/r.txt"]
    assert Path(run.restore_snapshot(path=tmp_path / "back"), "a.py").read_text() == "1"


def test_children_are_below_their_parent(run, experiment):
    child = run.child_run("fold-0")
    child.log("A", 2)
    run.log("A", 1)
    grandchild = child.child_run()
    assert [each.id for each in run.get_children()] == [child.id]
    assert [each.id for each in run.get_children(recursive=True)] == [child.id, grandchild.id]
    assert (child.parent.id, child.name, run.parent) == (run.id, "fold-0", None)
    assert run.get_metrics(recursive=True) == {
        run.id: {"A": 1},
        child.id: {"A": 2},
        grandchild.id: {},
    }
    assert [each.id for each in experiment.get_runs()] == [run.id]
    assert len(list(experiment.get_runs(include_children=True))) == 3


def test_several_children_at_once(run):
    children = run.create_children(tag_key="fold", tag_values=["a", "b"])
    assert [child.tags for child in children] == [{"fold": "a"}, {"fold": "b"}]
    with pytest.raises(UserErrorException, match="Between 1 and 100"):
        run.create_children(101)


def test_one_that_is_canceled_stays_canceled(run):
    run.cancel()
    assert run.get_status() == "Canceled"
    run.complete()
    assert run.get_status() == "Canceled"


def test_one_whose_process_is_gone_has_failed(workspace, home):
    program = (
        "from aml_platform import Experiment, Workspace\n"
        "run = Experiment(Workspace.from_config(), 'e').start_logging(snapshot_directory=None)\n"
        "print(run.id)"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True,
        env={"AML_HOME": str(home), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    run = Run.get(workspace, said.stdout.strip())
    assert run.get_status() == "Failed"
    assert "without `run.complete()`" in run.get_details()["error"]["error"]["message"]


def test_outside_a_run_the_context_prints(capsys):
    context = Run.get_context()
    context.log("accuracy", 0.5)
    assert capsys.readouterr().out == "Attempted to log scalar metric accuracy:\n0.5\n"
    assert context.id.startswith("OfflineRun_")
    assert not hasattr(context, "experiment")
