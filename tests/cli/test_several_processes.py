"""What a person sees of a run of several processes: each line once."""

SCRIPT = """
import os
print("line of", os.environ["RANK"], flush=True)
"""
CONFIGURATION = """\
script: train.py
target: local
communicator: Gloo
pytorch: {processCount: 2}
environment: {python: {userManagedDependencies: true}}
"""


def test_each_line_of_each_rank_is_shown_once(desk):
    (desk.root / "train.py").write_text(SCRIPT)
    folder = desk.root / ".azureml"
    folder.mkdir(exist_ok=True)
    (folder / "two.runconfig").write_text(CONFIGURATION)
    watched = desk.aml("submit", "-c", "two")
    assert watched.code == 0, watched.err
    again = desk.aml("run", "logs", "last")
    for shown in (watched.out + watched.err, again.out + again.err):
        assert [shown.count(f"line of {rank}") for rank in (0, 1)] == [1, 1]
    everything = desk.aml("run", "logs", "last", "--json")
    assert everything.out.count("line of 1") == 2
