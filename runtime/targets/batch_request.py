"""What a node of Azure Batch is asked to do for a run, as ``runtime.agent.node_run`` reads it."""

import json
import secrets

from infra.contract.json_types import Document, JsonObject
from runtime.environments.locking import lock
from runtime.environments.resolved import locked_lines
from runtime.model.environments import EnvironmentSpec
from runtime.model.redaction import secrets_of
from runtime.targets.batch_bodies import ports
from runtime.targets.places import Shipment


def node_request(
    shipment: Shipment,
    tree: bytes,
    environment: Document | None,
    *,
    container: str,
    folder: str,
    tree_folder: str,
    nodes: int,
    restarts: int,
) -> JsonObject:
    """Return what is asked of each node of a run. It holds secrets.

    ``container`` is the signed address of the container that has ``folder``, the run's own, and
    ``tree_folder`` with the files of ``tree``. ``restarts``: how often the run starts again when
    its node is lost.
    """
    task = shipment.task
    spec = task.environment
    variables = shipment.variables("", dict(spec.variables) if spec else {}, {})
    return {
        "container": container,
        "folder": folder,
        "tree": {**json.loads(tree), "folder": tree_folder},
        "arguments": shipment.agent_arguments("python"),
        "is_shell": task.is_shell,
        "variables": {k: v for k, v in variables.items() if k not in shipment.paths},
        "paths": dict(shipment.paths),
        "environment": environment,
        "interpreter": spec.interpreter if spec and spec.kind == "user_managed" else None,
        "owner": f"{task.run_id}@batch",
        "nodes": nodes,
        "ports": ports(task.run_id),
        "secret": secrets.token_hex(16),
        "restarts": restarts,
    }


def node_environment(spec: EnvironmentSpec | None) -> JsonObject | None:
    """Return what uv builds on the node, ``None`` for a Python that is there.

    Raises ``DefinitionError`` for packages that only conda has.
    """
    if spec is None or spec.kind == "user_managed":
        return None
    locked = lock(spec)
    pins = locked_lines(locked.resolved, locked.lines) if locked.resolved else ()
    return {
        "key": locked.key,
        "python": locked.resolved.python if locked.resolved else locked.python,
        "lines": list(locked.lines),
        "arguments": list(locked.arguments),
        "pins": list(pins),
        "variables": dict(locked.variables),
        "secrets": list(secrets_of("\n".join(locked.lines))),
    }
