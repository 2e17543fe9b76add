"""Published pipelines that are started over REST, as scripts of the SDK v1 do with `requests`."""

import pytest
import requests

from aml_platform import (
    DataPath,
    DataPathComputeBinding,
    Experiment,
    InteractiveLoginAuthentication,
    Pipeline,
    PipelineEndpoint,
    PipelineParameter,
    PipelineRun,
    PythonScriptStep,
    ServicePrincipalAuthentication,
)
from runtime.model.data import DataLocation
from runtime.pipelines.requested import asked

SAY = "import sys; print(*sys.argv[1:])"
READ = "import pathlib, sys; print(pathlib.Path(sys.argv[1], 'new.txt').read_text())"


@pytest.fixture
def post(here, monkeypatch):
    """Send a request to an address, as a script does, and return the response."""
    # `endpoint` changes these: the test gives them back.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("NO_PROXY", "example.org")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # which nothing answers
    header = InteractiveLoginAuthentication().get_authentication_header()

    def send(address, **fields):
        return requests.post(address, headers=header, json=fields, timeout=120)

    return send


def pipeline(workspace, source, text, *arguments, **options):
    folder = str(source(say=text))
    step = PythonScriptStep(
        "say.py",
        arguments=[*arguments],
        source_directory=folder,
        allow_reuse=False,
        **options,
    )
    return Pipeline(workspace, [step])


def output(workspace, response, experiment="rest"):
    """Return what the step of a started pipeline printed, and the run."""
    assert response.status_code == 200, response.text
    run = PipelineRun(Experiment(workspace, experiment), response.json()["Id"])
    assert run.wait_for_completion(show_output=False) == "Finished"
    (step,) = run.get_steps()
    return step.get_stdout_log().strip(), run


def test_a_request_starts_a_published_pipeline_with_its_parameters(here, source, post):
    word, number = PipelineParameter("word", "hello"), PipelineParameter("number", 3)
    published = pipeline(here, source, SAY, word, number).publish("greeting")
    assert published.endpoint.startswith("https://127.0.0.1:")
    response = post(
        published.endpoint,
        ExperimentName="rest",
        RunSource="SDK",
        Tags={"by": "a request"},
        ParameterAssignments={"word": "again", "number": "7"},
    )
    said, run = output(here, response)
    assert said == "again 7"
    assert [each.id for each in run.get_pipeline_runs(here, published.id)] == [run.id]
    assert (run.tags["by"], run.properties["runSource"], run.properties["runType"]) == (
        "a request", "SDK", "HTTP",
    )  # fmt: skip


def test_a_request_names_the_version_of_a_pipeline_endpoint(here, source, post):
    first = pipeline(here, source, SAY, "first")
    endpoint = PipelineEndpoint.publish(here, "the words", pipeline=first)
    endpoint.add(pipeline(here, source, SAY, "second"))
    address = endpoint.endpoint
    named = f"{address.split('Id', 1)[0]}Name?name={endpoint.name}"
    assert output(here, post(named, ExperimentName="rest"))[0] == "first"
    assert output(here, post(f"{address}/1", ExperimentName="rest"))[0] == "second"
    missing = post(f"{named}&pipelineVersion=7", ExperimentName="rest")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "NotFound")
    assert "Its versions are 0, 1." in missing.json()["error"]["message"]


def test_a_request_says_where_data_is(here, deployed, source, post, tmp_path):
    deployed.write("landing/new.txt", "it is here", tmp_path)
    store = here.get_default_datastore()
    place = PipelineParameter("place", DataPath(store, "nowhere"))
    read = (place, DataPathComputeBinding(mode="mount"))
    published = pipeline(here, source, READ, read, inputs=[read]).publish("reads")
    chosen = {"place": {"DataStoreName": store.name, "RelativePath": "landing"}}
    response = post(published.endpoint, ExperimentName="rest", DataPathAssignments=chosen)
    assert output(here, response)[0] == "it is here"


def test_refusals_have_the_form_of_the_service(here, source, post):
    published = pipeline(here, source, SAY, PipelineParameter("number", 3)).publish("counts")
    address = published.endpoint
    unknown = post(address, ParameterAssignments={"nummer": 1}).json()["error"]
    assert unknown["code"] == "UserError"
    assert "The pipeline has no parameter 'nummer'." in unknown["message"]
    wrong = post(address, ExperimentNames="x", Tags=3)
    assert wrong.status_code == 400
    assert [each["target"] for each in wrong.json()["error"]["details"]] == [
        "ExperimentNames", "Tags",
    ]  # fmt: skip
    absent = post(address.replace(published.id, "absent"), ExperimentName="rest")
    assert (absent.status_code, absent.json()["error"]["code"]) == (404, "NotFound")
    published.disable()
    assert "is disabled" in post(address).json()["error"]["message"]
    assert requests.post(address, json={}, timeout=60).status_code == 401
    principal = ServicePrincipalAuthentication("tenant", "id", "secret")
    header = principal.get_authentication_header()
    assert requests.post(address, headers=header, json={}, timeout=60).status_code == 400


def test_fields_are_read_in_any_case_and_every_problem_is_named():
    place = {"dataStoreName": "store", "relativePath": "/a/b/"}
    found, problems = asked(
        {"experimentname": "e", "Description": None, "DataPathAssignments": {"d": place}}
    )
    assert (found.experiment, problems) == ("e", [])
    assert found.values == {"d": DataLocation("datastore", "a/b", "store")}
    body = {
        "ParameterAssignments": {"a": []},
        "DataSetDefinitionValueAssignments": {},
        "ContinueOnStepFailure": "yes",
        "DataPathAssignments": {"d": "a/b"},
    }
    _, problems = asked(body)
    assert [name for name, _ in problems] == [*body]
    assert "azureml:NAME:VERSION" in problems[1][1]
