"""``checkNameAvailability`` of storage accounts, key vaults and container registries."""

from collections.abc import Mapping
from typing import Final

from infra.catalogue.types.table import arm_type
from localcloud.calls.messages import Call, Reply, answer
from localcloud.calls.refusals import invalid
from localcloud.calls.routes import Route
from localcloud.calls.soft_delete import VAULT, soft_deleted

_PATH: Final = "/subscriptions/{subscription}/providers/{namespace}/checkNameAvailability"
_TYPES: Final[Mapping[str, str]] = {
    each.partition("/")[0].lower(): each
    for each in (
        "Microsoft.Storage/storageAccounts", VAULT, "Microsoft.ContainerRegistry/registries",
    )
}  # fmt: skip


def _check(call: Call) -> Reply | None:
    kind = _TYPES.get(call.params["namespace"].lower())
    if kind is None:
        return None
    name = call.json().get("name")
    if not isinstance(name, str) or not name:
        raise invalid([("name", "The property 'name' is required.")])
    problem = arm_type(kind).name_rule.problem(name)
    if problem:
        return _answer(
            reason="AccountNameInvalid" if "Storage" in kind else "Invalid", says=problem
        )
    if call.cloud.store.resources.of_type(kind, name=name, now=call.now):
        return _answer(reason="AlreadyExists", says=f"The name '{name}' is already taken.")
    if kind == VAULT and soft_deleted(call, VAULT, name=name):
        says = f"The name '{name}' is already in use by a vault that is in deleted state."
        return _answer(reason="AlreadyExists", says=says)
    return answer({"nameAvailable": True})


def _answer(*, reason: str, says: str) -> Reply:
    return answer({"nameAvailable": False, "reason": reason, "message": says})


ROUTES: Final = (Route("POST", _PATH, _check, shape={"name": "string", "type": "string"}),)
