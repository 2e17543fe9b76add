"""Dispatching a call to the routes of planes, and to the actions and verb handlers of kinds."""

from infra.catalogue.body_shapes import shape_problems
from localcloud.calls.kinds import Verb
from localcloud.calls.messages import Call, Handler, Reply
from localcloud.calls.network_access import require_inside
from localcloud.calls.refusals import RefusedError, misshapen
from localcloud.calls.routes import RouteTable
from localcloud.chain.addressing import Types

_VERBS: dict[str, Verb] = {
    "PUT": "PUT",
    "PATCH": "PATCH",
    "GET": "GET",
    "DELETE": "DELETE",
    "HEAD": "HEAD",
}


def serve_routes(table: RouteTable) -> Handler:
    """Return the handler that passes a call to the first matching route that responds."""

    def handler(call: Call) -> Reply | None:
        for route, params in table.candidates(call.method, call.path):
            call.params, call.non_finite = params, route.non_finite
            if "workspace" in params and not route.template.startswith("/subscriptions"):
                require_inside(call)
            if route.shape != "any":
                problems = list(shape_problems(call.json(), route.shape))
                if problems:
                    raise misshapen(problems)
            reply = route.handler(call)
            if reply is not None:
                return reply
        return None

    return handler


def perform_action(types: Types) -> Handler:
    """Return the handler of ``POST {id}/{action}``."""

    def handler(call: Call) -> Reply | None:
        if not call.action:
            return None
        kind = types.kind(call.arm.type)
        named = {name.lower(): each for name, each in kind.actions.items()} if kind else {}
        action = named.get(call.action.lower())
        if action is None or call.method != "POST":
            raise RefusedError(
                404,
                "NotFound",
                f"The local cloud has no '{call.action}' on '{call.arm.type}'.",
            )
        return action(call)

    return handler


def ask_kind(types: Types) -> Handler:
    """Return the handler that lets a kind handle a verb itself."""

    def handler(call: Call) -> Reply | None:
        kind = types.kind(call.collection or call.arm.type)
        # The verbs other than LIST are for a resource: a collection can only be listed.
        verb = _VERBS.get(call.method)
        if call.collection:
            verb = "LIST" if call.method == "GET" else None
        mine = kind.handlers.get(verb) if kind and verb else None
        return mine(call) if mine else None

    return handler
