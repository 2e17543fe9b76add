"""A run whose agent shares only files with its carrier (``agent.exchange``): what both write there.

The files lie in a folder of a service: a workspace, a volume, a container of blobs.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from infra.contract.json_types import Document
from runtime.agent import exchange
from runtime.agent.exchange import read_frames
from runtime.agent.owner import OWNER
from runtime.targets.base import Report
from runtime.targets.docker_archives import Packed, packed, unpack
from runtime.targets.places import FETCHED, WORK, Have, Piece, PlaceEnd, Shipment, Sign


class SharedFiles(Protocol):
    """A folder that agent and carrier share, by the names in it."""

    def get(self, name: str) -> bytes:
        """Read a file."""

    def names(self, folder: str) -> list[str]:
        """Return the names in a folder, sorted; none if there is no folder."""

    def delete(self, name: str) -> None:
        """Delete a file, if it is there."""


class Frames:
    """The files that the agent's side writes; each is deleted when it was passed on."""

    def __init__(self, files: SharedFiles, have: Have) -> None:
        self._files = files
        self._have = have

    def signs(self, run: object = None) -> Iterator[Sign]:
        """Yield what is new."""
        del run
        names = self._files.names(exchange.FRAMES)
        for name in (each for each in names if each.isdecimal()):
            path = f"{exchange.FRAMES}/{name}"
            for header, content in read_frames(self._files.get(path)):
                if "exit" in header:
                    yield PlaceEnd(header["exit"], str(header.get("reason") or ""))
                    return
                known = self._have(header["name"]) - header["at"]
                if known < len(content):
                    yield Piece(header["name"], content[max(0, known) :])
            self._files.delete(path)


def asked_of_agent(shipment: Shipment, place: str) -> Document:
    """Return what the agent is asked to do, for its ``start.json``. It may hold secrets.

    ``place`` marks the run's processes, which may be on the carrier's machine.
    """
    task = shipment.task
    own = dict(task.environment.variables) if task.environment else {}
    variables = shipment.variables(exchange.ROOT_MARK, own, {})
    return {
        "arguments": shipment.agent_arguments(exchange.PYTHON_MARK),
        # The processes of a local cloud are on the carrier's machine, which ends its own.
        "variables": {**variables, OWNER: f"{task.run_id}@{place}"},
        "results": list(FETCHED),
        "shell": task.is_shell,
    }


def payload_of(shipment: Shipment, part_bytes: int) -> Iterator[bytes]:
    """Yield the run's files as the parts of an archive; ``StoppedError`` if it was canceled."""

    def fill(archive: Packed) -> None:
        for name in (WORK, f"{WORK}/outputs", f"{WORK}/logs"):
            archive.folder(name)
        archive.snapshot(WORK, shipment.snapshot)
        for name, source in shipment.trees.items():
            archive.tree(name, source)

    with packed((0, 0), fill) as (archive, _):
        for content in iter(lambda: archive.read(part_bytes), b""):
            shipment.check()
            yield content


def fetch_results(files: SharedFiles, into: Path, report: Report) -> None:
    """Copy the outputs that the run has left in the folder; none of a run that has not ended."""
    names = files.names(exchange.RESULTS)
    if exchange.PROBLEMS not in names:
        return
    for name, why in json.loads(files.get(f"{exchange.RESULTS}/{exchange.PROBLEMS}")):
        report(f"{name} was not collected: {why}")
    parts = (files.get(f"{exchange.RESULTS}/{n}") for n in names if n.isdecimal())
    unpack(parts, into, "", report)
