"""Problems of conda documents within other files have the lines of these."""

import pytest

from aml_platform import RunConfiguration
from infra.contract.errors import DefinitionError
from runtime.definitions.inline_conda import inline_conda
from runtime.definitions.job import read_job
from runtime.definitions.runconfig import find_run_configuration
from runtime.environments.locking import lock

CONFIGURATION = """\
script: train.py
environment:
  python:
    condaDependencies:

      # what is needed
      dependencies:
      - python=3.11
      - nosuchconda
      - pip:
        - requests
  docker: {enabled: false}
"""
JOB = """\
command: echo
environment:
  image: an-image
  conda_file:
    dependencies:
    - python=3.11
    - nosuchconda
compute: local
"""


def test_a_run_configuration(tmp_path):
    file = tmp_path / "x.runconfig"
    file.write_text(CONFIGURATION)
    environment = find_run_configuration(str(file), tmp_path).environment
    with pytest.raises(DefinitionError, match=r"nosuchconda \(line 9\)") as refused:
        lock(environment)
    assert refused.value.at == str(file)


def test_a_run_configuration_that_is_loaded_in_python(tmp_path):
    file = tmp_path / "x.runconfig"
    file.write_text(CONFIGURATION)
    config = RunConfiguration.load(file)
    with pytest.raises(DefinitionError, match=r"nosuchconda \(line 9\)"):
        lock(config.environment.spec())
    config.environment.python.conda_dependencies.remove_conda_package("nosuchconda")
    assert "nosuchconda" not in config.environment.spec().conda


def test_a_job(tmp_path):
    file = tmp_path / "job.yml"
    file.write_text(JOB)
    with pytest.raises(DefinitionError, match=r"nosuchconda \(line 7\)"):
        lock(read_job(file).spec.environment)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("conda_file: {dependencies: [a, b]}\n", 1),
        ("{conda_file:\n  {dependencies:\n    [a, b]}}\n", 1),
        ("conda_file:\n  dependencies: &x [a, c]\n", 1),
        ("", -1),
    ],
    ids=["in brackets", "json", "another document", "an option"],
)
def test_what_is_no_block_of_its_own_is_written_anew(tmp_path, text, line):
    file = tmp_path / "job.yml"
    file.write_text(text)
    written, above = inline_conda(file, line, {"dependencies": ["a", "b"]})
    assert (written, above) == ("dependencies:\n- a\n- b\n", 0)
