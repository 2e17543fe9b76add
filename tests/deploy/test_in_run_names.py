"""The names of ``azureml`` inside a run: each one of a table is used by a run on this machine."""

import json
from pathlib import Path

import pytest

TABLE = Path(__file__).with_name("in_run_names.txt")
PAGE = Path(__file__).parents[2] / "docs" / "azureml-in-a-run.md"
SETUP = """\
import json, os, sys
import azureml.core
from azureml.core import Dataset, Datastore, Environment, Experiment, Keyvault, Model, Run
from azureml.core import ComputeTarget, RunConfiguration, ScriptRunConfig, Webservice, Workspace
from azureml.core.authentication import AzureCliAuthentication, InteractiveLoginAuthentication
from azureml.core.authentication import MsiAuthentication, ServicePrincipalAuthentication
from azureml.core.compute import AmlCompute
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.model import InferenceConfig
from azureml.core.resource_configuration import ResourceConfiguration
from azureml.core.run import _OfflineRun
from azureml.data.datapath import DataPath
from azureml.data.dataset_error_handling import DatasetValidationError
from azureml.exceptions import UserErrorException
import numpy as np
import pandas as pd

CSV = "x,y\\n1,2\\n3,4\\n"
class Plot:
    def savefig(self, sink, format): sink.write(b"a picture")
def raises(kind, call):
    try: call()
    except kind: return
    raise AssertionError("not raised")
def refuses(call):
    try: call()
    except NotImplementedError as error: assert "not offered" in str(error)
    except UserErrorException as error: assert "not available" in str(error)
    else: raise AssertionError("not refused")
plot = Plot()
os.environ["AML_INPUT_DATASETS"] = json.dumps({"files": os.getcwd()})
os.environ["AML_SECRET_DB_PASSWORD"] = "hidden"
os.makedirs("data")
for name, text in {"data/a.csv": CSV, "outputs/model.txt": "weights", "outputs/chart.png": "png",
                   "env.yml": "name: e\\ndependencies:\\n- python=3.8\\n- numpy\\n"}.items():
    with open(name, "w") as sink: sink.write(text)
frame = pd.DataFrame({"x": [1]})
run = Run.get_context()
child = run.child_run()
ws = run.experiment.workspace
store = ws.get_default_datastore()
store.upload("data", target_path="table", overwrite=True, show_progress=False)
table = Dataset.Tabular.from_delimited_files((store, "table/a.csv")).register(ws, "table")
model = Model.register(ws, "outputs/model.txt", "model", tags={"a": "b"}, properties={"p": "q"},
                       description="a model")
failed = {}
for line in open("names.txt"):
    name, _, statement = line.rstrip("\\n").partition("|")
    code = statement.strip()
    if code.startswith("refuses: "): code = "refuses(lambda: %s)" % code[len("refuses: "):]
    try: exec(code)
    except BaseException as error: failed[name.strip()] = repr(error)
failed["tried"] = sum(1 for _ in open("names.txt"))
print("FAILED " + json.dumps(failed))
"""


def names():
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line and not line.startswith("#")]
    return {row.partition("|")[0].strip(): row.partition("|")[2].strip() for row in rows}


def test_every_name_of_the_table_does_what_it_is_for(deployed):
    rows = names()
    (deployed.root / "names.txt").write_text("".join(f"{k}|{v}\n" for k, v in rows.items()))
    (deployed.root / "train.py").write_text(SETUP, encoding="utf-8")
    said = deployed.good("submit", "--tag", "team=ml", "train.py", "--alpha", "0.5")
    failed = json.loads(said.out.rpartition("FAILED ")[2])
    assert failed == {"tried": len(rows)}


@pytest.mark.parametrize("name", names())
def test_the_page_names_it(name):
    text = PAGE.read_text(encoding="utf-8").partition("## Names")[2]
    assert f"`{name}`" in text
