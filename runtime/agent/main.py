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
from urllib.parse import urlsplit

from runtime.agent.attempts import ATTEMPT_VARIABLE, Attempts, Start, left_s, why
from runtime.agent.context import RunContext, read_context
from runtime.agent.documents import JsonObject
from runtime.agent.events import EventLog
from runtime.agent.exit_codes import positive
from runtime.agent.files import close_off, make_folder
from runtime.agent.gateway import Gateway, NoGateway
from runtime.agent.gpus import GpuSampler, gpus
from runtime.agent.loading import load
from runtime.agent.options import (
    events_file,
    launch_of,
    log_file,
    parsed,
    retries_of,
    ssh_command,
    started_by,
)
from runtime.agent.outputs import Output
from runtime.agent.peers import PEERS_VARIABLE
from runtime.agent.ranks import (
    MPI,
    Launch,
    Process,
    expanded,
    missing_variables,
    placed,
    started_as,
)
from runtime.agent.receiver import Endpoint, Receiver
from runtime.agent.retries import RENDEZVOUS
from runtime.agent.run_data import DataError, Finish, current, without
from runtime.agent.run_facts import FACTS_VARIABLE, passed_facts
from runtime.agent.run_registrations import registered
from runtime.agent.site_folder import azureml_site, site_variables
from runtime.agent.starting import LaunchError, Network, Several, Single
from runtime.agent.supervise import IDLE, MAX_DURATION, SIGNAL, Limits, ScriptExit

AGENT_PYTHON = "AML_AGENT_PYTHON"
"""The variable with which a node gives the agent a Python of its own."""
CANNOT_START = 127
TIMED_OUT = 124
_SIGNALED = 128
_GONE = 1
_TOO_LATE = frozenset({IDLE, MAX_DURATION, RENDEZVOUS})


_BELOW_MPIRUN = {
    "daemon": "mpi_daemons:run_daemon",
    "rank": "ranked:run_rank",
    "reach": "mpi_daemons:run_reach",
}


def main(
    arguments: Sequence[str] | None = None,
    gateway: Gateway | None = None,
    finish: Finish | None = None,
) -> int:
    """Run a script and return the exit code: the script's own, 128 + n for signal n, 124, 127.

    124: it took too long, was silent for too long, or its processes did not find each other.
    ``gateway`` is how the script reaches its workspace and other runs; ``finish`` is called before
    the run's end is reported.
    """
    options = parsed(list(sys.argv[1:] if arguments is None else arguments))
    if options.action in _BELOW_MPIRUN:
        return int(load(_BELOW_MPIRUN[options.action])(options.command, os.environ))
    if options.action == "spark":
        return int(load("spark:run_spark")(options.asked, options.command))
    context = read_context(os.environ)
    process = started_as(started_by(options, os.environ))
    for folder in ("outputs", "logs"):
        make_folder(Path(folder))
    events = EventLog(Path(events_file(options, process)))
    try:
        return _Run(options, context, process, events).run(
            gateway or _gateway(context, options.relay), finish
        )
    finally:
        events.close()


class _Run:
    """One run on this node. ``process`` is which of several this is, if a launcher says so."""

    def __init__(
        self,
        options: argparse.Namespace,
        context: RunContext,
        process: Process | None,
        events: EventLog,
    ) -> None:
        self._options = options
        self._context = context
        self._process = process
        self._events = events
        self._launch = launch_of(options)
        self._left_s = left_s(
            options.max_duration, Path(events_file(options, process)), _first_attempt(os.environ)
        )

    def run(self, gateway: Gateway, finish: Finish | None) -> int:
        """Run the script, report its end and return the exit code."""
        options, events = self._options, self._events
        data = current(lambda text: events.append("message", {"text": text}))
        facts = passed_facts(os.environ, options.command)
        artifacts = Path(options.artifacts).absolute()

        def endpoint() -> Endpoint:
            make = load("endpoint:RunEndpoint")
            made: Endpoint = make(artifacts, self._context, facts, gateway, events.append)
            return made

        receiver = Receiver(endpoint, _address(options, self._launch))
        receiver.start()
        with self._output() as output, azureml_site(options.azureml) as site:
            variables = script_variables(os.environ, self._context, receiver)
            variables.update(
                site_variables(variables, site, options.azureml, receiver.url, receiver.token)
            )
            self._report_installed()
            attempts = Attempts(
                self._start(output),
                Limits(self._left_s, options.grace, options.idle_timeout),
                retries_of(options),
                events.append,
                receiver.taken_failure,
                _first_attempt(os.environ),
            )
            try:
                _require_gpus(options.gpus)
                variables = {**without(variables), **data.prepare(shared=self._has_others)}
                events.append("state", {"state": "Running"})
                outcome = self._attempted(attempts, data.filled(options.command), variables)
            except (OSError, DataError, LaunchError) as error:
                return self._cannot_start(error, output)
        completed = outcome.exit_code == 0 and not outcome.stopped_by and outcome.said is None
        register = partial(registered, gateway) if self._is_first else _left_to_the_first
        problem = data.end(finish, register, completed=completed)
        return self._ended(outcome, outcome.said or problem or None)

    def _attempted(
        self, attempts: Attempts, command: Sequence[str], variables: Mapping[str, str]
    ) -> ScriptExit:
        own = missing_variables(variables, self._process) if self._process else {}
        given = {**variables, **own}
        argv = command_line(expanded(command, given), script_python(os.environ))
        if self._options.spark:
            argv, given = self._submitted(argv, given)
        with GpuSampler(lambda data: self._events.append("metric", data)):
            return attempts.run(argv, given)

    def _submitted(
        self, argv: list[str], variables: dict[str, str]
    ) -> tuple[list[str], dict[str, str]]:
        """Return the command that submits a script to Spark, and its variables.

        Files of Workbench mean PySpark where they name no framework, but not on `local`: a script
        elsewhere that has nothing of it needs no Spark.
        """
        asked = load("spark_asked:asked_of")(self._options.spark)
        try:
            started: tuple[list[str], dict[str, str]]
            started = load("spark:spark_start")(asked, argv, variables)
        except LaunchError as error:
            if asked.required or load("spark:uses_spark")(Path(argv[1])):
                raise
            self._events.append("message", {"text": f"The script runs without Spark. {error}"})
            return argv, variables
        else:
            return started

    def _cannot_start(self, error: Exception, output: Output) -> int:
        name, options = self._options.command[0], self._options
        text = (
            f"{error.filename or name} cannot be started: {error.strerror}"
            if isinstance(error, OSError)
            else str(error)
        )
        output.say(text)
        if options.private:
            close_off(Path())
        data = {"state": "Failed", "exit_code": CANNOT_START, "error": text}
        self._events.append("state", data)
        return CANNOT_START

    def _output(self) -> Output:
        log, launch = Path(log_file(self._options, self._process)), self._launch
        ours = _first_attempt(os.environ) > 1
        if launch is None:
            return Output(log, ours=ours)
        everyone = placed(launch)
        ranks = tuple(each.rank for each in everyone if each.node == launch.node)
        return Output(log, len(everyone), ranks, by_mpirun=launch.kind == MPI, ours=ours)

    def _start(self, output: Output) -> Start:
        options, launch = self._options, self._launch
        if launch is None:
            return Single(output)
        network = Network(
            options.rendezvous_timeout,
            options.agent_port,
            os.environ.get(PEERS_VARIABLE, ""),
            ssh_command(options),
            options.interface,
            options.through_agents,
            options.meet_timeout,
        )
        return Several(launch, network, output)

    @property
    def _has_others(self) -> bool:
        """Whether other agents of the run may work in this folder, or did."""
        return self._process is not None or ATTEMPT_VARIABLE in os.environ

    @property
    def _is_first(self) -> bool:
        """Whether this agent acts for the run, which may have one for each rank."""
        return self._process is None or self._process.rank == 0

    def _report_installed(self) -> None:
        """Report the packages of a node, where nobody else knows them."""
        if self._is_first and not self._options.private:
            with suppress(OSError, ValueError):
                prefix = Path(script_python(os.environ)).parent.parent
                file = Path(load("installed:FILE"))
                load("installed:report_installed")(self._events.append, file, prefix)

    def _ended(self, outcome: ScriptExit, failure: str | None) -> int:
        options = self._options
        if options.private:
            close_off(Path())
        limits = Limits(options.max_duration, options.grace, options.idle_timeout)
        data = end_state(outcome, limits, failure)
        several = self._launch is not None and len(self._launch.hosts) > 1
        if several and data["state"] == "Failed" and outcome.stopped_by != MAX_DURATION:
            # Whoever starts the agents of all nodes decides whether it does so again.
            data["events"] = sorted(outcome.events)
        self._events.append("state", data)
        return int(data["exit_code"])


def _left_to_the_first(name: str, asset: JsonObject) -> str:
    del name, asset
    return ""


def _first_attempt(environ: Mapping[str, str]) -> int:
    given = environ.get(ATTEMPT_VARIABLE, "")
    return int(given) if given.isdecimal() else 1


def _require_gpus(count: int) -> None:
    """Raise ``LaunchError`` if this machine has fewer GPUs than were asked for."""
    found = gpus() if count else []
    if len(found) < count:
        raise LaunchError(
            f"The run asks for {count} GPU{'s' * (count > 1)}, and its machine has"
            f" {len(found) or 'none'} (see `nvidia-smi`). Choose another target, or ask for none."
        )


def _address(options: argparse.Namespace, launch: Launch | None) -> str:
    """Return where the tracking endpoint listens: ranks and drivers elsewhere need it."""
    if options.spark and load("spark_asked:asked_of")(options.spark).cluster:
        return str(load("spark:own_address")())
    if launch is not None and launch.kind == MPI and len(launch.hosts) > 1 and not launch.node:
        return launch.hosts[0]
    return "127.0.0.1"


def _gateway(context: RunContext, relay: str) -> Gateway:
    made: Gateway
    if relay:
        made = load("relay:RelayedGateway")(Path(relay).absolute())
        return made
    if context.tracking is None or not os.environ.get("AZUREML_ARM_WORKSPACE_NAME"):
        return NoGateway()
    made = load("service_gateway:ServiceGateway")(os.environ, context.tracking)
    return made


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
    own = str(urlsplit(receiver.url).hostname)
    hosts = [environ.get("NO_PROXY") or environ.get("no_proxy") or "", own]
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
    for name in ("MLFLOW_TRACKING_SERVER_CERT_PATH", FACTS_VARIABLE, AGENT_PYTHON, PEERS_VARIABLE):
        variables.pop(name, None)
    return variables


def end_state(outcome: ScriptExit, limits: Limits, failure: str | None = None) -> JsonObject:
    """Return the data of the run's last ``state`` event.

    ``failure`` is why the script said that its run failed, although it ended well.
    """
    code = positive(outcome.exit_code)
    if outcome.stopped_by == SIGNAL:
        return {"state": "Canceled", "exit_code": code or _SIGNALED + signal.SIGTERM}
    if outcome.stopped_by:
        code = TIMED_OUT if outcome.stopped_by in _TOO_LATE else _GONE
        return {"state": "Failed", "exit_code": code, "error": _stopped(outcome, limits)}
    if code == 0 and failure is not None:
        return {"state": "Failed", "exit_code": 1, "error": failure}
    if code == 0:
        return {"state": "Completed", "exit_code": 0}
    error = why(outcome)
    if outcome.last_lines:
        error += " Its last lines:\n" + "\n".join(outcome.last_lines)
    return {"state": "Failed", "exit_code": code, "error": error}


def _stopped(outcome: ScriptExit, limits: Limits) -> str:
    """Return why a script was stopped, with what it wrote last where that may say more."""
    if outcome.stopped_by == MAX_DURATION:
        return f"The script ran longer than its maximum duration of {limits.max_duration_s:g} s."
    text = outcome.text
    if outcome.stopped_by == IDLE:
        text = f"The script wrote nothing for {limits.idle_s:g} s, its idle timeout."
    last = "\n".join(outcome.last_lines)
    return f"{text} Its last lines:\n{last}" if last else text
