"""Arguments of `docker run` of a job, as the nodes of this cloud honour them. Pure.

What decides whether a run can be tracked belongs to the node: its network, its user, its ports.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from infra.contract.errors import UsageError
from runtime.environments.docker_arguments import gpu_request, run_arguments

_REFUSED: Final = dict.fromkeys(
    ("--dns", "--hostname", "--network", "--publish", "--user"), "it is decided by the node"
)


@dataclass(frozen=True, slots=True)
class ContainerOptions:
    """Options of a container: ``host`` for docker-py's ``create_host_config``, and the others."""

    host: Mapping[str, object] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


def docker_options(arguments: str | Sequence[str]) -> ContainerOptions:
    """Return the options that arguments of `docker run` mean.

    Raises ``UsageError`` that names every argument which is not supported or has no valid value.
    """
    found = run_arguments(arguments, refused=_REFUSED)
    inherited = [name for name, value in found.variables.items() if value is None]
    if inherited:
        raise UsageError(
            f"A node has no variables to pass on: {', '.join(f'-e {name}' for name in inherited)}.",
            remedy="Give each a value, as in `-e NAME=VALUE`.",
        )
    host = dict(found.host)
    if found.gpus:
        host["device_requests"] = [gpu_request(found.gpus)]
    variables = {name: value or "" for name, value in found.variables.items()}
    return ContainerOptions(host, variables, found.labels)
