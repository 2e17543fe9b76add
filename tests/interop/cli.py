"""The operations of the real Pulumi CLI on a stack, over the state that `aml` keeps."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from infra.contract.project import find_project
from infra.deploy.stack.passphrase import stack_passphrase
from tests.missing_parts import missing

QUIET = {"same", "read"}
LIMIT_S = 600


class Cli:
    """The Pulumi CLI in the project's folder; ``home`` is its own, shared with nobody."""

    def __init__(self, project, home, stack="local"):
        self.stack, self.root = stack, project.root
        passphrase = project.root / "passphrase"
        passphrase.write_text(stack_passphrase(find_project(project.root), stack) or "")
        state = project.home / "state"
        state.mkdir(exist_ok=True)
        self.environment = self.environment_of(home, state) | {
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase)
        }
        self.program()

    @staticmethod
    def program():
        """Return the path of the CLI; skip or fail where there is none."""
        found = shutil.which("pulumi")
        if found is None:
            missing("There is no Pulumi CLI on PATH.", part="pulumi")
        return found

    @staticmethod
    def environment_of(home, state):
        """Return the variables with which the CLI keeps its state in a folder."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PULUMI_")}
        return {
            **kept,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "VIRTUAL_ENV": str(Path(sys.executable).parents[1]),
            "AML_PLUGIN_PYTHON": sys.executable,
            "PULUMI_HOME": str(home),
            "PULUMI_BACKEND_URL": f"file://{state}",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }

    def changes(self):
        """Return what an update would do, by operation; what stays as it is left out."""
        said = self._run("preview", "--json")
        summary = json.loads(said)["changeSummary"]
        return {op: count for op, count in summary.items() if op not in QUIET and count}

    def up(self):
        self._run("up", "--yes", "--skip-preview")

    def refresh(self):
        self._run("refresh", "--yes", "--skip-preview")

    def destroy(self):
        self._run("destroy", "--yes", "--skip-preview")

    def history(self):
        return json.loads(self._run("stack", "history", "--json"))

    def _run(self, *arguments):
        self._selected()
        return self._call(*arguments, "--stack", self.stack, "--non-interactive")

    def _selected(self):
        """Create the stack in the backend if nobody did; its file is there already."""
        listed = json.loads(self._call("stack", "ls", "--json", "--non-interactive"))
        if self.stack not in {each["name"].rpartition("/")[2] for each in listed}:
            self._call("stack", "init", self.stack, "--non-interactive")

    def _call(self, *arguments):
        ended = subprocess.run(
            [self.program(), *arguments],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_S,
        )
        assert ended.returncode == 0, f"pulumi {arguments}:\n{ended.stdout}\n{ended.stderr}"
        return ended.stdout
