"""``spark-submit`` on the head node of a cluster: takes YARN's arguments and runs Spark itself.

Spark is PyPI's, in an environment that is built on first use, on all cores of this machine. In
cluster mode the driver runs in a folder of its own, with its files and archives, and its output is
what ``yarn logs`` shows; the client reports states and exits with 1 if the application failed.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from typing import IO, Final

from infra.contract.errors import PlatformError, UsageError
from localcloud.services.hdinsight.applications import Application, new_application
from localcloud.services.hdinsight.yarn import Submission, submission
from localcloud.services.pythons import SPARK, python_with, require_java, spark_variables

ENVIRONMENTS: Final = "AML_SPARK_ENVIRONMENTS"
APPLICATIONS: Final = "AML_SPARK_APPLICATIONS"
INSTALLING_HOME: Final = "AML_SPARK_INSTALLING_HOME"
"""The home folder whose caches the installer uses: an account of a machine has none."""
_SENT: Final = ("--py-files", "--jars")
_REMOTE: Final = ("wasb:", "wasbs:", "abfs:", "abfss:", "adl:", "hdfs:")


def main(words: Sequence[str]) -> int:
    """Run an application; return the exit code of ``spark-submit``."""
    try:
        wanted = submission(words)
        require_java()
        _require_files(wanted)
        for each in wanted.left_out:
            _say(f"Without YARN this has no effect: {each}")
        application = new_application(Path(os.environ[APPLICATIONS]), wanted.name)
        return _run(wanted, application)
    except PlatformError as error:
        _say(f"{error.detail} {error.remedy}")
        return 1


def _run(wanted: Submission, application: Application) -> int:
    environ = {**os.environ, "HOME": os.environ.get(INSTALLING_HOME, str(Path.home()))}
    built = Path(os.environ[ENVIRONMENTS])
    with python_with(built, [SPARK], _say, Event(), environ) as python, ExitStack() as stack:
        outputs: list[IO[bytes] | None] = [None, None]
        program, folder = wanted.program, Path.cwd()
        shipped = _shipped(wanted)
        if wanted.cluster:
            folder = application.folder
            program = _localize(wanted, folder)
            outputs = [stack.enter_context(file.open("wb")) for file in application.logs]
            shipped = []
        command = [
            *(str(python.with_name("spark-submit")), "--master", "local[*]"),
            *("--conf", "spark.ui.enabled=false", *_absolute(wanted.options), *shipped),
            *(program, *wanted.arguments),
        ]
        variables = {**os.environ, **spark_variables(python), **wanted.variables}
        process = subprocess.Popen(
            command, cwd=folder, env=variables, stdout=outputs[0], stderr=outputs[1]
        )
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda which, _: process.send_signal(which))
        application.change(state="RUNNING", pid=process.pid)
        _say(f"Submitted application {application.id}")
        _say(f"Application report for {application.id} (state: RUNNING)")
        code = process.wait()
    return _ended(wanted, application, code)


def _ended(wanted: Submission, application: Application, code: int) -> int:
    killed = code < 0
    final = "SUCCEEDED" if code == 0 else "KILLED" if killed else "FAILED"
    state = "KILLED" if killed else "FINISHED"
    application.change(state=state, final=final, exit_code=code)
    _say(f"Application report for {application.id} (state: {state})")
    _say(f"final status: {final}")
    if wanted.cluster and code != 0:
        _say(f"Its output: yarn logs -applicationId {application.id}")
        return 1
    return code if code >= 0 else 128 - code


def _require_files(wanted: Submission) -> None:
    """Refuse files that are not on the head node."""
    named = (wanted.program, *wanted.files, *wanted.archives)
    remote = [name for name in named if name.startswith(_REMOTE)]
    if remote:
        raise UsageError(
            f"{', '.join(remote)}: Spark here cannot read the cluster's storage.",
            remedy="Copy the files to the head node with scp.",
        )
    gone = [name for name in named if not _local(name).exists()]
    if gone:
        raise UsageError(
            f"There is no file {', '.join(gone)} on the head node.", remedy="Copy it there first."
        )


def _local(name: str) -> Path:
    return Path(name.partition("#")[0].removeprefix("local:").removeprefix("file://"))


def _absolute(options: Sequence[str]) -> Iterator[str]:
    """Yield options of Spark whose files can be found from another folder, as YARN sends them."""
    before = ""
    for word in options:
        names = word.split(",") if before in _SENT else ()
        yield ",".join(n if ":" in n else str(Path(n).absolute()) for n in names) or word
        before = word


def _shipped(wanted: Submission) -> list[str]:
    named = (("--files", wanted.files), ("--archives", wanted.archives))
    return [word for option, names in named if names for word in (option, ",".join(names))]


def _localize(wanted: Submission, folder: Path) -> str:
    """Put an application's files into its container; return the program's name there."""
    for name in wanted.files:
        source, _, alias = name.partition("#")
        shutil.copy2(_local(source), folder / (alias or Path(source).name))
    for name in wanted.archives:
        source, _, alias = name.partition("#")
        unpack(_local(source), folder / (alias or Path(source).name))
    program = _local(wanted.program)
    shutil.copy2(program, folder / program.name)
    return program.name


def unpack(archive: Path, folder: Path) -> None:
    """Unpack an archive below a folder. Raises ``UsageError`` for one that leads out of it."""
    if not tarfile.is_tarfile(archive):
        shutil.unpack_archive(archive, folder)  # leaves out what leads out of the folder
        return
    try:
        with tarfile.open(archive) as opened:
            # Links may lead anywhere: those of a virtual environment lead to its Python.
            opened.extractall(folder, filter="tar")
    except tarfile.FilterError as error:
        raise UsageError(
            f"{archive.name} cannot be unpacked: {error}.",
            remedy="Pack it with names that are relative to its top folder.",
        ) from error


def launcher(module: str, settings: Mapping[str, str]) -> str:
    """Return a program for a head node that runs a module of this package with settings."""
    given = " ".join(f"{name}={shlex.quote(value)}" for name, value in settings.items())
    return f'#!/bin/sh\n{given} exec {shlex.quote(sys.executable)} -I -m {module} "$@"\n'


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
