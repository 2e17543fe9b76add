"""Checks every ARM call must pass before its resource is looked up."""

import re
from collections.abc import Sequence
from typing import Final

from infra.catalogue.api_versions import COMMON
from infra.catalogue.body_shapes import body_shape, shape_problems
from infra.contract.discovery import SUBSCRIPTION
from localcloud.calls.lookups import require_group
from localcloud.calls.messages import Call, Handler, Reply
from localcloud.calls.refusals import RefusedError, misshapen
from localcloud.chain.addressing import Types

# Every client sends an api-version of its own. All get one shape, so only the format is checked.
_DATED = re.compile(r"\d{4}-\d{2}-\d{2}(-(preview|alpha|beta|rc|privatepreview))?", re.IGNORECASE)
_WRITES: Final = frozenset({"PUT", "PATCH"})
_DATA_PLANE: Final = re.compile(r"/+rp/+workspaces(?=/+subscriptions/)", re.IGNORECASE)
_NAME = re.compile(r"(?!\.{1,2}$)[^<>%&:\\?/\x00-\x1f\x7f]{1,260}")


def find_address(types: Types) -> Handler:
    """Return the handler that parses a path below ``/subscriptions``."""

    def handler(call: Call) -> None:
        # Several clients put an id behind a slash: `//subscriptions/…`. Elsewhere only leading
        # slashes collapse, because the name of a blob may contain two in a row.
        call.path = "/" + call.path.lstrip("/")
        # azureml-core reads ARM resources from the data plane.
        call.path = _DATA_PLANE.sub("", call.path, count=1)
        if is_arm(call):
            call.path = re.sub("/{2,}", "/", call.path)
        address = types.address(call.path, call.method)
        if address is not None:
            call.target = address.target
            call.collection, call.action = address.collection, address.action

    return handler


def require_api_version(types: Types) -> Handler:
    """Return the handler that requires an api-version; any that is a date is accepted."""

    def handler(call: Call) -> None:
        if not is_arm(call):
            return
        version = call.api_version
        if not version:
            raise RefusedError(
                400,
                "MissingApiVersionParameter",
                "The api-version query parameter (?api-version=) is required for all requests.",
            )
        if _DATED.fullmatch(version) is None:
            raise _no_such_version(version, _type(call), _versions(types, _type(call)))

    return handler


def require_subscription(call: Call) -> None:
    """Refuse every subscription but this cloud's own, and those of seeded resources."""
    subscription = call.path.strip("/").partition("/")[2].partition("/")[0]
    if is_arm(call) and subscription and not call.cloud.has_subscription(subscription):
        raise RefusedError(
            404,
            "SubscriptionNotFound",
            f"The subscription '{subscription}' could not be found. "
            f"The local cloud has one: '{SUBSCRIPTION}'.",
        )


def require_arm(call: Call) -> None:
    """Refuse a path that is neither a route nor an ARM path."""
    if call.target is None:
        raise RefusedError(404, "NotFound", f"There is nothing at '{call.path}' in this cloud.")


def require_known_type(types: Types) -> Handler:
    """Return the handler that refuses types this cloud does not have."""

    def handler(call: Call) -> None:
        asked = _type(call)
        if types.kind(asked) is None and asked != "Microsoft.Resources/subscriptions":
            namespace, _, rest = asked.partition("/")
            raise RefusedError(
                404,
                "InvalidResourceType",
                f"The resource type '{rest}' could not be found in the namespace '{namespace}' "
                f"for api version '{call.api_version}'.",
            )

    return handler


def require_valid_name(types: Types) -> Handler:
    """Return the handler that refuses new resources in missing groups, and invalid names."""

    def handler(call: Call) -> Reply | None:
        if call.method != "PUT" or call.collection or call.action:
            return None
        if call.arm.namespace:  # Resource Manager finds the group before the provider is asked
            require_group(call, call.arm)
        name, kind = call.arm.name, types.kind(call.arm.type)
        problem = None if _NAME.fullmatch(name) else f"{name!r} is not a valid resource name."
        if problem is None and kind is not None and kind.name_problem is not None:
            problem = kind.name_problem(name, call.json())
        if problem is not None:
            raise RefusedError(400, "InvalidResourceName", problem, target=name)
        return None

    return handler


def require_shape(types: Types) -> Handler:
    """Return the handler that refuses a body whose known properties have other JSON types.

    It comes before the handlers of the kinds: none of them stores, or fails on, such a body.
    """

    def handler(call: Call) -> Reply | None:
        kind = types.kind(call.arm.type)
        if call.method not in _WRITES or call.collection or call.action or kind is None:
            return None
        problems = list(shape_problems(call.json(), body_shape(kind.type)))
        if problems:
            raise misshapen(problems)
        return None

    return handler


def is_arm(call: Call) -> bool:
    """Return whether a call is an ARM call: its path is below ``/subscriptions``."""
    return call.path.lower().lstrip("/").partition("/")[0] == "subscriptions"


def _type(call: Call) -> str:
    if call.collection:
        return call.collection
    return call.target.type if call.target else "Microsoft.Resources/subscriptions"


def _versions(types: Types, type: str) -> Sequence[str]:
    kind = types.kind(type)
    return (kind.versions if kind else ()) or COMMON


def _no_such_version(version: str, type: str, versions: Sequence[str]) -> RefusedError:
    namespace, _, rest = type.partition("/")
    return RefusedError(
        400,
        "InvalidApiVersionParameter",
        f"The api-version '{version}' is invalid for resource type '{rest}' in the namespace "
        f"'{namespace}'. The supported versions are '{','.join(versions)}'.",
    )
