"""The options of the agent: ``run`` for a run, ``rank`` for one rank below ``mpirun``."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping

from runtime.agent.ranks import MPI, PORT, PYTORCH, TENSORFLOW, Launch, Process, log_name
from runtime.agent.rendezvous import TIMEOUT_S
from runtime.agent.retries import EVENTS, Retries
from runtime.agent.site_folder import ALWAYS, FILL, NEVER

EVENTS_FILE = "logs/azureml/aml_events.jsonl"
ARTIFACTS_FOLDER = "outputs/artifacts"
OTHER_EVENTS = "logs/azureml/aml_events_"
"""How the files of other ranks and nodes begin."""


def parsed(arguments: list[str]) -> argparse.Namespace:
    """Return the options. Ends the process with a message if they are wrong."""
    parser = argparse.ArgumentParser(prog="aml_agent", description="Runs a training script.")
    commands = parser.add_subparsers(dest="action", required=True)
    rank = commands.add_parser("rank", help="be one rank below mpirun")
    rank.add_argument("command", nargs=argparse.REMAINDER)
    spark = commands.add_parser("spark", help="submit a PySpark script, and be its output")
    spark.add_argument("asked", metavar="JSON", help="how it is submitted")
    spark.add_argument("command", nargs=argparse.REMAINDER)
    reach = commands.add_parser("reach", help="be mpirun's way to another node")
    reach.add_argument("command", nargs=argparse.REMAINDER)
    daemon = commands.add_parser("daemon", help="wait for what mpirun starts on this node")
    daemon.add_argument("command", nargs=argparse.REMAINDER)
    run = commands.add_parser("run", help="run a script and record what happens")
    run.add_argument("--events", default="", help="file the events are appended to")
    run.add_argument("--log", default="", help="file for the script's output")
    run.add_argument("--artifacts", default=ARTIFACTS_FOLDER, help="folder for MLflow's artifacts")
    run.add_argument("--private", action="store_true", help="close the folder's files to others")
    run.add_argument(
        "--azureml",
        choices=(ALWAYS, FILL, NEVER),
        default=FILL,
        help="when our azureml package answers: always, where Microsoft's is absent, or never",
    )
    run.add_argument("--spark", default="", metavar="JSON", help="submit the script to Spark")
    run.add_argument("--relay", default="", metavar="FOLDER", help="ask for the workspace there")
    run.add_argument("--gpus", type=int, default=0, metavar="N", help="fail with fewer GPUs")
    _add_limits(run.add_argument_group("limits"))
    _add_processes(run.add_argument_group("several processes"))
    run.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    options.command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not options.command:
        parser.error("no command: end the options with -- and name the script")
    if options.action == "run" and len(hosts(options)) > 1 and options.max_retries:
        parser.error("--max-retries: the agent of one node cannot start those of others again")
    return options


def _add_limits(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--max-duration", type=float, default=0.0, metavar="SECONDS")
    group.add_argument("--grace", type=float, default=30.0, metavar="SECONDS")
    group.add_argument(
        "--idle-timeout", type=float, default=0.0, metavar="SECONDS", help="longest time silent"
    )
    group.add_argument("--max-retries", type=int, default=0, metavar="N")
    group.add_argument("--retry-exit-code", type=int, action="append", default=[], metavar="CODE")
    group.add_argument("--retry-event", choices=EVENTS, action="append", default=[])


def _add_processes(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--ranked", action="store_true", help="a launcher starts several agents")
    group.add_argument("--distribution", choices=(MPI, PYTORCH, TENSORFLOW))
    group.add_argument("--processes", type=int, default=1, metavar="N", help="on each node")
    group.add_argument("--workers", type=int, default=1, metavar="N", help="of TensorFlow")
    group.add_argument("--parameter-servers", type=int, default=0, metavar="N")
    group.add_argument("--backend", default="", help="of PyTorch, for scripts that read it")
    group.add_argument("--hosts", default="", metavar="A,B", help="the nodes, the first one first")
    group.add_argument("--node-rank", type=int, default=0, metavar="N", help="this node's number")
    group.add_argument("--port", type=int, default=PORT, help="where rank 0 listens")
    group.add_argument("--agent-port", type=int, default=PORT - 1, help="where its agent does")
    group.add_argument("--rendezvous-timeout", type=float, default=TIMEOUT_S, metavar="SECONDS")
    group.add_argument(
        "--meet-timeout",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="after which an agent that was started, but has not connected, is lost",
    )
    group.add_argument("--ssh", default="", metavar="COMMAND", help="how mpirun reaches the nodes")
    group.add_argument(
        "--through-agents",
        action="store_true",
        help="mpirun reaches the nodes through their agents, which all are started, not over ssh",
    )
    group.add_argument(
        "--interface",
        default="",
        metavar="NAME",
        help="interface, or network as 10.0.0.0/24, of MPI's messages",
    )


def hosts(options: argparse.Namespace) -> tuple[str, ...]:
    """Return the nodes; one is this machine, whatever its name."""
    given = tuple(host for host in options.hosts.split(",") if host)
    return given if len(given) > 1 else ("127.0.0.1",)


def launch_of(options: argparse.Namespace) -> Launch | None:
    """Return how several processes are started; ``None`` for one."""
    if options.distribution is None:
        return None
    return Launch(
        options.distribution,
        processes_per_node=options.processes,
        workers=options.workers,
        parameter_servers=options.parameter_servers,
        backend=options.backend,
        hosts=hosts(options),
        node=options.node_rank,
        port=options.port,
    )


def retries_of(options: argparse.Namespace) -> Retries:
    """Return when a script that failed is started again."""
    return Retries(
        options.max_retries, frozenset(options.retry_exit_code), frozenset(options.retry_event)
    )


def ssh_command(options: argparse.Namespace) -> list[str]:
    """Return the ssh client with its options; empty for the one that mpirun chooses."""
    return shlex.split(options.ssh)


def events_file(options: argparse.Namespace, process: Process | None) -> str:
    """Return the file of the events: those of the first node's rank 0 are the run's."""
    if options.events:
        return str(options.events)
    if process is not None and process.rank:
        return f"{OTHER_EVENTS}process_{process.rank}.jsonl"
    if options.node_rank:
        return f"{OTHER_EVENTS}node_{options.node_rank}.jsonl"
    return EVENTS_FILE


def log_file(options: argparse.Namespace, process: Process | None) -> str:
    """Return the file of the output."""
    if options.log:
        return str(options.log)
    return log_name(process.rank, process.size) if process else log_name(0, 1)


def started_by(options: argparse.Namespace, environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the variables in which a launcher says which process this is; none without one."""
    return environ if options.ranked else {}
