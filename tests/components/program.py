"""Runs the stack program under Pulumi's mocks and prints what it registered, as JSON.

A process of its own, because Pulumi's runtime settings are process-wide. stdin: a JSON object with
``config`` and, if need be, ``secret_keys``, ``preview`` and ``root``.
"""

import asyncio
import json
import logging
import runpy
import sys
from pathlib import Path

from google.protobuf import json_format
from pulumi.runtime import mocks, settings
from pulumi.runtime.config import set_all_config
from pulumi.runtime.stack import run_in_stack

PROGRAM = Path(__file__).parents[2] / "infra"
GROUP = "/subscriptions/s/resourceGroups/g"
SIGNATURE = "4dabf18193072939515e22adb298388d"


class Service(mocks.Mocks):
    def new_resource(self, args):
        outputs = {**args.inputs, "name": named(args.inputs)}
        if "identity" in outputs:  # the service takes a list of ids and answers a map of them
            ids = outputs["identity"].get("userAssignedIdentities", [])
            answer = {"userAssignedIdentities": {i: {"clientId": "c"} for i in ids}}
            outputs["identity"] = outputs["identity"] | answer
        return f"{GROUP}/providers/azure-native/{args.typ}/{args.name}", outputs

    def call(self, args):
        return {"tenantId": "the-tenant", "subscriptionId": "s", "clientId": "c", "objectId": "o"}


def named(inputs):
    names = ("computeName", "workspaceName", "vaultName", "accountName", "resourceGroupName")
    return next((inputs[name] for name in names if name in inputs), "unnamed")


class Monitor(mocks.MockMonitor):
    """Pulumi's own mock, which also keeps what was asked of it."""

    def __init__(self):
        super().__init__(Service())
        self.registered = []
        self.outputs = {}

    def RegisterResource(self, request):  # noqa: N802 - Pulumi's name
        self.registered.append(
            {
                "type": request.type,
                "name": request.name,
                "custom": request.custom,
                "parent": request.parent.rpartition("::")[2],
                "protect": request.protect,
                "delete_before_replace": request.deleteBeforeReplace,
                "replace_on": list(request.replaceOnChanges),
                "ignore": list(request.ignoreChanges),
                "inputs": plain(json_format.MessageToDict(request.object)),
                "depends": {
                    key: sorted(urn.rpartition("::")[2] for urn in value.urns)
                    for key, value in request.propertyDependencies.items()
                },
            }
        )
        return super().RegisterResource(request)

    def RegisterResourceOutputs(self, request):  # noqa: N802
        if "pulumi:pulumi:Stack" in request.urn:
            self.outputs = plain(json_format.MessageToDict(request.outputs))
        return super().RegisterResourceOutputs(request)


def plain(value):
    """Show secrets as ``{"secret": value}`` and whole numbers as such."""
    match value:
        case dict() if SIGNATURE in value:
            return {"secret": plain(value.get("value"))}
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case list():
            return [plain(item) for item in value]
        case float() if value.is_integer():
            return int(value)
    return value


def main():
    request = json.load(sys.stdin)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    monitor = Monitor()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    settings.configure(
        settings.Settings(
            project="shop",
            stack="test",
            monitor=monitor,
            engine=mocks.MockEngine(None),
            dry_run=request.get("preview", False),
            root_directory=request.get("root", "/"),
        )
    )
    set_all_config(request["config"], request.get("secret_keys", []))
    try:
        loop.run_until_complete(
            run_in_stack(lambda: runpy.run_path(str(PROGRAM), run_name="__main__"))
        )
        error = ""
    except Exception as raised:  # noqa: BLE001 - handed to the test
        error = str(raised)
    document = {"resources": monitor.registered, "outputs": monitor.outputs, "error": error}
    print(json.dumps(document))  # noqa: T201 - the test reads it


main()
