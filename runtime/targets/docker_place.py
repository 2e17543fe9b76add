"""A container as the place of a run: what is copied into it, how it is followed and ended.

The run's folder is `/aml` in the container; the agent is its one process, below an init process.
All goes through the engine's archives and connections, so the engine may be on another machine.
"""

import json
import os
import re
import shlex
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from docker.errors import APIError, NotFound

from infra.contract.errors import DefinitionError, UsageError
from infra.contract.json_types import Document
from runtime.agent.archive import ARCHIVE_NAME
from runtime.agent.detached import ASKED
from runtime.agent.files import readable_below
from runtime.environments.docker_arguments import ALL_GPUS, gpu_request
from runtime.model.environments import LOCK_PROPERTY, EnvironmentSpec
from runtime.model.states import RunState
from runtime.snapshots.sizes import size_text
from runtime.targets.base import Report
from runtime.targets.docker_archives import Packed, Watched, entries, packed, unpack
from runtime.targets.docker_engine import (
    Client,
    RefusedError,
    asking,
    is_here,
    open_engine,
    sees_gpus,
)
from runtime.targets.docker_images import ImageFacts, Images
from runtime.targets.docker_packages import PREFIX, Packages, locked_for_image
from runtime.targets.docker_processes import ContainerProcess
from runtime.targets.places import (
    FETCHED,
    FOLLOWED,
    WORK,
    Have,
    Heartbeat,
    Piece,
    PlaceEnd,
    Shipment,
    Sign,
    Teller,
)
from runtime.targets.run_folder import AGENT_EVENTS, RunFolder

ROOT: Final = "/aml"
LABEL: Final = "aml.run"
_AGENT: Final = f"{ROOT}/{ARCHIVE_NAME}"
_HOME: Final = f"{ROOT}/home"
_MOST_BYTES: Final = 1 << 20
_CONFLICT: Final = 409
_AGAIN_S: Final = 0.2
_ENDING_S: Final = 0.02
_SAY_EVERY_S: Final = 5.0
_ROOT_USER: Final = "0:0"
_REMAPPED: Final = ("name=rootless", "name=userns")


def container_name(run_id: str) -> str:
    """Return the name of a run's container: starting a run twice makes one container."""
    return f"aml-{re.sub(r'[^a-zA-Z0-9_.-]', '-', run_id)}"


@dataclass(frozen=True, slots=True)
class _Ready:
    """An image and how a run is started in it; ``python`` is the script's interpreter."""

    image: str
    facts: ImageFacts
    agent: str
    python: str
    user: str
    variables: Document


class DockerPlace:
    """The container of one run. ``settings`` are those that ``DockerTarget`` writes."""

    def __init__(self, run_id: str, settings: Document, home: Path) -> None:
        self._run_id = run_id
        self._settings = settings
        self._home = home
        self._host = str(settings["host"])
        self._name = container_name(run_id)
        self._opened: Client | None = None

    def start(self, shipment: Shipment, tell: Teller) -> None:
        if self.started():
            return
        shipment.check()
        tell.state(RunState.PREPARING)
        self.release()
        ready = self._ready(shipment, tell)
        shipment.check()
        with asking(self._host):
            container = self._created(shipment, ready)
        try:
            self._send(container, shipment, ready, tell)
            shipment.check()
            self._start(container)
        except BaseException:
            self.release()
            raise

    def started(self) -> bool:
        state = self._state()
        return state is not None and state["Status"] != "created"

    def follow(self, have: Have) -> Iterator[Sign]:
        state, all_told = self._state(), False
        while state is not None and state["Running"]:
            process = None if all_told else self._follower(have)
            if process is not None:
                try:
                    for sign in process.signs():
                        if not isinstance(sign, PlaceEnd):
                            yield sign
                        # Without an exit code, the agent is not there yet.
                        elif sign.exit_code is not None:
                            all_told = True
                finally:
                    process.close()
            yield Heartbeat()
            time.sleep(_ENDING_S if all_told else _AGAIN_S)
            state = self._state()
        if state is not None and not all_told:
            yield from self._rest(have)
        yield _end(state)

    def cancel(self) -> None:
        with asking(self._host), suppress(NotFound):
            try:
                # The init process passes it on to the agent.
                self._client.api.kill(self._name, "SIGTERM")
            except APIError as error:
                if not _is_conflict(error):
                    raise

    def fetch(self, into: Path, report: Report) -> None:
        for top in FETCHED:
            with asking(self._host), suppress(NotFound):
                pieces, _ = self._client.api.get_archive(self._name, f"{ROOT}/{top}")
                unpack(pieces, into, top.rpartition("/")[0], report)

    def release(self) -> None:
        with asking(self._host), suppress(NotFound):
            try:
                self._client.api.remove_container(self._name, v=True, force=True)
            except APIError as error:
                if not _is_conflict(error):  # it is being removed
                    raise

    def may_start_again(self) -> bool:
        """Return ``True``: what is left of a lost run is killed with its release."""
        return True

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def execute(self, command: Sequence[str], terminal: tuple[int, int] | None) -> ContainerProcess:
        """Run a command beside the script. Raises ``UsageError`` unless the container runs."""
        return self._entered(["enter", ROOT, *command], terminal)

    def connect(self, port: int) -> ContainerProcess:
        """Connect to a port of the container, from inside of it."""
        return self._entered(["connect", ROOT, str(port)], None)

    def relay(self, node: int) -> ContainerProcess:
        """Start the agent's `relay` in the container."""
        del node
        return self._entered(["relay", ROOT], None)

    @property
    def _client(self) -> Client:
        if self._opened is None:
            self._opened = open_engine(self._settings)
        return self._opened

    def _state(self) -> Document | None:
        """Return the state of the container, ``None`` if there is none."""
        with asking(self._host), suppress(NotFound):
            state: Document = self._client.api.inspect_container(self._name)["State"]
            return state
        return None

    def _entered(
        self, command: Sequence[str], terminal: tuple[int, int] | None
    ) -> ContainerProcess:
        state = self._state()
        if state is None or not state["Running"]:
            raise UsageError(
                f"Run {self._run_id} has no container that runs.",
                remedy="It has ended, or its image is still being prepared: see `aml runs`.",
            )
        with asking(self._host):
            configured = self._client.api.inspect_container(self._name)["Config"]
            argv = [*configured["Entrypoint"], _AGENT, *command]
            return ContainerProcess(self._client, self._name, argv, terminal)

    def _ready(self, shipment: Shipment, tell: Teller) -> _Ready:
        spec = shipment.task.environment
        if spec is None or spec.image is None:
            raise AssertionError("the target gives every run an image")
        images = Images(self._client, self._host, self._home, tell.build, shipment.stop)
        variables = dict(spec.variables)
        if spec.kind == "user_managed":
            name = images.base(spec.image, spec.source)
            tell.step("environment", f"image {name} is used as it is")
        else:
            packages = Packages(self._client, self._host, self._home, tell.build, shipment.stop)
            found = packages.image(spec)
            name = found.name
            how = "reused" if found.reused else "built"
            tell.step("environment", f"{how} image {name}")
            if found.lock:
                tell.record("property", {"key": LOCK_PROPERTY, "value": found.lock})
            for change in found.changed:
                text = f"Differs from the last build of this environment: {change}"
                tell.record("message", {"text": text})
            variables = {**locked_for_image(spec).variables, **variables}
        return self._chosen(images, name, spec, variables)

    def _chosen(
        self, images: Images, name: str, spec: EnvironmentSpec, variables: Document
    ) -> _Ready:
        user = self._user(images, name)
        interpreter = spec.interpreter if spec.kind == "user_managed" else f"{PREFIX}/bin/python"
        facts = images.facts(name, user, *([interpreter] if interpreter else []))
        agent = facts.agent
        if agent is None:
            has = ", ".join(".".join(map(str, each.version)) for each in facts.pythons)
            raise DefinitionError(
                f"The image {name} has no Python 3.8 or later, which runs the agent beside the"
                f" script (Pythons in it: {has or 'none'}).",
                remedy="Choose another image, or install python3 in it.",
                at=spec.source,
            )
        python = next((p.path for p in facts.pythons if p.name == interpreter), None)
        if interpreter in {None, "python"} and python is None:
            python = facts.pythons[0].path
        if python is None:
            raise DefinitionError(
                f"There is no interpreter {interpreter!r} in the image {name}.",
                remedy="Correct `interpreterPath`, which is a path in the image.",
                at=spec.source,
            )
        return _Ready(name, facts, agent, python, user, variables)

    def _user(self, images: Images, name: str) -> str:
        """Return who the run's processes are: as asked, as the image says, else the submitter.

        Files that a run writes into folders of this machine then belong to the submitter.
        """
        asked = str(self._settings["own"].get("user") or "")
        own = asked or images.user(name)
        if own or not is_here(self._settings):
            return own
        with asking(self._host):
            options = self._client.info().get("SecurityOptions") or ()
        if any(each.startswith(_REMAPPED) for each in options):
            return _ROOT_USER
        return f"{os.getuid()}:{os.getgid()}"

    def _created(self, shipment: Shipment, ready: _Ready) -> str:
        host, own = dict(self._settings["host_config"]), dict(self._settings["own"])
        gpus = str(self._settings.get("gpus") or "")
        if not gpus and sees_gpus(self._client, self._settings):
            gpus = ALL_GPUS
        if gpus:
            host["device_requests"] = [gpu_request(gpus)]
        api = self._client.api
        made: Document = api.create_container(
            ready.image,
            [_AGENT, "hold", ROOT],
            name=self._name,
            entrypoint=[ready.agent],
            user=ready.user or None,
            hostname=own.get("hostname"),
            working_dir=f"{ROOT}/{WORK}",
            ports=_ports(host.get("port_bindings") or {}),
            labels={
                **self._settings.get("labels", {}),
                LABEL: self._run_id,
                "aml.experiment": shipment.task.experiment,
            },
            host_config=api.create_host_config(init=True, **host),
        )
        return str(made["Id"])

    def _send(self, container: str, shipment: Shipment, ready: _Ready, tell: Teller) -> None:
        images = Images(self._client, self._host, self._home, tell.build, shipment.stop)
        variables = shipment.variables(ROOT, ready.variables, images.variables(ready.image))
        if ready.facts.owner[0]:
            variables.setdefault("HOME", _HOME)
        if shipment.task.is_shell:
            variables["PATH"] = f"{ROOT}/bin:{variables.get('PATH', os.defpath)}"
        arguments = shipment.agent_arguments(ready.python, relayed=True)
        asked = json.dumps({"arguments": arguments, "variables": variables})
        owner = ready.facts.owner

        def fill(archive: Packed) -> None:
            top = ROOT.strip("/")
            for name in (WORK, f"{WORK}/outputs", f"{WORK}/logs", "home"):
                archive.folder(f"{top}/{name}")
            archive.snapshot(f"{top}/{WORK}", shipment.snapshot)
            archive.text(f"{top}/{ARCHIVE_NAME}", shipment.agent)
            archive.text(f"{top}/{ASKED}", asked.encode(), secret=True)
            starter = f'#!/bin/sh\nexec {shlex.quote(ready.python)} "$@"\n'
            archive.text(f"{top}/bin/python", starter.encode(), program=True)
            for name, source in shipment.trees.items():
                archive.tree(f"{top}/{name}", source)

        with packed(owner, fill) as (archive, size):
            said = _Said(tell, size)

            def seen(sent: int) -> None:
                shipment.check()
                said.sent(sent)

            with asking(self._host):
                self._client.api.put_archive(container, "/", Watched(archive, seen))
        count = len(shipment.snapshot.files)
        tell.step("download", f"{count} file{'s' * (count != 1)} of the snapshot sent")

    def _start(self, container: str) -> None:
        try:
            with asking(self._host):
                self._client.api.start(container)
        except RefusedError as error:
            if "device driver" in error.detail or "nvidia" in error.detail:
                raise UsageError(
                    f"The run asks for GPUs, which the engine cannot give it: {error.detail}",
                    remedy="Install the NVIDIA driver and the NVIDIA Container Toolkit on the"
                    " engine's machine, or ask for none.",
                ) from error
            raise

    def _follower(self, have: Have) -> ContainerProcess | None:
        """Return the agent's `follow`, ``None`` if the container has ended meanwhile."""
        here = RunFolder(self._home / "runs" / self._run_id).path
        below = (f"{top}/{name}" for top in FOLLOWED for name in readable_below(here / top))
        told = {name: have(name) for name in (AGENT_EVENTS, *below)}
        try:
            return self._entered(["follow", ROOT, json.dumps(told)], None)
        except (RefusedError, UsageError):
            return None

    def _rest(self, have: Have) -> Iterator[Sign]:
        """Yield what a container that has ended has written and nobody has read."""
        for top in (AGENT_EVENTS, *FOLLOWED):
            with asking(self._host), suppress(NotFound):
                pieces, _ = self._client.api.get_archive(self._name, f"{ROOT}/{top}")
                above = top.rpartition("/")[0]
                for entry, content in entries(pieces):
                    name = f"{above}/{entry.name}" if above else entry.name
                    if content is None or entry.size <= have(name):
                        continue
                    known = have(name)
                    while block := content.read(_MOST_BYTES):
                        if known < len(block):
                            yield Piece(name, block[known:])
                        known = max(0, known - len(block))


class _Said:
    """Says now and then how much of a large archive is sent."""

    def __init__(self, tell: Teller, size: int) -> None:
        self._tell = tell
        self._size = size
        self._last = time.monotonic()

    def sent(self, count: int) -> None:
        now = time.monotonic()
        if now - self._last > _SAY_EVERY_S:
            self._last = now
            text = f"{size_text(count)} of {size_text(self._size)} are sent"
            self._tell.record("message", {"text": text})


def _end(state: Document | None) -> PlaceEnd:
    """Return how a container ended."""
    if state is None:
        return PlaceEnd(reason="The run's container was removed before the run had ended.")
    code = int(state["ExitCode"])
    if state.get("OOMKilled"):
        why = "The run's container was killed because it used more memory than its limit"
        return PlaceEnd(code, f"{why} (exit code {code}).")
    said = str(state.get("Error") or "")
    return PlaceEnd(code, f"The run's container ended: {said}" if said else "")


def _ports(bound: Document) -> list[tuple[int, str]]:
    ports = (each.partition("/") for each in bound)
    return [(int(port), protocol) for port, _, protocol in ports]


def _is_conflict(error: APIError) -> bool:
    return error.response is not None and error.response.status_code == _CONFLICT
