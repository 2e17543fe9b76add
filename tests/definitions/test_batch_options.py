"""The options of Azure Batch are read alike from files, the command line and Python."""

import pytest

from infra.contract.errors import DefinitionError, UsageError
from runtime.api.script_run_config import ScriptRunConfig
from runtime.definitions.batch_options import FIELDS, given_batch_options
from runtime.definitions.job import read_job
from runtime.definitions.runconfig import read_run_configuration
from runtime.model.services import BatchOptions

GIVEN = "batch:\n  pool: p\n  nodes: 3\n  low_priority: true\n"
EXPECTED = BatchOptions("p", nodes=3, low_priority=True)


def test_files_the_command_line_and_python_give_the_same(tmp_path):
    (tmp_path / "a.py").touch()
    job, configuration = tmp_path / "job.yml", tmp_path / "x.runconfig"
    job.write_text(f"command: python a.py\ncode: .\ncompute: azureml:nodes\n{GIVEN}")
    configuration.write_text(f"script: a.py\nenvironment: {{}}\n{GIVEN}")
    assert read_job(job).spec.batch == EXPECTED
    assert read_run_configuration(configuration, tmp_path).batch == EXPECTED
    texts = ("pool=p", "nodes=3", "low_priority=true")
    assert given_batch_options(texts, None) == EXPECTED
    assert given_batch_options(texts[1:], BatchOptions("p")) == EXPECTED
    config = ScriptRunConfig(str(tmp_path), "a.py")
    config.batch = {"pool": "p", "nodes": 3, "low_priority": True}
    assert config.batch.keys() <= FIELDS.keys()


def test_what_is_wrong_has_its_line_and_what_to_do(tmp_path):
    job = tmp_path / "job.yml"
    job.write_text("command: a\ncode: .\nbatch:\n  pol: p\n  nodes: 0\n")
    with pytest.raises(DefinitionError) as wrong:
        read_job(job)
    assert ":4: There is no option 'pol'. Did you mean 'pool'?" in wrong.value.detail
    assert ":5: `nodes` is 0." in wrong.value.detail
    with pytest.raises(UsageError, match="`as_admin` is 'perhaps'"):
        given_batch_options(("as_admin=perhaps",), None)
