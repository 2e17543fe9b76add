"""HDInsight clusters: paramiko on the head node, PyPI's livy behind the gateway, Spark itself."""

import json
import os
import ssl
import subprocess
from pathlib import Path

import httpx
import paramiko
import pytest
from azure.storage.blob import BlobServiceClient

from tests.clients.conftest import interpreter
from tests.services.conftest import GROUP

PASSWORD = "Gate-way-1"
SUM = """\
import sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
print("sum", spark.range(int(sys.argv[1])).selectExpr("sum(id)").first()[0])
"""


def definition(storage=""):
    login = {"username": "sshuser", "password": "Head-node-1"}
    gateway = {"restAuthCredential.username": "admin", "restAuthCredential.password": PASSWORD}
    account = {
        "name": f"{storage}.blob.core.windows.net",
        "isDefault": True,
        "container": "cluster",
    }
    head = {"name": "headnode", "osProfile": {"linuxOperatingSystemProfile": login}}
    return {
        "clusterVersion": "5.1",
        "clusterDefinition": {"kind": "Spark", "configurations": {"gateway": gateway}},
        "computeProfile": {"roles": [head, {"name": "workernode", "targetInstanceCount": 2}]},
        "storageProfile": {"storageaccounts": [account]},
    }


@pytest.fixture(scope="module")
def cluster(cloud, deployed):
    deployed("Microsoft.Storage/storageAccounts", "hdifiles", kind="StorageV2",
             sku={"name": "Standard_LRS"})  # fmt: skip
    return deployed("Microsoft.HDInsight/clusters", "spark1", properties=definition("hdifiles"))


@pytest.fixture(scope="module")
def livy(cluster):
    endpoints = {each["name"]: each for each in cluster["properties"]["connectivityEndpoints"]}
    return f"https://{endpoints['HTTPS']['location']}/livy"


@pytest.fixture(scope="module")
def head(cluster):
    ssh = {each["name"]: each for each in cluster["properties"]["connectivityEndpoints"]}["SSH"]
    with paramiko.SSHClient() as client:
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        client.connect(
            ssh["location"], ssh["port"], "sshuser", "Head-node-1",
            allow_agent=False, look_for_keys=False,
        )  # fmt: skip
        yield client


def ran(head, command):
    """Return exit code, output and errors of a command on the head node."""
    _, out, errors = head.exec_command(command)
    texts = out.read().decode(), errors.read().decode()
    return out.channel.recv_exit_status(), *texts


def put(head, name, text):
    with head.open_sftp() as sftp, sftp.open(name, "w") as file:
        file.write(text)


def test_passwords_are_given_to_those_who_ask_for_them_alone(cloud, cluster):
    assert "Head-node-1" not in json.dumps(cluster)
    assert PASSWORD not in json.dumps(cluster)
    path = f"{GROUP}/providers/Microsoft.HDInsight/clusters/spark1/getGatewaySettings"
    settings = cloud.arm("POST", path).json()
    assert settings["restAuthCredential.password"] == PASSWORD


def test_the_gateway_wants_its_login_and_a_header_against_forgery(cloud, livy):
    trust = ssl.create_default_context(cafile=str(cloud.ca))
    with httpx.Client(verify=trust) as http:
        assert http.get(f"{livy}/batches").status_code == 401
        login = ("admin", PASSWORD)
        assert http.get(f"{livy}/batches", auth=login).json()["sessions"] == []
        refused = http.post(f"{livy}/batches", json={"file": "x"}, auth=login)
        assert (refused.status_code, "CSRF" in refused.text) == (400, True)
        asked = {"X-Requested-By": "tests"}
        absent = http.post(f"{livy}/batches", json={"file": "x"}, auth=login, headers=asked)
        assert (absent.status_code, "There is no file x" in absent.text) == (400, True)


def test_without_java_spark_says_so_in_one_line(head):
    code, _, errors = ran(head, "PATH=${PATH%%:*} /bin/sh ~/.local/bin/spark-submit a.py")
    assert code == 1
    assert errors.count("\n") == 1
    assert "Spark needs Java" in errors


@pytest.mark.needs_java
@pytest.mark.slow
@pytest.mark.timeout(500)  # the first time, PyPI's Spark is built
def test_spark_runs_on_the_head_node_as_on_yarn(head, java):
    put(head, "sum.py", SUM)
    code, output, errors = ran(head, "spark-submit --master yarn --queue q sum.py 10")
    assert (code, output) == (0, "sum 45\n"), errors
    put(head, "fail.py", "import os\nprint(os.listdir('.'))\nraise SystemExit(5)\n")
    submit = "spark-submit --master yarn --deploy-mode cluster --files sum.py fail.py"
    code, output, errors = ran(head, submit)
    assert (code, output, "FAILED" in errors) == (1, "", True)
    application = next(word for word in errors.split() if word.startswith("application_"))
    assert "sum.py" in ran(head, f"yarn logs -applicationId {application}")[1]
    assert "FAILED" in ran(head, "yarn application -list")[1]


@pytest.mark.needs_java
@pytest.mark.needs_clients
@pytest.mark.slow
@pytest.mark.timeout(500)
def test_batches_of_livy_run_spark(cloud, cluster, livy, java):
    files = {"jobs/sum.py": SUM, "jobs/wait.py": "import time\ntime.sleep(60)\n"}
    keys = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/hdifiles/listKeys"
    with BlobServiceClient(
        f"{cloud.url}/hdifiles",
        credential={
            "account_name": "hdifiles",
            "account_key": cloud.arm("POST", keys).json()["keys"][0]["value"],
        },
        connection_verify=str(cloud.ca),
    ) as storage:
        container = storage.create_container("cluster")
        for name, text in files.items():
            container.upload_blob(name, text)
    done = subprocess.run(
        [interpreter("livy==0.8.0"), Path(__file__).with_name("livy_program.py")],
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
        env={
            **os.environ,
            "CLOUD_LIVY": livy,
            "CLOUD_PASSWORD": PASSWORD,
            "CLOUD_CA": str(cloud.ca),
        },
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["state"], found["second"]) == ("success", "running"), found
    assert "sum 45" in found["log"]
