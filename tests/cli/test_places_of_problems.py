"""Problems of a pipeline job of several files: each with the file and the line that it is on."""

import pytest

COMPONENT = """\
type: command
inputs: {raw: {type: uri_folder}}
outputs: {out: {type: uri_folder}}
environment: {conda_file: own.yml}
command: cp ${{inputs.raw}}/x ${{outputs.out}} ${{inputs.nothing}}
"""
JOB = """\
type: pipeline
settings: {default_compute: local}
jobs:
  first:
    component: parts/part.yml
    code: absent
    environment_variables: {"not a name": x}
    inputs: {raw: {type: uri_folder, path: nowhere}}
"""
INNER = """\
type: pipeline
outputs: {made: {type: uri_folder}}
jobs:
  deep:
    command: cat here/x ${{inputs.it}}
    code: ./here
    inputs: {it: {type: uri_folder, path: data}}
  wrong:
    command: ls
    code: missing
"""


@pytest.fixture
def folders(desk):
    (desk.root / "parts" / "here").mkdir(parents=True)
    (desk.root / "parts" / "data").mkdir()
    (desk.root / "parts" / "part.yml").write_text(COMPONENT)
    return desk.root


def problems(desk, text):
    (desk.root / "job.yml").write_text(text)
    answer = desk.aml("pipeline", "validate", desk.root / "job.yml")
    assert answer.code == 2, answer.err
    lines = [line.strip() for line in answer.err.splitlines()]
    return [line.removeprefix(f"{desk.root}/") for line in lines if line.startswith("/")]


def test_what_a_step_overrides_is_on_its_own_line_and_the_rest_on_its_components(desk, folders):
    found = problems(desk, JOB)
    for text in (
        "job.yml:6: There is no folder 'absent'.",
        "job.yml:7: 'not a name' is not a variable",
        "job.yml:8: There is no file or folder 'nowhere' beside the job.",
        "parts/part.yml:4: There is no conda file 'own.yml'.",
        "parts/part.yml:5: The job does not declare `inputs.nothing`.",
    ):
        assert any(line.startswith(text) for line in found), (text, found)


def test_paths_that_a_step_gives_to_its_component_are_relative_to_the_jobs_file(desk, folders):
    (folders / "src").mkdir()
    (folders / "nowhere").mkdir()
    (folders / "conda.yml").write_text("dependencies: [python=3.11]\n")
    given = JOB.replace("absent", "src").replace("{raw: {", "{raw: {mode: download, ")
    given = given.replace('environment_variables: {"not a name": x}', "environment: ./env.yml")
    (folders / "env.yml").write_text("name: e\nconda_file: conda.yml\n")
    (folders / "parts" / "part.yml").write_text(COMPONENT.replace(" ${{inputs.nothing}}", ""))
    (folders / "job.yml").write_text(given)
    answer = desk.aml("pipeline", "validate", folders / "job.yml")
    assert answer.code == 0, answer.err


def test_a_pipeline_inside_one_has_its_own_file_and_folder(desk, folders):
    (folders / "parts" / "inner.yml").write_text(INNER)
    outer = "type: pipeline\nsettings: {default_compute: local}\njobs:\n"
    found = problems(desk, f"{outer}  inner:\n    component: parts/inner.yml\n  b: {{code: no}}\n")
    assert [line.partition(": ")[0] for line in found if "There is no" in line] == [
        "job.yml:6",
        "parts/inner.yml:10",
    ], "\n".join(found)
