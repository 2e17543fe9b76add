"""``ResourceConfiguration``, as in azureml-core: what a registered model needs."""

from typing import Dict, Optional


class ResourceConfiguration:
    """Cores, gigabytes of memory and GPUs; ``None`` where nothing is said."""

    def __init__(
        self,
        cpu: Optional[float] = None,
        memory_in_gb: Optional[float] = None,
        gpu: Optional[int] = None,
    ) -> None:
        self.cpu = cpu
        self.memory_in_gb = memory_in_gb
        self.gpu = gpu

    def serialize(self) -> Dict[str, object]:
        """Return it as JSON."""
        return {"cpu": self.cpu, "memoryInGB": self.memory_in_gb, "gpu": self.gpu}

    @staticmethod
    def deserialize(payload_obj: Dict[str, object]) -> "Optional[ResourceConfiguration]":
        """Return what ``serialize`` returned."""
        if not payload_obj:
            return None
        numbers = [_number(payload_obj.get(key)) for key in ("cpu", "memoryInGB", "gpu")]
        gpu = None if numbers[2] is None else int(numbers[2])
        return ResourceConfiguration(numbers[0], numbers[1], gpu)


def _number(value: object) -> Optional[float]:
    return value if isinstance(value, (int, float)) else None
