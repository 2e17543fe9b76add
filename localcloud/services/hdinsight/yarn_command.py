"""``yarn`` on the head node of a cluster: its applications, their logs, and ending them."""

import argparse
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from localcloud.services.hdinsight.applications import Application, applications
from localcloud.services.hdinsight.spark_submit import APPLICATIONS

_SHOWN: Final = (
    ("Application-Id", "id"), ("Application-Name", "name"), ("State", "state"),
    ("Final-State", "final"),
)  # fmt: skip


def main(words: Sequence[str]) -> int:
    """Run ``yarn logs`` or ``yarn application``; return the exit code."""
    parser = argparse.ArgumentParser(prog="yarn")
    kinds = parser.add_subparsers(dest="command", required=True)
    logs = kinds.add_parser("logs")
    logs.add_argument("-applicationId", dest="logs", required=True)
    application = kinds.add_parser("application")
    for name in ("-status", "-kill"):
        application.add_argument(name, metavar="ID")
    application.add_argument("-list", action="store_true", dest="listed")
    options = parser.parse_args(words)
    folder = Path(os.environ[APPLICATIONS])
    if options.command == "logs":
        return _logs(Application(folder / options.logs))
    if options.status or options.kill:
        wanted = Application(folder / (options.status or options.kill))
        return _status(wanted) if options.status else _kill(wanted)
    for each in applications(folder):
        facts = {"id": each.id, **each.facts()}
        _write("\t".join(str(facts.get(key, "")) for _, key in _SHOWN))
    return 0


def _logs(application: Application) -> int:
    if not application.facts():
        return _absent(application)
    for file in application.logs:
        if file.exists():
            _write(f"LogType:{file.name}\nLog Contents:")
            with file.open("rb") as source:
                sys.stdout.flush()
                shutil.copyfileobj(source, sys.stdout.buffer)
            _write(f"\nEnd of LogType:{file.name}\n")
    return 0


def _status(application: Application) -> int:
    facts = {"id": application.id, **application.facts()}
    if "state" not in facts:
        return _absent(application)
    _write("Application Report :")
    for title, key in _SHOWN:
        _write(f"\t{title} : {facts.get(key)}")
    return 0


def _kill(application: Application) -> int:
    facts = application.facts()
    if not facts:
        return _absent(application)
    if facts.get("state") == "RUNNING":
        with suppress(ProcessLookupError, PermissionError):
            os.kill(int(facts["pid"]), signal.SIGKILL)
    _write(f"Killed application {application.id}")
    return 0


def _absent(application: Application) -> int:
    sys.stderr.write(f"Application with id '{application.id}' doesn't exist.\n")
    return 255


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
