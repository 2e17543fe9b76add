"""`aml computetarget`: the lines of old scripts, against a real local cloud."""

import json

import pytest


@pytest.fixture
def good(deployed):
    return lambda line: deployed.good("computetarget", *line.split())


def test_a_cluster_is_created_updated_and_deleted(deployed, good):
    made = good(
        "create amlcompute --name lowpriocluster --vm-size Standard_DS3_v2 --max-nodes 5"
        " --vm-priority lowpriority -t made.json"
    )
    assert made.data["properties"]["properties"]["vmPriority"] == "LowPriority"
    assert json.loads((deployed.root / "made.json").read_text()) == made.data
    good("update amlcompute -n lowpriocluster --max-nodes 6")
    query = "properties.properties.scaleSettings.maxNodeCount"
    assert good(f"show -n lowpriocluster --query {query} -o tsv").out == "6\n"
    names = good("list --query [].name -o tsv").out.split()
    assert names == ["cpu", "lowpriocluster"]
    good("delete -n lowpriocluster")
    deployed.good("up", "--yes", "--no-fingerprint", "--expect-no-changes")


def test_identities_of_a_cluster(good):
    assert good("amlcompute identity assign -n cpu --identities [system]").data == {
        "identityType": "SystemAssigned",
        "identityIds": [],
    }
    good("amlcompute identity remove -n cpu --identities [system]")
    assert good("amlcompute identity show -n cpu").data["identityIds"] == []


def test_an_instance_is_created_and_stopped(deployed, good):
    name = f"ci{deployed.name}"
    good(f"create computeinstance -n {name} -s STANDARD_DS3_V2 --no-wait")
    assert good(f"computeinstance stop -n {name} --query state -o tsv").out == "Stopped\n"


HDI = "c-ssh.azurehdinsight.net"
ATTACHED = [
    "attach --name vm --address vm.example --username ops --password s3cr3t --type remotedocker",
    f"attach --name vm --address {HDI} --username ops --password s3cr3t --type cluster",
    "attach remotedocker -n vm -a vm.example.org -u ops -w s3cr3t",
    "attach remote -n vm -a vm.example.org -u ops -p s3cr3t --ssh-port 2222",
]


@pytest.mark.parametrize("line", ATTACHED)
def test_machines_are_attached_and_their_password_is_never_shown(deployed, good, line):
    said = good(line)
    assert "s3cr3t" not in said.out + said.err
    assert "s3cr3t" not in deployed.stack_file().read_text(encoding="utf-8")
    good("detach -n vm")
    deployed.good("up", "--yes", "--no-fingerprint", "--expect-no-changes")


REFUSED = (
    ("show -n cpuu", "'cpu'"),
    ("detach -n cpu", "aml computetarget delete -n cpu"),
    ("update amlcompute -n cpu", "--min-nodes"),
    ("attach -n vm", "remotedocker"),
    ("attach remote -n vm -a vm.example.org -p x", "--username"),
    ("list -w another", "'another'"),
    ("list --query [", "JMESPath"),
    ("get-credentials -n cpu", "not printed"),
)


@pytest.mark.parametrize(("line", "text"), REFUSED)
def test_what_does_not_fit_is_refused(deployed, line, text):
    said = deployed.aml("computetarget", *line.split())
    assert said.code == 2
    assert text in said.err


def test_a_file_for_the_result_is_never_overwritten(deployed):
    (deployed.root / "run.json").write_text("mine", encoding="utf-8")
    said = deployed.aml("computetarget", "show", "-n", "cpu", "-t", "run.json")
    assert said.code == 2
    assert (deployed.root / "run.json").read_text(encoding="utf-8") == "mine"
