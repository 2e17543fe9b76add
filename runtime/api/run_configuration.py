"""``RunConfiguration``, as in azureml-core: how and where a script runs."""

from dataclasses import dataclass, field

from runtime.api.compute_target import ComputeTarget
from runtime.api.environment import Environment
from runtime.model.runs import MAX_DURATION_S

__all__ = ["RunConfiguration"]


@dataclass(slots=True)
class RunConfiguration:
    """How and where a script runs. ``target`` is a compute or its name."""

    script: str | None = None
    arguments: list[object] = field(default_factory=list)
    target: ComputeTarget | str = "local"
    environment: Environment = field(default_factory=lambda: Environment("default-environment"))
    environment_variables: dict[str, str] = field(default_factory=dict)
    node_count: int = 1
    max_run_duration_seconds: int = MAX_DURATION_S

    @property
    def target_name(self) -> str:
        """Return the name of the compute."""
        return self.target if isinstance(self.target, str) else self.target.name
