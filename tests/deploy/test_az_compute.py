"""`aml compute` in the words of `az ml compute`, against a real local cloud."""

import pytest

CREATE = "create -n gpus --type AmlCompute --size STANDARD_DS3_V2"


def test_a_cluster_is_created_shown_changed_and_deleted(deployed):
    def compute(line):
        return deployed.good("compute", *line.split())

    limits = "--min-instances 0 --max-instances 3 --idle-time-before-scale-down 60"
    made = compute(f"{CREATE} {limits} --tier low_priority --tags team=ml -w {deployed.name}").data
    assert {
        "name": "gpus",
        "type": "amlcompute",
        "size": "STANDARD_DS3_V2",
        "min_instances": 0,
        "max_instances": 3,
        "idle_time_before_scale_down": 60,
        "tier": "low_priority",
        "provisioning_state": "Succeeded",
        "tags": {"team": "ml"},
    }.items() <= made.items()
    assert "name: gpus" in deployed.stack_file().read_text(encoding="utf-8")
    assert compute("show -n gpus --query max_instances -o tsv").out == "3\n"
    assert compute("update -n gpus --max-instances 4 --query max_instances").data == 4
    listed = compute("list --type amlcompute --query [].name -o tsv").out.split()
    assert listed == ["cpu", "gpus"]
    compute("delete -n gpus --yes")
    assert "gpus" not in deployed.stack_file().read_text(encoding="utf-8")


def test_an_instance_stops_and_starts(deployed):
    name = f"ci-{deployed.name}"[:24].rstrip("-")
    deployed.good(
        "compute", "create", "-n", name, "--type", "computeinstance", "--size", "STANDARD_DS3_V2"
    )
    for action, state in (("stop", "Stopped"), ("start", "Running")):
        deployed.good("compute", action, "--name", name, "--no-wait")
        assert deployed.good("compute", "show", "-n", name, "--query", "state").data == state
    deployed.good("compute", "delete", "-n", name)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("create -n a1b --type kubernetes", "'kubernetes' is not one of"),
        ("create -n a1b --type computeinstance --size S --tier dedicated", "has no --tier"),
        ("create -f compute.yml", "aml compute create -n NAME --type amlcompute"),
        (f"{CREATE} -w other", "did not deploy workspace 'other'"),
        ("update -n cpu", "There is nothing to change."),
        ("show -n cpuu", "Did you mean 'cpu'?"),
    ],
)
def test_what_cannot_be_done_says_what_can(deployed, line, says):
    before = deployed.stack_file().read_text(encoding="utf-8")
    said = deployed.aml("compute", *line.split())
    assert said.code == 2
    assert says in said.err
    assert deployed.stack_file().read_text(encoding="utf-8") == before


def test_without_these_options_the_commands_are_those_of_the_studio(deployed):
    assert deployed.good("compute", "show", "cpu").out.startswith("cpu  aml_compute")
