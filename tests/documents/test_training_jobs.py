"""A page about what happens to a training job: only that line of it can be typed."""

PAGE = "training_jobs"
TRAINS = """\
import os, sys
print(sys.argv, sorted(os.listdir()))
os.makedirs("outputs", exist_ok=True)
open("outputs/model.txt", "w").close()
"""
SUBMITS = """\
from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace
ws = Workspace.from_config()
src = ScriptRunConfig(source_directory='src', script='train.py', arguments=['--rate', 0.5],
                      compute_target='cpu', environment=Environment('plain'))
run = Experiment(ws, 'jobs').submit(src)
run.wait_for_completion(show_output=True)
print([name for name in run.get_file_names() if name.startswith('outputs')])
"""


def test_the_nodes_run_the_script_without_the_files_that_are_ignored(page):
    ran = page.text(
        "01_on_the_node.sh", {"<entry script>": "train.py", "<arguments>": "--rate 0.5"}
    )
    page.write("src/train.py", TRAINS)
    page.write("src/.amlignore", "data\n")
    page.write("src/data/big.csv", "")
    out = page.runs(before=SUBMITS)
    assert f"{ran.split()[1:]} ['.amlignore', " in out
    assert "'data'" not in out
    assert out.endswith("['outputs/model.txt']\n")
