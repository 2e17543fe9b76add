"""Two thousand odd requests over every route: none ends in 500, and every list still answers."""

import json
from random import Random
from xml.parsers import expat

import pytest

from localcloud.chain.table import KINDS
from localcloud.store.runs import StoredRun
from tests.localcloud.fuzzing import GROUP, Fuzzer
from tests.localcloud.harness import CLUSTER, SUB, VERSION

ACCOUNT = "gdemost"
REQUESTS = 2_000
SEEDS = (1, 2)


def refuse_constant(name):
    raise ValueError(name)


def problem_of(answered):
    """Return why a response is not one of a service, or ``None``."""
    if answered.status_code >= 500 and answered.status_code != 501:
        return answered.content.decode()
    for value in answered.headers.values():
        if not value.isprintable():
            return f"a header is {value!r}"
    try:
        if "json" in answered.media_type and answered.content:
            json.loads(answered.content, parse_constant=refuse_constant)
        if "xml" in answered.media_type and answered.content:
            expat.ParserCreate().Parse(answered.content, 1)
    except (ValueError, expat.ExpatError) as error:
        return f"{error}: {answered.content[:200]}"
    return None


def lists(workspace):
    """Return the path of every list: of each type, of runs, experiments, models and blobs."""
    for kind in KINDS:
        namespace, *types = kind.type.split("/")
        if kind.type == "Microsoft.Resources/resourceGroups":
            yield f"{SUB}/resourceGroups"
        elif len(types) == 1:
            yield f"{GROUP}/providers/{namespace}/{types[0]}"
            yield f"{SUB}/providers/{namespace}/{types[0]}"
        elif types[:-1] == ["workspaces"]:
            yield f"{workspace}/{types[-1]}"
            yield from (f"{workspace}/{types[-1]}/{name}/versions" for name in ("first", "one"))
    yield f"{GROUP}/resources"


def searches(workspace):
    base = f"/mlflow/v2.0{workspace}/api/2.0/mlflow"
    posted = [
        ("POST", f"{base}/{name}/search") for name in ("runs", "experiments", "logged-models")
    ]
    return posted + [
        ("GET", f"{base}/{name}/search") for name in ("registered-models", "model-versions")
    ]


def first_sdk_lists(workspace):
    """Return the lists of azureml-core."""
    places = {
        "dataset": "v1.0{}/datasets",
        "modelmanagement": "v1.0{}/models",
        "environment": "v1.0{}/environments",
        "credential": "v2.0{}/secrets",
    }
    return [f"/{plane}/{path.format(workspace)}" for plane, path in places.items()]


def blob_lists(account):
    return [(f"/{account}", {"comp": "list"})] + [
        (f"/{account}/{name}", {"comp": "list", "restype": "container"})
        for name in ("first", "azureml", "azureml-blobstore", "demo", "default")
    ]


def seeded(chain, workspace):
    """Make what the odd requests refer to: a compute, an environment, a run."""
    image = {"properties": {"image": "ubuntu"}}
    for path, body in (("computes/cpu", CLUSTER), ("environments/one/versions/1", image)):
        assert chain.arm("PUT", f"{workspace}/{path}", body).status_code == 201
    logged = {"info": {"model_id": "m-1", "experiment_id": "0", "name": "m", "tags": [],
                       "creation_timestamp_ms": 1, "source_run_id": "seen", "artifact_uri": "x"},
              "data": {"params": []}}  # fmt: skip
    chain.cloud.store.tracking.put_model(workspace, "m-1", "0", 1.0, logged)
    chain.cloud.store.runs.add(StoredRun(workspace, "seen", "0", "seen", created=chain.clock.now))


@pytest.mark.parametrize("seed", SEEDS)
def test_no_request_ends_in_500_and_every_list_still_answers(chain, chain_workspace, seed):
    seeded(chain, chain_workspace)
    fuzzer = Fuzzer(Random(seed))  # noqa: S311 - the same requests every time
    signature = chain.account_signature(ACCOUNT)
    bearer = {"authorization": f"Bearer {chain.token}"}

    def ask(method, path, query, body=b"", headers=None):
        blobs = path.startswith(f"/{ACCOUNT}")
        query = query | (signature if blobs else {})
        answered = chain.call(
            method, path, query=query, headers=(headers or {}) | bearer, body=body
        )
        return answered.status_code, problem_of(answered)

    problems = []
    for method, path, query, body in fuzzer.requests(REQUESTS // len(SEEDS)):
        _, problem = ask(method, path, query, body, fuzzer.headers())
        if problem:
            problems.append((method, path[-80:], query, body[:300], problem[:400]))
    listed = [("GET", path, {"api-version": VERSION}) for path in lists(chain_workspace)]
    listed += [(method, path, {}) for method, path in searches(chain_workspace)]
    listed += [("GET", path, {}) for path in first_sdk_lists(chain_workspace)]
    listed += [("GET", path, query) for path, query in blob_lists(ACCOUNT)]
    problems += [
        (*call, status, problem)
        for call in listed
        for status, problem in [ask(*call)]
        if problem or status not in {200, 404}
    ]
    assert problems == []
