"""References of a job to its compute, code and environment, in every form clients write them.

Clients check none of these before they submit, so these messages are what a person reads.
"""

from typing import Final

from infra.contract.json_types import JsonObject
from infra.contract.load import nearest
from localcloud.calls.lookups import find
from localcloud.calls.messages import Call
from localcloud.calls.refusals import RefusedError
from localcloud.store.resources import StoredResource

_ML: Final = "Microsoft.MachineLearningServices/workspaces"
_INSTEAD: Final = {
    "environments": "Use an environment of the workspace with a conda file.",
}
_RUNNABLE: Final = ("AmlCompute", "ComputeInstance")


def compute_of(call: Call, reference: str) -> StoredResource:
    """Return the compute a job names; it must exist and be able to run jobs."""
    if not reference:
        raise RefusedError(
            400,
            "BadRequest",
            "The job names no compute, and the local cloud has no serverless compute: set "
            "'computeId' to a compute of the workspace.",
            target="properties.computeId",
        )
    name = _bare(reference).rstrip("/").rpartition("/")[2]
    compute = find(call, f"{call.arm.parent}/computes/{name}")
    if compute is None:
        known = _names(call, "computes")
        raise RefusedError(
            404,
            "ComputeNotFound",
            f"The workspace has no compute '{name}'. {nearest(name, known, noun='compute')}",
            target="properties.computeId",
        )
    if compute.gone is not None:
        raise RefusedError(
            409,
            "Conflict",
            f"Compute '{name}' is being deleted.",
            target="properties.computeId",
        )
    kind = str(compute.properties["computeType"])
    if kind not in _RUNNABLE:
        raise RefusedError(
            400,
            "BadRequest",
            f"Compute '{name}' is of type {kind}; jobs run on {' and '.join(_RUNNABLE)}.",
            target="properties.computeId",
        )
    state = (compute.properties.get("properties") or {}).get("state", "Running")
    if kind == "ComputeInstance" and state != "Running":
        raise RefusedError(
            409,
            "Conflict",
            f"Compute instance '{name}' is {state}; start it before submitting jobs to it.",
            target="properties.computeId",
        )
    return compute


def environment_id(call: Call, reference: str) -> str:
    """Return the id of the environment version a job names."""
    if not reference:
        raise RefusedError(
            400,
            "BadRequest",
            "The job names no environment: set 'environmentId'.",
            target="properties.environmentId",
        )
    return required_asset(call, asset_id(call, "environments", reference), "environments") or ""


def asset_id(call: Call, kind: str, reference: str) -> str:
    """Return the ARM id of ``azureml:name:version``, ``name@latest`` or an id; ``""`` of none."""
    text = _bare(reference)
    if text.startswith("//") or not text:
        if text:
            raise RefusedError(
                400,
                "BadRequest",
                f"'{reference}' is in a registry, and the local cloud has no registries. "
                f"{_INSTEAD.get(kind, 'Use one of the workspace.')}",
                target=f"properties.{kind}",
            )
        return ""
    if text.startswith("/"):
        text, _, label = text.partition("@")
        if not label and "/versions/" in text.lower():
            return text
        name = text.rstrip("/").rpartition("/")[2]
        return f"{call.arm.parent}/{kind}/{name}/versions/{_latest(call, kind, name)}"
    name, _, label = text.partition("@")
    if label:
        return f"{call.arm.parent}/{kind}/{name}/versions/{_latest(call, kind, name)}"
    name, _, version = text.partition(":")
    wanted = version or _latest(call, kind, name)
    return f"{call.arm.parent}/{kind}/{name}/versions/{wanted}"


def refers_to(reference: str, id: str) -> bool:
    """Return whether a reference, in any form, can resolve to the resource ``id``."""
    text, _, label = _bare(reference).rstrip("/").lower().partition("@")
    if label or "/" not in text:
        name, _, version = text.partition(":")
        return f"/{name}/versions/{version}" in id.lower() or id.lower().endswith(f"/{name}")
    return id.lower().endswith(text)


def _bare(reference: str) -> str:
    """Return a reference without ``azureml:``, which some clients write more than once."""
    while reference.startswith("azureml:") and not reference.startswith("azureml://"):
        reference = reference.removeprefix("azureml:")
    return reference.removeprefix("azureml:")


def required_asset(call: Call, id: str, kind: str) -> str | None:
    """Return the id as stored, ``None`` for ``""``; 404 if there is no such version."""
    if not id:
        return None
    found = find(call, id)
    if found is not None:
        return found.id
    name, _, version = id.partition(f"/{kind}/")[2].partition("/versions/")
    noun = kind.removesuffix("s")
    raise RefusedError(
        404,
        f"{noun.capitalize()}NotFound",
        f"The workspace has no version '{version}' of {noun} '{name}'.",
        target=f"properties.{noun}Id",
    )


def _latest(call: Call, kind: str, name: str) -> str:
    versions = call.cloud.store.resources.children(
        f"{call.arm.parent}/{kind}/{name}", type=f"{_ML}/{kind}/versions", now=call.now
    )
    if versions:
        return versions[-1].name
    noun = kind.removesuffix("s")
    raise RefusedError(
        404,
        f"{noun.capitalize()}NotFound",
        f"The workspace has no {noun} '{name}'. {nearest(name, _names(call, kind), noun=noun)}",
    )


def _names(call: Call, kind: str) -> JsonObject:
    found = call.cloud.store.resources.children(
        str(call.arm.parent), type=f"{_ML}/{kind}", now=call.now
    )
    return {resource.name: None for resource in found}
