"""The services of a storage account that this cloud lacks: it says so at their endpoints."""

from typing import Final

from localcloud.calls.messages import Call, Reply
from localcloud.calls.routes import Route
from localcloud.planes.blob_reading import BlobRefusedError


def answer_missing_service(call: Call) -> Reply:
    """Respond to a call of an account's file, queue, table, web or Data Lake service."""
    account, _, rest = call.params["service"].partition(".")
    service = rest.partition(".")[0]
    return BlobRefusedError(
        501,
        "NotImplemented",
        f"The local cloud has no {service} service; account '{account}' has blobs only.",
    ).reply()


ROUTES: Final = (
    Route("*", "/{service:service}", answer_missing_service, open=True),
    Route("*", "/{service:service}/", answer_missing_service, open=True),
    Route("*", "/{service:service}/{rest:path}", answer_missing_service, open=True),
)
