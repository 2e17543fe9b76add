"""One run on a node that a service starts a command on, and may take away at any time: Azure Batch.

The service lays out ``node.json`` (what is asked), the files of the run's tree, and this agent.
What the run leaves is sent to a blob container before the command ends: the node may be gone then.
Of several nodes, each one's coordination command starts its agent; the first one's is the task's.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from runtime.agent import detached
from runtime.agent.assets.errors import UserErrorException, WebserviceException
from runtime.agent.attempts import ATTEMPT_VARIABLE
from runtime.agent.detached import Agent
from runtime.agent.documents import JsonObject
from runtime.agent.events import EventLog, read_events
from runtime.agent.files import Below, files_below, make_executable, make_folder, replacing
from runtime.agent.main import AGENT_PYTHON
from runtime.agent.node_blobs import NodeBlobs
from runtime.agent.node_environment import BuildError, NodeEnvironment, activated
from runtime.agent.owner import OWNER
from runtime.agent.peers import PEERS_VARIABLE

ASKED = "node.json"
ROOT = "aml-run"
"""The run's folder, below the task's working folder."""
INDEX = "followed.json"
"""The sizes of the files that are followed, by their path in the run's folder."""
STANDARD_FILES = ("stdout.txt", "stderr.txt")
"""What the service keeps of the output of the task's command, in the task's folder."""
STANDARD_LOGS = "work/azureml-logs/batch_"
"""What precedes these names where a run's logs are."""
STRIDE = 1_000_000
"""The events of an attempt are numbered from a multiple of this."""
_ATTEMPT = "attempt.json"
_BUILD_LOG = "work/azureml-logs/20_image_build_log.txt"
_LOOK_EVERY_S = 0.1
_ASK_EVERY_S = 0.5
_OTHERS_S = 120.0
_CLAIM_S = 600.0
_LOST = 1
_TERMINATED = 143
_STORAGE = (WebserviceException, UserErrorException)
_FOREIGN = ("MLFLOW_", "AZUREML_", "AML_", OWNER, "PYTHONPATH", "PYTHONHOME")


def execute(folder: Path, environ: Mapping[str, str], agent: Agent) -> int:
    """Run the command of the task; return its exit code. ``folder`` has what was laid out."""
    return _NodeRun(folder, environ, agent).execute()


def coordinate(folder: Path, environ: Mapping[str, str], agent: Agent) -> int:
    """Run the coordination command of one of several nodes; it returns at once."""
    run = _NodeRun(folder, environ, agent)
    if run.node == 0:
        run.claim()
        return 0
    if os.fork() == 0:
        os.setsid()
        os._exit(run.execute())
    return 0


class _NodeRun:
    def __init__(self, folder: Path, environ: Mapping[str, str], agent: Agent) -> None:
        self._laid_out = folder
        self._environ = environ
        self._agent = agent
        self._asked: JsonObject = json.loads((folder / ASKED).read_text("utf-8"))
        self._root = Path(environ["AZ_BATCH_TASK_WORKING_DIR"], ROOT)
        self._blobs = NodeBlobs(self._asked["container"], self._asked["folder"])
        self._hosts = hosts(environ) if int(self._asked["nodes"]) > 1 else ("127.0.0.1",)
        self.node = node_rank(environ, self._hosts)
        self._canceled = threading.Event()
        self._terminated = threading.Event()
        self._over = threading.Event()
        self._environment: NodeEnvironment | None = None
        self._index: dict[str, int] = {}

    def claim(self) -> JsonObject:
        """Begin an attempt, unless this node did; return its facts."""
        file = self._root / _ATTEMPT
        facts = {
            "node": self._environ.get("AZ_BATCH_NODE_ID", ""),
            "dedicated": self._environ.get("AZ_BATCH_NODE_IS_DEDICATED", "true").lower() == "true",
            "nodes": self._environ.get("AZ_BATCH_NODE_LIST", ""),
            "time": time.time(),
        }
        if file.exists():
            known: JsonObject = json.loads(file.read_text("utf-8"))
            if known.pop("claimed", False):
                with replacing(file) as sink:
                    sink.write(json.dumps(known).encode())
                return known
        number, before = self._blobs.claim(facts)
        shutil.rmtree(str(self._root), ignore_errors=True)  # of an earlier attempt on this node
        make_folder(self._root)
        given = {"number": number, "before": before}
        with replacing(file) as sink:
            claimed = {**given, "claimed": int(self._asked["nodes"]) > 1}
            sink.write(json.dumps(claimed).encode())
        return given

    def execute(self) -> int:
        """Run one attempt to its end and send what it left."""
        ended = self._blobs.ended()
        if ended is not None:
            return int(ended["exit_code"])  # the node was lost after its last word
        signal.signal(signal.SIGTERM, lambda *_: self._end_all())
        number, before = self._attempt()
        events = self._root / detached.EVENTS
        make_folder(self._root / "work" / "azureml-logs")
        log = EventLog(events, (number - 1) * STRIDE)
        threading.Thread(target=self._watch, daemon=True).start()
        self._write_index()
        try:
            refused = self._refused(number, before)
            code = self._failed(log, refused) if refused else self._supervised(log, number)
        finally:
            self._over.set()
            log.close()
        if self._terminated.is_set():
            return _TERMINATED
        return self._sent(number, code)

    def _attempt(self) -> tuple[int, JsonObject | None]:
        if self.node == 0:
            claimed = self.claim()
            return int(claimed["number"]), claimed["before"]
        mine, deadline = self._environ.get("AZ_BATCH_NODE_LIST", ""), time.monotonic() + _CLAIM_S
        while time.monotonic() < deadline:
            known = self._blobs.attempts()
            if known and known[-1]["nodes"] == mine:
                return len(known), None
            time.sleep(_ASK_EVERY_S)
        raise SystemExit("The first node began no attempt.")

    def _refused(self, number: int, before: JsonObject | None) -> str:
        """Return why there must be no further attempt; ``""`` for the first one."""
        if before is None or not before["dedicated"] or number <= int(self._asked["restarts"]) + 1:
            return ""
        return lost_text(str(before["node"]), int(self._asked["restarts"]))

    def _supervised(self, log: EventLog, number: int) -> int:
        """Prepare what the script needs, run it and return the exit code of its agent."""
        began = time.time()
        log.append("state", {"state": "Preparing"})
        try:
            self._lay_out()
            count = len(self._asked["tree"]["files"])
            text = f"{count} file{'s' * (count != 1)} laid out"
            log.append("step", {"step": "unzip", "text": text}, began)
            python, variables = self._prepared(log)
        except (BuildError, OSError, *_STORAGE) as error:
            return self._failed(log, str(error))
        if self._canceled.is_set() or self._terminated.is_set():
            return self._failed(log, "")
        variables[ATTEMPT_VARIABLE] = str(number)
        arguments = [*self._asked["arguments"]]
        arguments[1:1] = self._of_several()
        if not self._asked["is_shell"]:
            arguments[arguments.index("--") + 1] = python
        detached.start(self._root, arguments, variables, self._agent)
        return self._waited()

    def _failed(self, log: EventLog, error: str) -> int:
        """Report the end of a run whose agent was not started."""
        if not self._terminated.is_set():
            final = {"state": "Canceled"} if self._canceled.is_set() else {"state": "Failed"}
            given = {} if self._canceled.is_set() else {"exit_code": _LOST, "error": error}
            log.append("state", {**final, **given})
        return _LOST

    def _lay_out(self) -> None:
        """Move the files of the run's tree to its folder; ask storage for those that are gone."""
        tree, below = self._asked["tree"], Below(self._root)
        for name in tree["folders"]:
            make_folder(below.file(name))
        for path, _, _, executable in tree["files"]:
            blob = f"{tree['folder']}/{path}"
            source, file = self._laid_out / blob, below.file(path)
            make_folder(file.parent)
            if source.exists():
                source.replace(file)
            elif not file.exists():
                self._blobs.fetch(blob, file)
            # What the service lays out may be executable as a whole.
            file.chmod(file.stat().st_mode & 0o666)
            if executable:
                with file.open("rb") as opened:
                    make_executable(opened.fileno())

    def _prepared(self, log: EventLog) -> tuple[str, dict[str, str]]:
        """Return the script's interpreter, and its variables."""
        own = {k: v for k, v in self._environ.items() if not k.startswith(_FOREIGN)}
        asked = self._asked["environment"]
        python = str(self._asked["interpreter"] or sys.executable)
        if asked is None:
            log.append("step", {"step": "environment", "text": f"{python} is used as it is"})
            own = self._with_starter(python, own)
        else:
            began = time.time()
            folder, reused = self._built(asked)
            python = str(folder / "bin" / "python")
            own = activated(folder, asked["variables"], own)
            how = "reused" if reused else "built"
            log.append("step", {"step": "environment", "text": f"{how} {asked['key']}"}, began)
        own[AGENT_PYTHON] = sys.executable
        found = {**own, **self._asked["variables"], OWNER: self._asked["owner"]}
        found["AZUREML_NODE_COUNT"] = str(self._asked["nodes"])
        if len(self._hosts) > 1:
            found[PEERS_VARIABLE] = str(self._asked["secret"])
        return python, found | {k: f"{self._root}/{v}" for k, v in self._asked["paths"].items()}

    def _with_starter(self, python: str, own: dict[str, str]) -> dict[str, str]:
        """Return variables with a ``PATH`` on which ``python`` is the script's interpreter."""
        starter = self._root / "bin" / "python"
        make_folder(starter.parent)
        starter.write_text(f'#!/bin/sh\nexec {shlex.quote(python)} "$@"\n', "utf-8")
        starter.chmod(0o700)
        return {**own, "PATH": f"{starter.parent}{os.pathsep}{own.get('PATH', os.defpath)}"}

    def _built(self, asked: JsonObject) -> tuple[Path, bool]:
        shared = Path(self._environ["AZ_BATCH_NODE_SHARED_DIR"], "aml")
        file = self._root / _BUILD_LOG
        with file.open("a", encoding="utf-8", buffering=1) as sink:

            def told(line: str) -> None:
                sink.write(f"{line}\n")
                self._write_index()

            self._environment = NodeEnvironment(asked, shared, self._laid_out, told)
            return self._environment.built()

    def _of_several(self) -> list[str]:
        """Return the options of an agent that is one of several."""
        if len(self._hosts) == 1:
            return []
        port, agent_port = self._asked["ports"]
        return [
            f"--hosts={','.join(self._hosts)}",
            f"--node-rank={self.node}",
            f"--port={port}",
            f"--agent-port={agent_port}",
        ]

    def _waited(self) -> int:
        """Wait for the agent; return its exit code."""
        asked = False
        while detached.running(self._root) is not None:
            if self._terminated.is_set():
                detached.clear(self._root, self._asked["owner"])
                return _TERMINATED
            if self._canceled.is_set() and not asked:
                detached.cancel(self._root)
                asked = True
            self._write_index()
            time.sleep(_LOOK_EVERY_S)
        self._write_index()
        detached.clear(self._root, self._asked["owner"])
        file = self._root / "exit"
        return int(file.read_text("utf-8")) if file.exists() else _LOST

    def _write_index(self) -> None:
        """Tell whoever reads the node's files which have grown."""
        files = {detached.EVENTS: self._root / detached.EVENTS}
        for name in STANDARD_FILES:
            files[f"{STANDARD_LOGS}{name}"] = self._root.parents[1] / name
        for top in detached.FOLLOWED:
            for name, problem in files_below(self._root / top):
                if not problem:
                    files[f"{top}/{name}"] = self._root / top / name
        sizes = {}
        for name, file in files.items():
            with suppress(OSError):
                sizes[name] = file.stat().st_size
        if sizes != self._index:
            self._index = sizes
            with replacing(self._root / INDEX) as sink:
                sink.write(json.dumps(sizes).encode())

    def _watch(self) -> None:
        """Look whether the run is to stop."""
        while not self._over.wait(_ASK_EVERY_S):
            if not self._canceled.is_set() and self._blobs.canceled():
                self._canceled.set()
                if self._environment is not None:
                    self._environment.stop()

    def _end_all(self) -> None:
        """End everything: the service wants its node back, and the run may go on elsewhere."""
        self._terminated.set()
        if self._environment is not None:
            self._environment.stop()

    def _sent(self, number: int, code: int) -> int:
        """Send what the attempt left; say that it has ended, once all its nodes have."""
        problems = self._blobs.send(self._root, number)
        if self.node:
            self._blobs.mark(f"sent/{number}-{self.node}")
            return code
        deadline = time.monotonic() + _OTHERS_S
        for other in range(1, len(self._hosts)):
            while not self._blobs.marked(f"sent/{number}-{other}"):
                if time.monotonic() > deadline:
                    problems.append(f"Node {other} ({self._hosts[other]}) sent no files")
                    break
                time.sleep(_ASK_EVERY_S)
        self._blobs.send_file(self._root, number, detached.EVENTS)
        reason = "" if self._said_the_end() else self._last_words(code)
        with suppress(OSError):
            (self._laid_out / ASKED).unlink()  # it may hold secrets
        said = {"attempt": number, "exit_code": code, "reason": reason, "problems": problems}
        self._blobs.end(said)
        return code

    def _said_the_end(self) -> bool:
        content = (self._root / detached.EVENTS).read_bytes()
        data = (event["data"] for event in read_events(content) if event["kind"] == "state")
        return any(each.get("state") in ("Completed", "Failed", "Canceled") for each in data)

    def _last_words(self, code: int) -> str:
        log = self._root / "process.log"
        lines = log.read_text("utf-8", "replace").splitlines() if log.exists() else []
        return "\n".join([f"The run's agent ended with exit code {code}.", *lines[-10:]])


def hosts(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the addresses of a task's nodes, that of the first one first."""
    listed = [each for each in environ.get("AZ_BATCH_HOST_LIST", "").split(",") if each]
    first = environ.get("AZ_BATCH_MASTER_NODE", "").rpartition(":")[0]
    if first in listed:
        listed.remove(first)
        listed.insert(0, first)
    return tuple(listed)


def node_rank(environ: Mapping[str, str], addresses: Sequence[str]) -> int:
    """Return the number of this node among a task's, 0 for the one of its command."""
    if environ.get("AZ_BATCH_IS_CURRENT_NODE_MASTER", "true").lower() == "true":
        return 0
    names = environ.get("AZ_BATCH_NODE_LIST", "").split(";")
    if environ.get("AZ_BATCH_NODE_ID") in names:
        return names.index(environ["AZ_BATCH_NODE_ID"])
    for number, address in enumerate(addresses):
        with suppress(OSError), socket.socket() as probe:
            probe.bind((address, 0))  # only an address of this node can be bound
            return number
    raise SystemExit(f"This node is none of {', '.join(addresses)}.")


def lost_text(node: str, restarts: int) -> str:
    """Return why a run has failed whose node was lost."""
    again = f" for the {restarts + 1}. time" if restarts else ""
    return (
        f"The node {node} was lost while the run was on it{again}. Ask for retries with the event"
        " `lost` to have it start again."
    )
