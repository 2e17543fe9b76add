"""Deploys a stack from two clones by turns, each `up` killed somewhere; judges what follows.

A program of its own, started by ``test_interleavings``: it forks a child for each command, so that
none has to import everything again. Arguments: seed, rounds, and the two folders. Prints how many
commands were killed.
"""

import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import ContainerClient

from infra.contract.discovery import ensure_cloud
from infra.engine.state.address import blob_address
from runtime.cli.root import run
from tests.deploy.project import STACK, Project

LOADED_LATE = (
    "infra.commands.deployment",
    "infra.commands.live_view",
    "infra.commands.operation",
    "infra.deploy.run.stack_operations",
    "infra.engine.state.azblob",
    "infra.spec.check",
)
STACK_NAME = "dev"  # `local` has a passphrase in each clone
CHECKPOINT = f".pulumi/stacks/shop/{STACK_NAME}.json"
MOST_LINES = 24  # of the journal, before which a run is killed; a short one has ended by then
PATIENCE_S = 120.0
MORE = "    - {kind: aml_compute, name: more, vm_size: STANDARD_DS3_V2, max_nodes: 1}\n"


def numbers(seed: int) -> Iterator[int]:
    """Yield numbers that look random, the same for each seed."""
    count = 0
    while True:
        digest = hashlib.sha256(f"{seed} {count}".encode()).digest()
        yield int.from_bytes(digest[:8], "big")
        count += 1


def some_stack(below: Callable[[int], int], name: str) -> str:
    """Return one of the stack files a team may want next: updated, replaced, deleted."""
    text = STACK.format(name=name)
    text = text.replace("team: ml", f"team: {('ml', 'data')[below(2)]}")
    text = text.replace("DS3_V2", ("DS3_V2", "DS2_V2")[below(2)])
    return text + MORE * below(2)


def begun(folder: Path, *command: str) -> int:
    """Start a command in a clone, in a child of its own; return its process id."""
    child = os.fork()
    if child:
        return child
    os.chdir(folder)
    with (folder / "said.txt").open("w", encoding="utf-8") as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
        code = run([*command])
    os._exit(code)


def killed(folder: Path, container: ContainerClient, lines: int) -> bool:
    """Start an `aml up` and kill it once its journal has so many lines, if it lasts that long."""
    child = begun(folder, "up", "--yes", "--no-fingerprint")
    deadline = time.monotonic() + PATIENCE_S
    while lines_of(container) < lines:
        if os.waitpid(child, os.WNOHANG) != (0, 0):
            return False
        assert time.monotonic() < deadline, (folder / "said.txt").read_text()
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def ends_well(folder: Path, *command: str) -> str:
    """Run a command to its end; return what it said."""
    _, status = os.waitpid(begun(folder, *command), 0)
    said = (folder / "said.txt").read_text(encoding="utf-8")
    assert os.waitstatus_to_exitcode(status) == 0, said
    return said


def lines_of(container: ContainerClient) -> int:
    try:
        return container.download_blob(f"{CHECKPOINT}.journal").readall().count(b"\n")
    except ResourceNotFoundError:
        return 0


def ids_in_state(container: ContainerClient) -> list[str]:
    """Return the ids in ARM that the shared state has."""
    document = json.loads(container.download_blob(CHECKPOINT).readall())
    ids = [each.get("id", "") for each in document["checkpoint"]["latest"].get("resources", [])]
    return sorted(id_.lower() for id_ in ids if id_.startswith("/subscriptions/"))


def main(seed: int, rounds: int, name: str, folders: list[Path]) -> None:
    for module in LOADED_LATE:
        import_module(module)  # so that no child has to
    drawn = numbers(seed)

    def below(end: int) -> int:
        return next(drawn) % end

    clones = [Project(folder, None, name) for folder in folders]
    address = blob_address(os.environ["PULUMI_BACKEND_URL"], os.environ)
    assert address is not None
    key, ca = os.environ["AZURE_STORAGE_KEY"], ensure_cloud(clones[0].home).ca
    container = ContainerClient(address.service, address.container, key, connection_verify=str(ca))
    count = 0
    for number in range(rounds):
        text = some_stack(below, name)
        for clone in clones:
            clone.stack_file(STACK_NAME).write_text(text, encoding="utf-8")
        first = below(2)
        lines = 1 + below(MOST_LINES)
        count += killed(folders[first], container, lines)
        following = first if below(4) == 0 else 1 - first
        said = ends_well(folders[following], "up", "--yes", "--no-fingerprint")
        assert clones[0].in_cloud() == ids_in_state(container), f"round {number}: {said}"
    ends_well(folders[0], "up", "--no-fingerprint", "--expect-no-changes")
    sys.stdout.write(f"{count}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], [Path(each) for each in sys.argv[4:]])
