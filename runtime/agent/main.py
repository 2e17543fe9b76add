"""The agent's command line: ``python aml_agent.pyz run [options] -- python train.py …``.

Combines the tracking endpoint, the supervisor and the event stream around one script. Works the
same when started by a target or by hand.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import final

from runtime.agent.artifacts import Artifacts
from runtime.agent.backends import ForwardingBackend, OwnBackend, TrackingBackend
from runtime.agent.context import RunContext, read_context
from runtime.agent.documents import JsonObject
from runtime.agent.events import EventLog
from runtime.agent.exit_codes import exit_text
from runtime.agent.files import close_off, make_folder, open_to_append
from runtime.agent.forward import Forwarder
from runtime.agent.gateway import Gateway, NoGateway
from runtime.agent.installed import FILE as INSTALLED_FILE
from runtime.agent.installed import report_installed
from runtime.agent.receiver import Receiver
from runtime.agent.run_calls import RunCalls
from runtime.agent.run_data import DataError, Finish, current, without
from runtime.agent.run_facts import FACTS_VARIABLE, RunFacts, passed_facts
from runtime.agent.run_registrations import registered
from runtime.agent.service_gateway import ServiceGateway
from runtime.agent.site_folder import ALWAYS, FILL, NEVER, azureml_site, site_variables
from runtime.agent.supervise import Limits, ScriptExit, Supervisor
from runtime.agent.tracking import InMemoryTracking

EVENTS_FILE = "logs/azureml/aml_events.jsonl"
LOG_FILE = "user_logs/std_log.txt"
ARTIFACTS_FOLDER = "outputs/artifacts"
AGENT_PYTHON = "AML_AGENT_PYTHON"
"""The variable with which a node gives the agent a Python of its own."""
CANNOT_START = 127
TIMED_OUT = 124
_SIGNALED = 128


def main(
    arguments: Sequence[str] | None = None,
    gateway: Gateway | None = None,
    finish: Finish | None = None,
) -> int:
    """Run a script and return the exit code: the script's own, 128 + n for signal n, 124, 127.

    ``gateway`` is how the script reaches its workspace and other runs; ``finish`` is called before
    the run's end is reported.
    """
    options = _options(list(sys.argv[1:] if arguments is None else arguments))
    context = read_context(os.environ)
    for folder in ("outputs", "logs"):
        make_folder(Path(folder))
    events = EventLog(Path(options.events))
    try:
        return _run(options, context, events, gateway or _gateway(context), finish)
    finally:
        events.close()


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="aml_agent", description="Runs a training script.")
    commands = parser.add_subparsers(dest="action", required=True)
    run = commands.add_parser("run", help="run a script and record what happens")
    run.add_argument("--events", default=EVENTS_FILE, help="file the events are appended to")
    run.add_argument("--log", default=LOG_FILE, help="file for the script's output")
    run.add_argument("--artifacts", default=ARTIFACTS_FOLDER, help="folder for MLflow's artifacts")
    run.add_argument("--max-duration", type=float, default=0.0, metavar="SECONDS")
    run.add_argument("--grace", type=float, default=30.0, metavar="SECONDS")
    run.add_argument("--private", action="store_true", help="close the folder's files to others")
    run.add_argument(
        "--azureml",
        choices=(ALWAYS, FILL, NEVER),
        default=FILL,
        help="when our azureml package answers: always, where Microsoft's is absent, or never",
    )
    run.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    options.command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not options.command:
        parser.error("no command: end the options with -- and name the script")
    return options


def _run(
    options: argparse.Namespace,
    context: RunContext,
    events: EventLog,
    gateway: Gateway,
    finish: Finish | None,
) -> int:
    data = current(lambda text: events.append("message", {"text": text}))
    facts = passed_facts(os.environ, options.command)
    backend = _backend(options, context, facts, events)
    calls = RunCalls(backend, context, facts, gateway, events.append)
    receiver = Receiver(backend, calls)
    receiver.start()
    with _Copies(Path(options.log)) as copy, azureml_site(options.azureml) as site:
        supervisor = Supervisor(copy.write, Limits(options.max_duration, options.grace))
        variables = script_variables(os.environ, context, receiver)
        variables.update(
            site_variables(variables, site, options.azureml, receiver.url, receiver.token)
        )
        if not options.private:  # on a cluster nobody else knows what was installed
            with suppress(OSError, ValueError):
                prefix = Path(script_python(os.environ)).parent.parent
                report_installed(events.append, Path(INSTALLED_FILE), prefix)
        try:
            variables = {**without(variables), **data.prepare()}
            events.append("state", {"state": "Running"})
            command = command_line(options.command, script_python(os.environ))
            outcome = supervisor.run(data.filled(command), variables)
        except (OSError, DataError) as error:
            text = (
                str(error)
                if isinstance(error, DataError)
                else f"{options.command[0]} cannot be started: {error.strerror}"
            )
            copy.write(text.encode() + b"\n")
            events.append("state", {"state": "Failed", "exit_code": CANNOT_START, "error": text})
            return CANNOT_START
    completed = outcome.exit_code == 0 and not outcome.stopped_by and calls.failure is None
    problem = data.end(finish, partial(registered, gateway), completed=completed)
    return _ended(outcome, options, events, calls.failure or problem or None)


def _ended(
    outcome: ScriptExit, options: argparse.Namespace, events: EventLog, failure: str | None
) -> int:
    if options.private:
        close_off(Path())
    data = end_state(outcome, options.max_duration, failure)
    events.append("state", data)
    return int(data["exit_code"])


def _gateway(context: RunContext) -> Gateway:
    if context.tracking is None or not os.environ.get("AZUREML_ARM_WORKSPACE_NAME"):
        return NoGateway()
    return ServiceGateway(os.environ, context.tracking)


def _backend(
    options: argparse.Namespace, context: RunContext, facts: RunFacts, events: EventLog
) -> TrackingBackend:
    if context.tracking is not None:
        return ForwardingBackend(Forwarder(context.tracking), context.run_id, events.append)
    tracking = InMemoryTracking(
        context.run_id, context.experiment, context.experiment_id, facts.tags
    )
    artifacts = Artifacts(
        Path(options.artifacts), context.run_id, tracking.model_name, tracking.model_run
    )
    return OwnBackend(tracking, artifacts, context.run_id, events.append)


def command_line(command: Sequence[str], python: str) -> list[str]:
    """Return the command with ``python`` replaced by the script's interpreter."""
    return [python if command[0] == "python" else command[0], *command[1:]]


def script_python(environ: Mapping[str, str]) -> str:
    """Return the script's interpreter: this one, or that on PATH if a node gave the agent its own.

    A node whose own Python runs the agent can have a script on an older one than the agent's.
    """
    on_path = shutil.which("python", path=environ.get("PATH")) if AGENT_PYTHON in environ else None
    return on_path or sys.executable


def script_variables(
    environ: Mapping[str, str], context: RunContext, receiver: Receiver
) -> dict[str, str]:
    """Return the script's environment variables, with MLflow pointed at the endpoint."""
    hosts = [environ.get("NO_PROXY") or environ.get("no_proxy") or "", "127.0.0.1"]
    no_proxy = ",".join(host for host in hosts if host)
    experiment = {
        "MLFLOW_EXPERIMENT_ID": context.experiment_id,
        "MLFLOW_EXPERIMENT_NAME": context.experiment,
    }
    variables = {
        **environ,
        # An upstream tracking server assigns its own experiment ids, which are unknown here.
        **({} if context.tracking else experiment),
        "AZUREML_RUN_ID": context.run_id,
        "MLFLOW_RUN_ID": context.run_id,
        "MLFLOW_TRACKING_URI": receiver.url,
        "MLFLOW_TRACKING_TOKEN": receiver.token,
        # MLflow would print the address of a run's page, which the endpoint does not have.
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
        "PYTHONUNBUFFERED": "1",
    }
    for name in ("MLFLOW_TRACKING_SERVER_CERT_PATH", FACTS_VARIABLE, AGENT_PYTHON):
        variables.pop(name, None)
    return variables


def end_state(outcome: ScriptExit, max_duration_s: float, failure: str | None = None) -> JsonObject:
    """Return the data of the run's last ``state`` event.

    ``failure`` is why the script said that its run failed, although it ended well.
    """
    code = outcome.exit_code if outcome.exit_code >= 0 else _SIGNALED - outcome.exit_code
    if outcome.stopped_by == "signal":
        return {"state": "Canceled", "exit_code": code or _SIGNALED + signal.SIGTERM}
    if outcome.stopped_by:
        error = f"The script ran longer than its maximum duration of {max_duration_s:g} s."
        return {"state": "Failed", "exit_code": TIMED_OUT, "error": error}
    if code == 0 and failure is not None:
        return {"state": "Failed", "exit_code": 1, "error": failure}
    if code == 0:
        return {"state": "Completed", "exit_code": 0}
    last = "\n".join(outcome.last_lines)
    error = f"The script ended with {exit_text(code)}." + (
        f" Its last lines:\n{last}" if last else ""
    )
    return {"state": "Failed", "exit_code": code, "error": error}


@final
class _Copies:
    """Copies the script's output to standard output, and to the log unless a service writes it.

    A service that captures output itself has created the log file already; writing it from two
    processes would garble it.
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        self._sinks: list[int] = [sys.stdout.fileno()]

    def __enter__(self) -> _Copies:
        with suppress(FileExistsError):
            self._sinks.append(open_to_append(self._log, os.O_EXCL))
        return self

    def __exit__(self, *_: object) -> None:
        for sink in self._sinks[1:]:
            os.close(sink)

    def write(self, data: bytes) -> None:
        """Write to every sink; a closed one is dropped."""
        for sink in list(self._sinks):
            try:
                rest = memoryview(data)
                while rest:
                    rest = rest[os.write(sink, rest) :]
            except OSError:
                self._sinks.remove(sink)
