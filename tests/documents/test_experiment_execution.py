"""A page about an older command line: run configurations by name, and machines of one's own."""

import pytest
import yaml

PAGE = "experiment_execution"
LOCAL = "ArgumentVector:\n- myscript.py\nTarget: local\n"
COMPUTE = "type: local\n"
SCRIPT = "import os\n"


@pytest.fixture
def scripts(page):
    """Return the page with the files of a project of that time."""
    page.write("myscript.py", SCRIPT + page.text("02_print_variable.py"))
    page.write("aml_config/local.compute", COMPUTE)
    page.write("aml_config/local.runconfig", LOCAL)
    return page


def test_a_script_runs_on_this_machine(scripts):
    said = scripts.command("04_submit_local.sh")
    assert said.code == 0, said.err
    assert (said.data["status"], said.data["script"]) == ("Completed", "myscript.py")
    assert "None\n" in said.err


def test_variables_of_the_run_configuration_are_the_scripts(scripts):
    block = scripts.text("01_environment_variables.yml")
    first, *others = block.splitlines()
    indented = "\n".join([first, *(f"  {line}" for line in others)])
    scripts.write("aml_config/local.runconfig", f"{LOCAL}{indented}\n")
    said = scripts.command("04_submit_local.sh")
    assert said.code == 0, said.err
    assert "Example Value1\n" in said.err
    assert yaml.safe_load(block)["EnvironmentVariables"] is None


ATTACHED = {
    "08_attach_remotevm.sh": ("remotevm", "VirtualMachine", "remotevm.invalid"),
    "10_attach_myhdi.sh": ("myhdi", "HDInsight", "foo-ssh.azurehdinsight.net"),
}


@pytest.mark.parametrize("block", ATTACHED)
def test_a_machine_is_attached(page, block):
    name, kind, address = ATTACHED[block]
    places = dict.fromkeys(["remotevm_IP_address", "<FQDN or IP address>"], address)
    said = page.command(block, places)
    assert said.code == 0, said.err
    assert "sshpassword" not in said.out + said.err + page.declared()
    attached = page.compute(name)
    assert (attached["computeType"], attached["properties"]["address"]) == (kind, address)


def test_run_configurations_are_created_and_listed(page):
    asked = page.command("14_create_run_configuration.sh")
    assert (asked.code, "--name" in asked.err) == (2, True)
    page.project.good("runconfiguration", "create", "-n", "mine")
    listed = page.command("15_run_configurations.sh")
    assert listed.code in {0, 2}
    assert "list" in listed.out + listed.err
