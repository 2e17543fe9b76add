"""A secret in every credential field of every kind: through all a stack lives, found nowhere.

Every command is a process of its own, so that its arguments can be seen; the local cloud is the
project's own, so that its files can be read.
"""

import gzip
import io
import os
import re
import signal
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import get_args

import pytest
import yaml

from infra.arm.client import local_client
from infra.spec.base import SpecModel
from infra.spec.computes import KINDS
from infra.spec.credentials import Sealed
from infra.spec.datastores import CREDENTIALS
from infra.spec.load import load_stack

pytestmark = pytest.mark.slow
STACK = (Path(__file__).parent / "every_kind.yaml").read_text(encoding="utf-8")
MARK = "Canary-7f3a"
PATIENCE_S = 120
_CLUSTER = "/subscriptions/s/resourceGroups/g/providers/Microsoft.HDInsight/clusters/other"
MORE = f"""\
    - kind: hdinsight
      name: hdkey
      resource_id: {_CLUSTER}
      user: sshuser
      private_key: env:X
      passphrase: env:X
"""
SEALED = "aml:computes[0].admin.password"
JOURNALED = 12


@pytest.fixture
def planted(alone, tmp_path, monkeypatch):
    """Return a project with a secret of its own in each credential field; nothing is deployed."""
    key = tmp_path / "keys" / "node.key"
    key.parent.mkdir()
    text = STACK.replace("NAME", alone.name).replace(
        "  aml:datastores:", f"{MORE}  aml:datastores:"
    )
    fields = re.split(r"(?:env:\w+|file:node\.key)", text)
    names = [f"SECRET_{number}" for number in range(len(fields) - 1)]
    references = [f"env:{name}" for name in names]
    references[1] = f"file:{key}"
    parts = [part for pair in zip(fields, references, strict=False) for part in pair]
    alone.stack_file().write_text("".join([*parts, fields[-1]]), encoding="utf-8")

    def rotate(number: int) -> None:
        key.write_text(f"-----BEGIN KEY-----\n{MARK}-{number}-key\n", encoding="utf-8")
        for name in names:
            monkeypatch.setenv(name, f"{MARK}-{number}-{name}")
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{MARK}-{number}-sealed"))
        alone.good("config", "set", "--secret", "--path", SEALED)

    alone.rotate = rotate
    return alone


def parts_of(annotation):
    yield annotation
    for each in get_args(annotation):
        yield from parts_of(each)


def credentials_of(model):
    """Return the keys of a model, and of the models in it, that hold credentials."""
    for name, field in model.model_fields.items():
        inside = list(parts_of(field.annotation))
        if Sealed in inside:
            yield name
        for each in inside:
            if isinstance(each, type) and issubclass(each, SpecModel):
                yield from credentials_of(each)


def test_every_credential_field_of_every_kind_is_planted(planted):
    planted.rotate(1)
    config = yaml.safe_load(planted.stack_file().read_text(encoding="utf-8"))["config"]
    stores = [each["credentials"] for each in config["aml:datastores"] if "credentials" in each]
    for models, entries, key in (
        (KINDS, config["aml:computes"], "kind"),
        (CREDENTIALS, stores, "type"),
    ):
        for kind, model in models.items():
            found = {name for each in entries if each[key] == kind for name in planted_in(each)}
            assert found >= set(credentials_of(model)) - {"ssh_public_key"}, kind
    assert "password" in set(credentials_of(KINDS["aml_compute"]))


def planted_in(entry):
    for name, value in entry.items():
        if isinstance(value, dict) and "secure" not in value:
            yield from planted_in(value)
        elif isinstance(value, dict) or str(value).startswith(("env:", "file:")):
            yield name


def hits(root):
    """Return the files below ``root`` that hold a secret in clear."""
    found = []
    for file in root.rglob("*"):
        try:
            data = file.read_bytes() if file.is_file() else b""
        except FileNotFoundError:
            continue
        data = gzip.decompress(data) if file.suffix == ".gz" and data else data
        if MARK.encode() in data:
            found.append(file)
    return found


def in_arguments():
    """Return the command lines of this machine that hold a secret."""
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(file.read_bytes())
        except OSError:
            continue
    return [line for line in lines if MARK.encode() in line]


@contextmanager
def watched(root):
    """Look at the arguments of processes and at state again and again meanwhile."""
    found, over = [], threading.Event()

    def look():
        while not over.wait(0.1):
            found.extend([*in_arguments(), *hits(root / ".aml" / "state")])

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert found == []


def aml(project, *arguments, code=0):
    """Run a command as a process; what it says holds no secret."""
    process = project.start(*arguments)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == code, err
    assert MARK not in out + err
    return out + err


def refuse_next(project, name, text):
    with closing(local_client(project.home)) as client:
        failure = {"name": name, "code": "BadRequest", "message": text, "status": 400}
        client.complete("POST", "/aml/fault-injection", body={"failures": [failure]})


def kill_in_the_middle(project):
    """Start `aml up` and kill it once its journal holds some operations."""
    journal = project.state_file().with_name("local.json.journal")
    process = project.start("up", "--yes")
    while process.poll() is None:
        if journal.exists() and journal.read_bytes().count(b"\n") > JOURNALED:
            process.send_signal(signal.SIGKILL)
        time.sleep(0.001)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert MARK not in out + err
    assert hits(project.root) == []


LOOKS = (
    ("refresh", "--yes", "--json"),
    ("drift", "--json"),
    ("outputs", "--json"),
    ("stack", "export"),
    ("config", "list"),
    ("compute", "list", "--json"),
    ("compute", "show", "lab"),
    ("targets", "--json"),
    ("up", "--expect-no-changes", "--json"),
)


def test_no_secret_is_in_clear_anywhere_in_a_stacks_life(planted):
    planted.rotate(1)
    with watched(planted.root):
        aml(planted, "preview", "--json")
        bricks = next(
            each for each in load_stack(planted.stack_file()).computes if each.name == "bricks"
        )
        token = os.environ[bricks.access_token.name]
        refuse_next(planted, "bricks", f"the token {token} is not a token")
        assert "is not a token" in aml(planted, "up", "--yes", code=1)
        aml(planted, "up", "--yes", "--json")
        assert hits(planted.root) == []
        planted.rotate(2)
        kill_in_the_middle(planted)
        aml(planted, "up", "--yes")
        for command in LOOKS:
            aml(planted, *command)
        assert hits(planted.root) == []
        aml(planted, "destroy", "--yes", "--json")
    files = [file for file in planted.root.rglob("*") if file.is_file()]
    assert {"daemon.log", "local.json"} <= {file.name for file in files}
    assert hits(planted.root) == []
