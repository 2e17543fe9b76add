"""Runs a PySpark script: ``spark-submit`` is started, and the script as Spark's driver.

``aml_agent spark ASKED -- PYTHON SCRIPT ARGUMENTS`` is what the agent supervises in place of the
script: its output is the script's alone, its exit code the script's own. What Spark itself writes
is in ``logs/spark/spark-submit.out``; after the end, YARN's logs are beside it.
"""

from __future__ import annotations

import json
import os
import pkgutil
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import typing
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from runtime.agent.attempts import ATTEMPT_VARIABLE
from runtime.agent.files import open_to_append, open_to_go_on
from runtime.agent.run_calls import RUN_API
from runtime.agent.spark_asked import APPLICATION_PROPERTY, Asked, asked_of
from runtime.agent.spark_parts import Parts, own_variables
from runtime.agent.spark_relay import Relay
from runtime.agent.starting import LaunchError, own_command

SPARK_LOG = "logs/spark/spark-submit.out"
YARN_LOGS = "logs/spark"
_DRIVER = "aml_driver.py"
_SETTINGS = "aml_driver.json"
_SUBMITTED = re.compile(rb"Submitted application (application_\d+_\d+)")
_WHERE = "import importlib.util as u; print(u.find_spec('pyspark').submodule_search_locations[0])"
_NO_JAVA = (
    "Spark needs Java, and there is no `java` on PATH and no JAVA_HOME. Install Java 17 or"
    " later, for example with `apt-get install openjdk-17-jre-headless`."
)
_NO_SPARK = (
    "There is no Spark: {} has no pyspark, and SPARK_HOME names none. Add `pyspark` to"
    " the packages of the run's environment."
)
_LAST_LINES = 20
_LOOK_EVERY_S = 0.1
_LAST_WORDS_S = 10.0
_YARN_S, _YARN_STOPPED_S = 120.0, 15.0
_TRIES, _PAUSE_S = 4, 3.0
_SIGNALED = 128
_LOOPBACK = "127.0.0.1"


def spark_start(
    asked: Asked, command: Sequence[str], variables: Mapping[str, str]
) -> tuple[list[str], dict[str, str]]:
    """Return the command that submits a script, and its variables.

    Raises ``LaunchError`` where there is no Spark, or no Java for it.
    """
    python = command[0]
    if asked.yarn:
        submit = _cluster_submit(python, variables)
        if submit is None:
            raise LaunchError("There is no `spark-submit` on PATH: this is no head node of Spark.")
        own = {"PYSPARK_DRIVER_PYTHON": python} if asked.environment else {}
    else:
        if not has_java(variables):
            raise LaunchError(_NO_JAVA)
        home = spark_home(python, variables)
        if home is None:
            raise LaunchError(_NO_SPARK.format(python))
        submit = str(Path(home) / "bin" / "spark-submit")
        own = {
            "SPARK_HOME": home,
            "PYSPARK_PYTHON": python,
            "PYSPARK_DRIVER_PYTHON": python,
            "SPARK_LOCAL_IP": variables.get("SPARK_LOCAL_IP", _LOOPBACK),
        }
    found = Asked(**{**asked.__dict__, "submit": submit})
    return [*own_command("spark"), found.text(), "--", *command], {**variables, **own}


def uses_spark(script: Path) -> bool:
    """Return whether a script names Spark's package; one that cannot be read may."""
    try:
        return b"pyspark" in script.read_bytes()
    except OSError:
        return True


def _cluster_submit(python: str, variables: Mapping[str, str]) -> str | None:
    """Return the cluster's `spark-submit`: an environment may have a pyspark of its own."""
    own = Path(python).parent
    places = variables.get("PATH", os.defpath).split(os.pathsep)
    return shutil.which("spark-submit", path=os.pathsep.join(p for p in places if Path(p) != own))


def has_java(variables: Mapping[str, str]) -> bool:
    """Return whether there is a Java for Spark."""
    home = variables.get("JAVA_HOME")
    if home and Path(home, "bin", "java").exists():
        return True
    return shutil.which("java", path=variables.get("PATH", os.defpath)) is not None


def spark_home(python: str, variables: Mapping[str, str]) -> str | None:
    """Return where Spark is: in the script's Python, at SPARK_HOME, or on PATH.

    ``python`` may be empty: then nothing is asked of it.
    """
    places = []
    with suppress(OSError, subprocess.SubprocessError):
        told = subprocess.run(
            [python, "-c", _WHERE],
            env=dict(variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )
        places = [Path(line) for line in told.stdout.decode().splitlines()[-1:]]
    if variables.get("SPARK_HOME"):
        places.append(Path(variables["SPARK_HOME"]))
    on_path = shutil.which("spark-submit", path=variables.get("PATH", os.defpath))
    if on_path is not None:
        places.append(Path(on_path).resolve().parent.parent)
    found = (place for place in places if (place / "bin" / "spark-submit").is_file())
    return next(map(str, found), None)


def run_spark(text: str, command: Sequence[str]) -> int:
    """Submit a script and return its exit code; ends by its signal if one ended the script."""
    parent = Path("..").resolve()
    with tempfile.TemporaryDirectory(prefix="spark-", dir=str(parent)) as folder:
        code = _Submitted(asked_of(text), command, Path(folder)).run()
    if code < 0:
        with suppress(OSError):  # SIGKILL has no handler
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


class _Submitted:
    """One application. ``folder`` is what is sent along, and nobody else reads it."""

    def __init__(self, asked: Asked, command: Sequence[str], folder: Path) -> None:
        self._asked = asked
        self._python, self._script, *self._arguments = command
        self._folder = folder
        self._stopped = threading.Event()
        self._application = ""
        self._host = _LOOPBACK
        self._last: list[bytes] = []

    def run(self) -> int:
        """Run the application to its end."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stopped.set())
        self._host = own_address() if self._asked.cluster else _LOOPBACK
        relay = Relay(self._host, Path("..").resolve())
        argv = self._argv(relay)
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        reading = threading.Thread(target=self._read, args=(process,), daemon=True)
        reading.start()
        killed = False
        while process.poll() is None:
            time.sleep(_LOOK_EVERY_S)
            if self._stopped.is_set() and not killed:
                killed = True
                self._kill(process)
        reading.join(_LAST_WORDS_S)
        relay.wait(_LAST_WORDS_S if relay.connected else 0)
        self._logs()
        return self._exit_code(process.returncode, relay)

    def _argv(self, relay: Relay) -> list[str]:
        parts = Parts(self._folder, Path("..").resolve())
        asked = self._asked
        driver = self._folder / _DRIVER
        driver.write_bytes(pkgutil.get_data("runtime.agent", "spark_driver.py") or b"")
        settings = {
            "host": self._host,
            "port": relay.port,
            "token": relay.token,
            "script": self._script,
            "arguments": self._arguments,
            "variables": {},
        }
        named: dict[str, list[str]] = {option: [] for option in _LISTS}
        configuration = dict(asked.configuration)
        if asked.environment:
            archive = parts.environment(Path(asked.environment))
            named["archives"].append(f"{archive}#{parts.ENVIRONMENT}")
            configuration["spark.pyspark.python"] = f"./{parts.ENVIRONMENT}/bin/python"
            if not asked.cluster:
                configuration["spark.pyspark.driver.python"] = self._python
        if asked.yarn:
            named["py-files"].append(str(parts.modules(Path())))
        file = self._folder / _SETTINGS
        if asked.cluster:
            named["archives"].append(f"{parts.run()}#{parts.RUN}")
            named["files"].append(str(file))
            settings.update(folder=parts.RUN, root=str(Path("..").resolve()))
            settings["variables"] = own_variables(os.environ, asked.variables)
        with os.fdopen(os.open(str(file), os.O_WRONLY | os.O_CREAT, 0o600), "w") as sink:
            json.dump(settings, sink)
        words = list(asked.options)
        for option, keys in _LISTS.items():
            given = [configuration.pop(key) for key in keys if key in configuration]
            listed = ",".join([*named[option], *given])
            words += [f"--{option}", listed] if listed else []
        for key, value in sorted(configuration.items()):
            words += ["--conf", f"{key}={value}"]
        return [asked.submit, *words, str(driver), file.name if asked.cluster else str(file)]

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        """Copy what Spark writes to its log, and note the application."""
        sink = open_to_go_on(Path(SPARK_LOG))
        output = typing.cast("typing.IO[bytes]", process.stdout)
        for line in output:
            with suppress(OSError):
                os.write(sink, line)
            self._last = [*self._last[1 - _LAST_LINES :], line]
            found = None if self._application else _SUBMITTED.search(line)
            if found:
                self._application = found[1].decode()
                _tell_application(self._application)
        os.close(sink)

    def _kill(self, process: subprocess.Popen[bytes]) -> None:
        """End the application; in client mode, the script was signaled with this process."""
        if self._application and self._asked.cluster:
            _yarn(["application", "-kill", self._application], _YARN_STOPPED_S)
        with suppress(ProcessLookupError):
            process.terminate()

    def _logs(self) -> None:
        """Fetch what YARN collected from the executors; it takes a while until it has it all."""
        if not self._application:
            return
        if self._stopped.is_set() and not self._asked.cluster:
            _yarn(["application", "-kill", self._application], _YARN_STOPPED_S)
        limit_s = _YARN_STOPPED_S if self._stopped.is_set() else _YARN_S
        for _ in range(_TRIES):
            done = _yarn(["logs", "-applicationId", self._application], limit_s)
            if done is not None and done.returncode == 0:
                file = Path(YARN_LOGS, f"{self._application}.out")
                sink = open_to_append(file)
                with os.fdopen(sink, "wb") as log:
                    log.write(done.stdout)
                return
            if done is None or self._stopped.wait(_PAUSE_S):
                return

    def _exit_code(self, submitted: int, relay: Relay) -> int:
        if relay.exit_code is not None:
            return relay.exit_code
        if self._stopped.is_set():
            return _SIGNALED + signal.SIGTERM
        name = self._application or "Spark"
        text = f"{name} ended before the script was started; see {SPARK_LOG}."
        code = submitted if submitted > 0 else 1
        if relay.connected:
            text = f"The Spark driver was lost: {name} ended without the script's exit code."
            code = -signal.SIGKILL
        sys.stdout.buffer.write(b"".join(self._last) + f"{text}\n".encode())
        sys.stdout.flush()
        return code


_LISTS = {
    "files": ("spark.files", "spark.yarn.dist.files"),
    "archives": ("spark.archives", "spark.yarn.dist.archives"),
    "py-files": ("spark.submit.pyFiles",),
    "jars": ("spark.jars", "spark.yarn.dist.jars"),
}
"""The lists of files of ``spark-submit``, and the settings whose place they take."""


def own_address() -> str:
    """Return the address at which the other nodes of a cluster reach this machine."""
    try:
        return socket.gethostbyname(socket.gethostname())
    except OSError:
        return _LOOPBACK


def _yarn(words: Sequence[str], limit_s: float) -> subprocess.CompletedProcess[bytes] | None:
    """Ask YARN; ``None`` if it does not answer in time, or is not there."""
    with suppress(OSError, subprocess.TimeoutExpired):
        return subprocess.run(
            ["yarn", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=limit_s,
            start_new_session=True,
            check=False,
        )
    return None


def _tell_application(application: str) -> None:
    """Make the application a property of the run; that of a later attempt has its number."""
    attempt = os.environ.get(ATTEMPT_VARIABLE, "1")
    key = APPLICATION_PROPERTY if attempt == "1" else f"{APPLICATION_PROPERTY}.{attempt}"
    host = urlsplit(os.environ.get("MLFLOW_TRACKING_URI", "")).netloc
    headers = {
        "Authorization": f"Bearer {os.environ.get('MLFLOW_TRACKING_TOKEN', '')}",
        "Content-Type": "application/json",
    }
    body = json.dumps({"add": {key: application}})
    with suppress(OSError, HTTPException):
        connection = HTTPConnection(host, timeout=_LAST_WORDS_S)
        with closing(connection):
            connection.request("POST", f"{RUN_API}properties", body, headers)
            connection.getresponse().read()
