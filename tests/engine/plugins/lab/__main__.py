"""A plugin written with Pulumi's SDK: things, each a file in the folder `LAB_STORE`.

`fail`, `crash` and `half` among the inputs make a create fail, end the process, or half succeed.
A thing that is `volatile` has to be refreshed before each update; one that is `ill` is not ready.
"""

import json
import os
import sys
from pathlib import Path

import grpc
from google.protobuf.any_pb2 import Any
from pulumi.provider.experimental import provider, server
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import provider_pb2, status_pb2

STORE = Path(os.environ["LAB_STORE"])


def plain(values):
    return {key: each.value for key, each in values.items() if key != "version"}


def note(**entry):
    with (STORE / "calls.jsonl").open("a") as file:
        file.write(json.dumps({"pid": os.getpid(), **entry}) + "\n")


def things_of(urn):
    return STORE / f"{urn.rpartition('::')[2]}.json"


class Lab(provider.Provider):
    region = ""

    def __init__(self):
        super().__init__()
        self.packages = {"lab"}

    async def check_config(self, request):
        if "region" not in request.new_inputs:
            failure = provider.CheckFailure("region", "is needed")
            return provider.CheckResponse(request.new_inputs, [failure])
        return provider.CheckResponse(request.new_inputs)

    async def parameterize(self, request):
        given = request.parameters
        note(rpc="parameterize", value=given.value.decode(), seen=os.environ.get("LAB_SEEN"))
        name = "other" if given.value == b"wrong" else given.name
        self.packages.add(name)
        return provider.ParameterizeResponse(name, given.version)

    async def diff_config(self, request):
        moved = request.old_state["region"].value != request.new_inputs["region"].value
        return provider.DiffResponse(changes=moved, replaces=["region"] if moved else [])

    async def configure(self, request):
        self.region = request.args["region"].value
        seen = os.environ.get("LAB_SEEN")
        note(rpc="configure", region=self.region, token="token" in request.args, seen=seen)
        return await super().configure(request)

    def require_known(self, token):
        if token.rpartition("$")[2].partition(":")[0] not in self.packages:
            raise ValueError(f"nobody has told this process of {token}")

    async def check(self, request):
        self.require_known(request.type)
        size = request.new_inputs["size"].value
        if isinstance(size, float) and size < 0:
            failure = provider.CheckFailure("size", "is negative")
            return provider.CheckResponse(request.new_inputs, [failure])
        return provider.CheckResponse({"kind": PropertyValue("thing"), **request.new_inputs})

    async def diff(self, request):
        olds, news = plain(request.old_state), plain(request.new_inputs)
        changed = [key for key in news if news[key] != olds.get(key)]
        return provider.DiffResponse(
            changes=bool(changed), replaces=[key for key in changed if key == "name"]
        )

    async def create(self, request):
        given = request.properties
        if "crash" in given:
            os._exit(3)
        if "fail" in given:
            raise ValueError(f"cannot use {given['password'].value}")
        if not request.preview:
            things_of(request.urn).write_text(json.dumps(plain(given)))
            note(rpc="create", urn=request.urn)
        id_ = "" if request.preview else f"lab-{given['name'].value}"
        return provider.CreateResponse(id_, self.outputs(given, request.preview))

    async def update(self, request):
        if not request.preview:
            things_of(request.urn).write_text(json.dumps(plain(request.news)))
            note(rpc="update", olds=sorted(request.olds))
        return provider.UpdateResponse(self.outputs(request.news, request.preview))

    async def read(self, request):
        self.require_known(request.type)
        file = things_of(request.urn)
        if not file.exists():
            return provider.ReadResponse("", {}, {})
        stored = json.loads(file.read_text(), parse_int=float)
        found = {key: PropertyValue(value) for key, value in stored.items()}
        return provider.ReadResponse(request.resource_id, self.outputs(found, preview=False), found)

    async def delete(self, request):
        self.require_known(request.type)
        note(rpc="delete", id=request.resource_id, properties=sorted(request.properties))
        things_of(request.urn).unlink(missing_ok=True)

    async def invoke(self, request):
        self.require_known(request.tok)
        if "bad" in request.args:
            failure = provider.CheckFailure("bad", "is not allowed")
            return provider.InvokeResponse({}, [failure])
        return provider.InvokeResponse({"answer": PropertyValue(f"from {self.region}")})

    def outputs(self, given, preview):
        password = given.get("password")
        made = {} if preview else {"address": PropertyValue(f"lab://{given['name'].value}")}
        derived = {} if password is None else {
            "login": PropertyValue(f"me:{password.value}", is_secret=password.is_secret)
        }  # fmt: skip
        return {**given, **made, **derived}


async def not_ready(context, made, reason, inputs=None):
    """Answer that it exists, and is not ready."""
    failed = provider_pb2.ErrorResourceInitFailed(
        id=made.id, properties=made.properties, inputs=inputs, reasons=[reason]
    )
    detail = Any()
    detail.Pack(failed)
    status = status_pb2.Status(code=2, message="not ready", details=[detail])
    trailer = (("grpc-status-details-bin", status.SerializeToString()),)
    await context.abort(grpc.StatusCode.UNKNOWN, "not ready", trailer)


async def create(self, request, context):
    made = await made_by_the_sdk["Create"](self, request, context)
    if "half" in request.properties.fields and not request.preview:
        await not_ready(context, made, "it is still cold")
    return marked(made)


async def read(self, request, context):
    found = await made_by_the_sdk["Read"](self, request, context)
    if "ill" in found.properties.fields:
        await not_ready(context, found, "it is ill", found.inputs)
    return marked(found)


async def update(self, request, context):
    return marked(await made_by_the_sdk["Update"](self, request, context))


def marked(answer):
    answer.refresh_before_update = "volatile" in answer.properties.fields
    return answer


made_by_the_sdk = {
    name: getattr(server.ProviderServicer, name) for name in ("Create", "Read", "Update")
}
for each in (create, read, update):
    setattr(server.ProviderServicer, each.__name__.title(), each)
server.main(sys.argv[1:], "1.2.3", Lab())
