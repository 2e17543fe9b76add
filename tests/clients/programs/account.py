"""How the programs here reach the cloud: as any program with an Azure SDK does."""

import json
import os
import sys

from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential

URL = os.environ["CLOUD_URL"]
SUBSCRIPTION = os.environ["AZURE_SUBSCRIPTION_ID"]
GROUP = os.environ["CLOUD_GROUP"]
WORKSPACE = os.environ["CLOUD_WORKSPACE"]
BASE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers"


def credential():
    return ClientSecretCredential(
        os.environ["AZURE_TENANT_ID"],
        "client",
        "secret",
        authority=URL,
        disable_instance_discovery=True,
    )


def refusal(call, *arguments, **options):
    """Return status, code and class of the error that a call ends with."""
    try:
        done = call(*arguments, **options)
        if hasattr(done, "result"):
            done.result()
    except HttpResponseError as error:
        code = error.error.code if error.error else None
        return [type(error).__name__, error.status_code, code]
    return None


def report(observed):
    json.dump(observed, sys.stdout, default=str)
