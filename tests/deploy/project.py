"""A project in a folder of its own, the command line in this process, and what the cloud has."""

import json
import os
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.arm.client import local_client
from infra.contract.discovery import SUBSCRIPTION, LocalCloud, ensure_cloud
from infra.contract.private import private_file
from infra.deploy.run.fingerprint import basis_of
from infra.deploy.run.fingerprint import remembered as last_deployment
from runtime.cli.root import run
from tests import processes

REPOSITORY = Path(__file__).parents[2]
PROJECT = """\
name: shop
main: {main}
stackConfigDir: stacks
runtime:
  name: python
"""
STACK = """\
config:
  azure-native:location: westeurope
  aml:cloud: local
  aml:workspace: {{name: {name}, resource_group: {name}-rg}}
  aml:tags: {{team: ml}}
  aml:computes:
    - {{kind: aml_compute, name: cpu, vm_size: STANDARD_DS3_V2, max_nodes: 2, idle_seconds: 60}}
"""
PASSPHRASE = "the passphrase of tests"
SALT = "v1:bEB3t3Tqt9k=:v1:Mi4VpZ1HUG6rFddy:F/ZUNJgBA+qX8o/En2gi/qSCb6PXIQ=="
"""One that Pulumi's format pairs with this passphrase."""
_COMPUTES, _RESOURCES = "2025-12-01", "2021-04-01"


@dataclass(frozen=True)
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def steps(self) -> list[tuple[str, str]]:
        """The operation and the URN of each event about a resource that it printed."""
        events = [json.loads(line) for line in self.out.splitlines()]
        found = [e["resOutputsEvent"]["metadata"] for e in events if "resOutputsEvent" in e]
        return [(each["op"], each["urn"]) for each in found]

    @property
    def data(self) -> Any:
        """What it printed on stdout, which is to be one JSON document."""
        return json.loads(self.out)


@dataclass
class Project:
    """A project whose local cloud is the session's; ``name`` is that of its workspace."""

    root: Path
    capture: Any
    name: str
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.root / ".aml"

    def seal_with_known_key(self) -> None:
        """Give the stack `local` the key that other projects of this process have too.

        A key of its own takes a third of a second of processor time to derive.
        """
        self.home.mkdir()
        private_file(self.home / "passphrase").write_text(PASSPHRASE, encoding="utf-8")
        text = self.stack_file().read_text(encoding="utf-8")
        self.stack_file().write_text(f"encryptionsalt: {SALT}\n{text}", encoding="utf-8")

    def aml(self, *arguments: str) -> Said:
        """Run a command in this process."""
        self.capture.readouterr()
        code = run([*map(str, arguments)])
        out, err = self.capture.readouterr()
        return Said(code, out, err)

    def good(self, *arguments: str) -> Said:
        """Run a command that is to succeed."""
        said = self.aml(*arguments)
        assert said.code == 0, said.err
        return said

    def repeated(self, *arguments: str) -> str:
        """Deploy again, from the fingerprint and by the program; return what both say.

        They must also leave the same state.
        """
        remembered, run = ("up",), ("up", "--no-fingerprint")
        said = self.good(*run, *arguments).err
        state = [file.read_bytes() for file in sorted(self.home.glob("state/.pulumi/stacks/*/*"))]
        assert self.good(*remembered, *arguments).err == said
        known = basis_of(arguments[1] if arguments else None)
        assert known is not None
        assert last_deployment(known) is not None, "the program was run"
        after = [file.read_bytes() for file in sorted(self.home.glob("state/.pulumi/stacks/*/*"))]
        assert after == state
        return said

    def start(self, *arguments: str, stdin: Any = subprocess.DEVNULL) -> subprocess.Popen:
        """Start a command as a process of its own."""
        return processes.start(
            [sys.executable, "-m", "tests.deploy.aml", *arguments],
            cwd=self.root,
            env=self.environment(),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def environment(self) -> dict[str, str]:
        """Return the environment of a process that runs this product."""
        return {**os.environ, **self.variables, "PYTHONPATH": str(REPOSITORY)}

    def stack_file(self, stack: str = "local") -> Path:
        return self.root / "stacks" / f"Pulumi.{stack}.yaml"

    def edit(self, old: str, new: str, stack: str = "local") -> None:
        """Change the stack file's text; what is replaced must be there."""
        text = self.stack_file(stack).read_text(encoding="utf-8")
        assert old in text
        self.stack_file(stack).write_text(text.replace(old, new), encoding="utf-8")

    def run_own(self, program: str, config: str = "") -> None:
        """Give the project a program of its own; ``config`` are more lines of its stack file."""
        settings = "name: shop\nruntime: python\nstackConfigDir: stacks\n"
        (self.root / "Pulumi.yaml").write_text(settings, encoding="utf-8")
        (self.root / "__main__.py").write_text(program, encoding="utf-8")
        text = f"config:\n  aml:cloud: local\n{config}"
        self.stack_file().write_text(text, encoding="utf-8")

    def state_file(self, stack: str = "local") -> Path:
        return self.home / "state/.pulumi/stacks/shop" / f"{stack}.json"

    def cloud(self) -> LocalCloud:
        """Return the project's local cloud, started if it was not."""
        return ensure_cloud(self.home)

    def in_state(self, stack: str = "local") -> list[str]:
        """Return the ids that state knows in ARM, as ARM compares them."""
        checkpoint = json.loads(self.state_file(stack).read_text(encoding="utf-8"))["checkpoint"]
        resources = checkpoint["latest"].get("resources", [])
        ids = [each.get("id", "") for each in resources]
        return sorted(id_.lower() for id_ in ids if id_.startswith("/subscriptions/"))

    def in_cloud(self) -> list[str]:
        """Return the ids of everything below the project's resource group, and its own."""
        group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{self.name}-rg"
        with closing(local_client(self.home)) as client:

            def ids(path: str, version: str) -> list[str]:
                answer = client.send("GET", path, api_version=version)
                return [each["id"].lower() for each in answer.document.get("value", [])]

            found = ids(f"{group}/resources", _RESOURCES)
            workspaces = [id_ for id_ in found if ".machinelearningservices/workspaces/" in id_]
            computes = [id_ for each in workspaces for id_ in ids(f"{each}/computes", _COMPUTES)]
            own = [group.lower()] * client.send("GET", group, api_version=_RESOURCES).ok
        return sorted([*own, *found, *computes])


def make_project(folder: Path, capture: Any, name: str) -> Project:
    """Write a project with a stack `local` into ``folder``."""
    (folder / "stacks").mkdir(parents=True)
    text = PROJECT.format(main=REPOSITORY / "infra")
    (folder / "Pulumi.yaml").write_text(text, encoding="utf-8")
    project = Project(folder, capture, name)
    project.stack_file().write_text(STACK.format(name=name), encoding="utf-8")
    return project
