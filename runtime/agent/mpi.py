"""How Open MPI's ``mpirun`` is called, and what its messages say. Pure, but for finding it.

Versions 4 and 5 differ in the option that names the ssh client. Ranks are placed block-wise and
not bound to cores, which would give all threads of a rank one core.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime.agent.exit_codes import exit_text
from runtime.agent.ranks import Launch

_VERSION = re.compile(r"\(Open MPI\) (\d+)\.")
_FAILED = (
    re.compile(r"Process name: \[(?:\[\d+,\d+\]|[^\],]*),(\d+)\]"),
    re.compile(r"process rank (\d+) with PID"),
    re.compile(r"MPI_ABORT was invoked on rank (\d+)"),
    re.compile(r"Rank (\d+) failed with "),
)
_WITH_PRTE = 5
"""The version in which another program, PRRTE, starts the ranks."""
_HERE_ONLY = re.compile(
    r"(OMPI_|PMIX_|PRTE_|SSH_|XDG_|DBUS_|LC_)\w*|HOME|USER|LOGNAME|SHELL|PWD|OLDPWD|TERM|TMPDIR|MAIL"
    r"|HOSTNAME|_|SHLVL|LANG|LD_LIBRARY_PATH"
)
_NAME = re.compile(r"[A-Za-z_]\w*")

ROOT_VARIABLES: Mapping[str, str] = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "PRTE_ALLOW_RUN_AS_ROOT": "1",
    "PRTE_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
}
"""Containers and nodes of Azure ML run everything as root, which Open MPI refuses by default."""


def mpi_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what ``mpirun`` needs of its environment, and may not have."""
    return {**ROOT_VARIABLES, "HOME": environ.get("HOME") or str(Path("~").expanduser())}


class NoMpiError(Exception):
    """There is no usable ``mpirun``; the text says what to do."""


@dataclass(frozen=True)
class Mpirun:
    """An ``mpirun`` of Open MPI and its major version."""

    path: str
    version: int


def found_mpirun(path: str, variables: Mapping[str, str]) -> Mpirun:
    """Return the ``mpirun`` on a search path, which gets these variables. Raises ``NoMpiError``."""
    found = shutil.which("mpirun", path=path)
    if found is None:
        raise NoMpiError(
            "There is no mpirun on the PATH of the run. Add `openmpi` (and `mpi4py`) to the"
            " environment's packages, or install Open MPI on the node."
        )
    done = subprocess.run(
        [found, "--version"],
        env=dict(variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    text = done.stdout.decode(errors="replace")
    match = _VERSION.search(text)
    if match is None:
        raise NoMpiError(
            f"{found} is not Open MPI's mpirun, which starts the processes of a run. It says:"
            f" {text.strip()[:200]}"
        )
    return Mpirun(found, int(match[1]))


def mpirun_argv(
    mpirun: Mpirun,
    launch: Launch,
    command: Sequence[str],
    *,
    hostfile: Path | None = None,
    ssh: Sequence[str] = (),
    interface: str = "",
    forwarded: Iterable[str] = (),
    attached: bool = False,
) -> list[str]:
    """Return the command line that starts ``command`` once for each rank.

    One host needs none of the keywords. For several, ``hostfile`` has ``hostfile_text``, ``ssh`` is
    the client with its options, ``interface`` the network's interface where a node has several,
    and ``forwarded`` are the names of variables that the other hosts get. ``attached``: what is
    started at a host must not leave its session.
    """
    count = launch.processes_per_node * len(launch.hosts)
    argv = [mpirun.path, "--bind-to", "none", "--map-by", "slot", "-np", str(count)]
    if len(launch.hosts) == 1:
        return [*argv, "--host", f"localhost:{count}", *command]
    argv += ["--hostfile", str(hostfile)]
    prefix = Path(mpirun.path).parent.parent
    argv += ["--prefix", str(prefix)] if prefix != Path("/usr") else []
    by_prte = mpirun.version >= _WITH_PRTE
    if ssh:
        option = ("--prtemca", "plm_ssh_agent") if by_prte else ("--mca", "plm_rsh_agent")
        argv += [*option, shlex.join(ssh)]
    if attached:
        name = "prte_leave_session_attached" if by_prte else "orte_leave_session_attached"
        argv += ["--prtemca" if by_prte else "--mca", name, "1"]
    if interface:
        option = ("--prtemca", "prte_if_include") if by_prte else ("--mca", "oob_tcp_if_include")
        argv += ["--mca", "btl_tcp_if_include", interface, *option, interface]
    for name in forwarded:
        argv += ["-x", name]
    return [*argv, *command]


def hostfile_text(launch: Launch) -> str:
    """Return the hosts as ``mpirun`` reads them."""
    return "".join(f"{host} slots={launch.processes_per_node}\n" for host in launch.hosts)


def forwarded_names(variables: Mapping[str, str]) -> list[str]:
    """Return the names of variables that mean the same on another host."""
    names = (name for name in variables if _NAME.fullmatch(name))
    return sorted(name for name in names if not _HERE_ONLY.fullmatch(name))


def failure_text(rank: int, code: int) -> str:
    """Return what a rank writes among the messages of ``mpirun`` when it failed unasked.

    ``mpirun`` (4.1, watched) says which one it was only in nineteen cases of twenty.
    """
    return f"Rank {rank} failed with {exit_text(code)}."


def failed_rank(text: str) -> int | None:
    """Return the first rank that failed, by what ``mpirun`` and the ranks wrote.

    ``None`` if nobody says.
    """
    # What a rank wrote meanwhile cuts a line of ``mpirun`` in two.
    for said in (text, text.replace("\n", "")):
        for pattern in _FAILED:
            match = pattern.search(said)
            if match is not None:
                return int(match[1])
    return None
