"""The GPUs that a run needs, and the refusal of a machine that has fewer."""

from infra.contract.errors import UsageError
from runtime.agent.gpus import gpus
from runtime.model.runs import RunSpec


def require_here(spec: RunSpec) -> None:
    """Raise ``UsageError`` if this machine has fewer GPUs than a run needs."""
    found = len(gpus())
    if found < spec.gpus:
        raise UsageError(
            too_few(spec.gpus, "this machine", found),
            remedy="Look at `nvidia-smi`, choose another target with `--target NAME`, or ask for"
            " fewer.",
            at=spec.origins.get("gpus"),
        )


def too_few(count: int, what: str, found: int) -> str:
    """Return the sentence about a machine (``what``) with too few GPUs."""
    return f"The run asks for {count} GPU{'s' * (count != 1)}, and {what} has {found or 'none'}."
