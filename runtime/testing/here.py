"""A place on this machine: what tests the carrier of runs without a container or a network."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from infra.contract.errors import UnreachableError
from infra.contract.json_types import Document
from infra.contract.load import load
from runtime.agent import detached
from runtime.agent.files import Below, OutsideError, files_below, make_folder, readable_below
from runtime.agent.main import main as agent
from runtime.snapshots.store import write_tree
from runtime.targets.base import Report, left_out
from runtime.targets.places import (
    FETCHED,
    WORK,
    Have,
    Heartbeat,
    Piece,
    PlaceEnd,
    Shipment,
    Sign,
    Teller,
)

HERE: Final = "runtime.testing.here:HerePlace"
"""The kind of this place, for a ``CarriedTarget``."""


class HerePlace:
    """Runs below the folder ``root`` of the settings.

    While the file ``cut`` is in it, the place does not answer.
    """

    def __init__(self, run_id: str, settings: Document, home: Path) -> None:
        del home
        self._root = Path(settings["root"])
        self._folder = self._root / run_id
        self._run_id = run_id

    def start(self, shipment: Shipment, tell: Teller) -> None:
        tell.step("environment", f"{sys.executable} is used as it is")
        self._reach()
        work = self._folder / WORK
        if not work.exists():
            write_tree(shipment.snapshot, work)
        for name in ("outputs", "logs"):
            make_folder(work / name)
        for name, source in shipment.trees.items():
            make_folder((self._folder / name).parent)
            if source.is_dir():
                shutil.copytree(source, self._folder / name, dirs_exist_ok=True)
            else:
                shutil.copy(source, self._folder / name)
        shipment.check()
        variables = shipment.variables(str(self._folder), {}, load("os:environ"))
        detached.start(self._folder, shipment.agent_arguments(sys.executable), variables, agent)

    def started(self) -> bool:
        self._reach()
        return detached.started(self._folder)

    def follow(self, have: Have) -> Iterator[Sign]:
        self._reach()
        names = [
            detached.EVENTS,
            *(f"{WORK}/{name}" for name in readable_below(self._folder / WORK)),
        ]
        for header, content in detached.follow(self._folder, {name: have(name) for name in names}):
            self._reach()
            if content:
                yield Piece(header["name"], content)
            elif "exit" in header:
                yield PlaceEnd(header["exit"], header["reason"])
            else:
                yield Heartbeat()

    def cancel(self) -> None:
        self._reach()
        detached.cancel(self._folder)

    def fetch(self, into: Path, report: Report) -> None:
        self._reach()
        below = Below(into)
        for top in FETCHED:
            for name, problem in files_below(self._folder / top):
                try:
                    if problem:
                        report(f"{name} was not collected: {problem}")
                        continue
                    with below.replacing(f"{top}/{name}") as sink:
                        sink.write((self._folder / top / name).read_bytes())
                except (OSError, OutsideError) as error:
                    report(left_out(name, error))

    def release(self) -> None:
        self._reach()
        detached.clear(self._folder, self._run_id)
        shutil.rmtree(self._folder, ignore_errors=True)

    def may_start_again(self) -> bool:
        return True

    def close(self) -> None:
        return

    def _reach(self) -> None:
        if (self._root / "cut").exists():
            raise UnreachableError("The line is cut.", remedy="Remove the file.")
