"""`aml compute`: the studio's job of computes, against a real local cloud."""

import pytest

from tests.deploy.outside import Outside, unchanged


@pytest.fixture
def staffed(project):
    """Return a deployed project with a cluster and an instance, and the instance's name."""
    ada = f"ada-{project.name}"
    entry = f"{{kind: compute_instance, name: {ada}, vm_size: STANDARD_DS3_V2}}"
    project.edit("computes:\n", f"computes: # people and machines\n    - {entry}\n")
    project.good("up", "--yes")
    return project, ada


def test_list_shows_what_is_in_the_workspace_and_whether_the_stack_has_it(staffed):
    project, ada = staffed
    Outside(project).call(
        "PUT",
        "/computes/byhand",
        {
            "location": "westeurope",
            "properties": {
                "computeType": "AmlCompute",
                "properties": {
                    "vmSize": "STANDARD_DS3_V2",
                    "scaleSettings": {"maxNodeCount": 3, "minNodeCount": 0},
                },
            },
        },
    )
    lines = project.good("compute", "list").out.splitlines()
    assert lines[0].split() == ["NAME", "KIND", "SIZE", "NODES", "STATE", "IN", "STACK"]
    assert [line.split() for line in lines[1:]] == [
        [ada, "compute_instance", "STANDARD_DS3_V2", "-", "Running", "yes"],
        ["byhand", "aml_compute", "STANDARD_DS3_V2", "0/3", "Steady", "no"],
        ["cpu", "aml_compute", "STANDARD_DS3_V2", "0/2", "Steady", "yes"],
    ]
    data = project.good("compute", "list", "--json").data
    assert [each["declared"] for each in data] == [True, False, True]


def test_an_instance_stops_starts_and_restarts(staffed):
    project, ada = staffed
    for action, state in (("stop", "Stopped"), ("start", "Running"), ("restart", "Running")):
        said = project.good("compute", action, ada, "--json").data
        assert said["properties"]["properties"]["state"] == state
    head = f"{ada}  compute_instance STANDARD_DS3_V2"
    assert project.good("compute", "stop", ada).out == f"{head} Stopped\n"
    assert project.good("compute", "show", ada).out.startswith(f"{head} Stopped\n{{")


REFUSED = (
    (("show", "cpuu"), "Did you mean 'cpu'?"),
    (("stop", "cpu"), "'cpu' is of kind aml_compute, which cannot be stopped."),
    (("nodes", "ADA"), "is of kind compute_instance, which has no nodes."),
    (("create", "Bad_name", "--set", "max_nodes=1"), "\n  NAME: "),
    (("create", "gpu", "--set", "max_node=1"), "Did you mean 'max_nodes'"),
    (("create", "gpu", "--set", "max_nodes"), "'max_nodes' has no value."),
    (("create", "gpu", "--set", "size=1"), "'size' is not a setting of kind aml_compute."),
    (("create", "gpu", "--set", "vm_size=STANDARD_NC6"), "--set max_nodes: is required"),
    (
        ("attach", "lab", "--kind", "virtual_machine", "--set", "password=hunter2"),
        "is plain text; a stack file holds no credentials",
    ),
)


def test_what_does_not_fit_is_refused_and_changes_nothing(staffed):
    project, ada = staffed
    with unchanged(project.stack_file()):
        for arguments, text in REFUSED:
            said = project.aml("compute", *(word.replace("ADA", ada) for word in arguments))
            assert said.code == 2
            assert text in said.err


def test_nodes_of_an_idle_cluster_are_none(staffed):
    project, _ = staffed
    assert project.good("compute", "nodes", "cpu", "--json").data == []


def test_create_and_attach_edit_the_stack_file_and_show_the_plan(staffed, monkeypatch):
    project, _ = staffed
    monkeypatch.setenv("LAB", "Pa55")
    gpu = ("vm_size=STANDARD_NC6S_V3", "max_nodes=1", "tags.team=vision")
    made = project.good("compute", "create", "gpu", *_sets(*gpu))
    assert "platform-gpu" in made.err
    assert "2 to create" in made.err
    lab = ("address=lab.example.org", "user=ops", "password=env:LAB")
    project.good("compute", "attach", "lab", "--kind", "virtual_machine", *_sets(*lab))
    assert "computes: # people and machines" in project.stack_file().read_text(encoding="utf-8")
    assert "4 created" in project.good("up", "--yes").err
    names = [each["name"] for each in project.good("compute", "list", "--json").data]
    assert {"gpu", "lab"} < set(names)


def test_a_stack_that_was_never_deployed_says_so(project):
    said = project.aml("compute", "list")
    assert said.code == 2
    assert "was never deployed.\n" in said.err
    assert "--manifest" not in said.err


def _sets(*pairs):
    return [word for pair in pairs for word in ("--set", pair)]
