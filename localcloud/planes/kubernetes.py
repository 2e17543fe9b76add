"""The API servers of Kubernetes clusters, which this cloud lacks: it says so to ``kubectl``."""

from typing import Final

from localcloud.calls.messages import Call, Reply
from localcloud.calls.routes import Route


def answer_missing_server(call: Call) -> Reply:
    """Respond to a call of a cluster's API, as text: ``kubectl`` shows no other body at first."""
    name = call.params["cluster"].partition(".")[0]
    says = f"The local cloud runs no pods: cluster {name} is a resource of ARM only."
    return Reply(501, says.encode(), media_type="text/plain; charset=utf-8")


ROUTES: Final = (
    Route("*", "/{cluster:cluster}", answer_missing_server, open=True),
    Route("*", "/{cluster:cluster}/{rest:path}", answer_missing_server, open=True),
)
