"""What the service reports of a compute, in azureml-core's words. Pure."""

from collections.abc import Mapping
from typing import Final

from infra.catalogue.durations import duration_s
from infra.contract.json_types import Document, JsonObject

# Key of ARM's document, in `properties` or in `properties.properties` → attribute.
_CLUSTER: Final = {
    "currentNodeCount": "current_node_count",
    "targetNodeCount": "target_node_count",
    "nodeStateCounts": "node_state_counts",
    "allocationState": "allocation_state",
    "allocationStateTransitionTime": "allocation_state_transition_time",
    "errors": "errors",
    "scaleSettings": "scale_settings",
    "vmSize": "vm_size",
    "vmPriority": "vm_priority",
}
_INSTANCE: Final = {
    "state": "state",
    "errors": "errors",
    "createdBy": "created_by",
    "vmSize": "vm_size",
    "lastOperation": "last_operation",
}


class ComputeStatus:
    """The state of a compute; ``serialize`` returns it as a dictionary with the service's keys."""

    def __init__(self, document: Document, attributes: Mapping[str, str]) -> None:
        outer = document.get("properties") or {}
        inner = outer.get("properties") or {}
        self._document: JsonObject = {key: inner.get(key) for key in attributes} | {
            "provisioningState": outer.get("provisioningState"),
            "provisioningErrors": outer.get("provisioningErrors"),
            "creationTime": outer.get("createdOn"),
            "modifiedTime": outer.get("modifiedOn"),
        }
        self._attributes = dict(attributes) | {
            "provisioningState": "provisioning_state",
            "provisioningErrors": "provisioning_errors",
            "creationTime": "creation_time",
            "modifiedTime": "modified_time",
        }

    def __getattr__(self, name: str) -> object:
        for key, attribute in self._attributes.items():
            if attribute == name:
                return self._document[key]
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def serialize(self) -> JsonObject:
        """Return the state as a dictionary."""
        return dict(self._document)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._document!r})"


class AmlComputeStatus(ComputeStatus):
    """The state of a cluster."""

    def __init__(self, document: Document) -> None:
        super().__init__(document, _CLUSTER)


class ComputeInstanceStatus(ComputeStatus):
    """The state of a compute instance."""

    def __init__(self, document: Document) -> None:
        super().__init__(document, _INSTANCE)


class ScaleSettings:
    """The node limits of a cluster."""

    def __init__(self, document: Document) -> None:
        scale = ((document.get("properties") or {}).get("properties") or {}).get("scaleSettings")
        found: Document = scale or {}
        self.minimum_node_count = found.get("minNodeCount")
        self.maximum_node_count = found.get("maxNodeCount")
        idle = duration_s(str(found.get("nodeIdleTimeBeforeScaleDown")))
        self.idle_seconds_before_scaledown = None if idle is None else int(idle)
