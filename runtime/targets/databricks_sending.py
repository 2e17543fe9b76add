"""What is sent to a Databricks workspace for a run: our agent, or the files of its own task."""

import json
from collections.abc import Sequence
from contextlib import suppress
from itertools import product
from pathlib import PurePosixPath
from typing import Final

from infra.contract.errors import DefinitionError
from infra.contract.json_types import JsonObject
from runtime.agent import exchange
from runtime.agent.archive import ARCHIVE_NAME
from runtime.agent.in_driver import RELAY
from runtime.environments.locking import lock
from runtime.environments.resolved import locked_lines
from runtime.model.environments import EnvironmentSpec
from runtime.model.runs import SnapshotFile
from runtime.model.services import DatabricksOptions
from runtime.snapshots.store import object_file
from runtime.targets.databricks_tasks import Submission
from runtime.targets.databricks_workspace import Files, Workspace
from runtime.targets.exchanged import asked_of_agent, payload_of
from runtime.targets.places import WORK, Shipment, Teller

LAUNCHER: Final = "run.py"
_TEXT: Final = """\
# Runs a script with its agent{where}.
import sys

sys.path.insert(0, sys.argv[1] + "/{archive}")
from runtime.agent.exchange import main

code = main(sys.argv[1:])
if code:
    sys.exit(code)
"""


class Sender:
    """Sends one run. ``home`` keeps the agent, ``shared`` the run's own files.

    ``in_driver``: the script runs in the process that has the Spark session.
    """

    def __init__(
        self,
        workspace: Workspace,
        options: DatabricksOptions,
        home: Files,
        shared: Files,
        *,
        in_driver: bool,
    ) -> None:
        self._workspace = workspace
        self._options = options
        self._home = home
        self._shared = shared
        self._in_driver = in_driver

    def send(
        self, run_id: str, work: str, script: str, given: tuple[Shipment, Teller]
    ) -> Submission:
        """Send the run's files; return what is to be submitted."""
        shipment, tell = given
        options, task = self._options, shipment.task
        requirements = requirements_of(task.environment, tell)
        jars = [self._library(shipment, each) for each in options.libraries.jars]
        wheels = [self._library(shipment, each) for each in options.libraries.wheels]
        by_agent = work == "agent"
        if by_agent:
            kind = self._send_agent(shipment)
        else:
            kind = self._own_task(shipment, work, script, (jars, wheels))
        count = len(shipment.snapshot.files)
        tell.step("download", f"{count} file{'s' * (count != 1)} of the snapshot sent")
        chosen = options.spark_version or options.cluster_id or options.serverless
        own = dict(task.environment.variables) if task.environment else {}
        return Submission(
            run_id,
            options,
            kind,
            requirements,
            jars,
            wheels,
            spark_version="" if chosen else self._version(),
            variables={} if by_agent else {**own, **task.variables},
            timeout_s=options.timeout_s or (0 if by_agent else task.max_duration_s),
        )

    def _version(self) -> str:
        """Return the newest runtime with long-term support that the workspace offers."""
        clusters = self._workspace.client.clusters
        for lasting, scala in product((True, False), ("2.13", "2.12")):
            with suppress(ValueError):
                return clusters.select_spark_version(
                    long_term_support=lasting, latest=True, scala=scala
                )
        raise DefinitionError(
            "The Databricks workspace names no runtime to choose.",
            remedy="Give `spark_version`, such as 16.4.x-scala2.12.",
        )

    def _send_agent(self, shipment: Shipment) -> JsonObject:
        home = self._home
        for number, content in enumerate(payload_of(shipment, self._shared.part_bytes)):
            self._shared.put(f"{exchange.PAYLOAD}/{number:08d}", content)
        home.put(ARCHIVE_NAME, shipment.agent)
        asked, where = dict(asked_of_agent(shipment, "databricks")), ""
        if self._in_driver:
            arguments = list(asked["arguments"])
            # Behind the agent's options and the script's Python.
            arguments.insert(arguments.index("--") + 2, f"{exchange.ROOT_MARK}/{RELAY}")
            asked |= {"arguments": arguments, "in_driver": True}
            where = ", in the process that has the session of spark"
        home.put(LAUNCHER, _TEXT.format(archive=ARCHIVE_NAME, where=where).encode())
        home.put(exchange.ASKED, json.dumps(asked).encode())
        file = {
            "python_file": f"{home.mounted}/{LAUNCHER}",
            "parameters": [home.mounted, self._shared.mounted],
        }
        return {"spark_python_task": file}

    def _own_task(
        self, shipment: Shipment, work: str, script: str, libraries: tuple[list[str], list[str]]
    ) -> JsonObject:
        """Return a task without our agent, whose files are sent."""
        options, task = self._options, shipment.task
        arguments = list(options.arguments if task.is_shell else task.command[1:])
        for file in shipment.snapshot.files:
            shipment.check()
            self._home.put(f"{WORK}/{file.path}", _content(shipment, file))
        (jars, wheels), sent = libraries, f"{self._home.mounted}/{WORK}/{script}"
        match work:
            case "notebook":
                path = options.notebook or str(PurePosixPath(sent).with_suffix(""))
                parameters = dict(options.parameters)
                return {"notebook_task": {"notebook_path": path, "base_parameters": parameters}}
            case "python file":
                python = {"python_file": options.python_file, "parameters": arguments}
                return {"spark_python_task": python}
            case "jar":
                jars[:0] = [sent] if script else []
                jar = {"main_class_name": options.main_class, "parameters": arguments}
                return {"spark_jar_task": jar}
            case _:
                wheels.insert(0, sent)
                package = PurePosixPath(script).name.partition("-")[0]
                wheel = {"package_name": package, "entry_point": options.entry_point or package}
                return {"python_wheel_task": {**wheel, "parameters": arguments}}

    def _library(self, shipment: Shipment, path: str) -> str:
        """Return the path of a library, which may be a file of the snapshot, in the workspace."""
        if path.startswith(("/", "dbfs:")):
            return path
        found = [file for file in shipment.snapshot.files if file.path == path]
        if not found:
            raise DefinitionError(
                f"There is no library {path!r} in the source folder.",
                remedy="Correct its path, or name one in a volume: `/Volumes/…`.",
            )
        name = f"libraries/{PurePosixPath(path).name}"
        self._home.put(name, _content(shipment, found[0]))
        return f"{self._home.mounted}/{name}"


def requirements_of(spec: EnvironmentSpec | None, tell: Teller) -> Sequence[str]:
    """Return pip's requirements of an environment, which Databricks installs for the run."""
    if spec is None or spec.kind == "user_managed":
        tell.step("environment", "the cluster's Python is used as it is")
        return ()
    locked = lock(spec)
    lines = locked_lines(locked.resolved, locked.lines) if locked.resolved else locked.lines
    options = [*(line for line in lines if line.startswith("-")), *locked.arguments]
    if options:
        raise DefinitionError(
            "Databricks installs libraries one by one, and takes no options of pip:"
            f" {' '.join(options)}.",
            remedy="Remove them; an index of your own is set for the workspace or its clusters.",
            at=spec.source,
        )
    noun = "library" if len(lines) == 1 else "libraries"
    tell.step("environment", f"{len(lines)} {noun}, with the Python of the cluster's runtime")
    return lines


def _content(shipment: Shipment, file: SnapshotFile) -> bytes:
    return object_file(shipment.snapshot.store, file.sha256).read_bytes()
