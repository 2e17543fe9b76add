"""Speaks to the plugin's process as the Pulumi CLI does: its order, its fields, its values.

The engine of this product is another client of it, in ``tests/interop``.
"""

import os
import subprocess
from contextlib import suppress

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import engine_pb2, plugin_pb2, provider_pb2, status_pb2

from infra.engine.monitor.protobuf import from_struct, to_struct
from infra.engine.monitor.service import Service
from tests import processes
from tests.deploy.project import REPOSITORY

EXECUTABLE = REPOSITORY / "infra/plugin/pulumi-resource-azure-native"
ANSWERS = {
    "Handshake": provider_pb2.ProviderHandshakeResponse,
    "Attach": Empty,
    "GetPluginInfo": plugin_pb2.PluginInfo,
    "GetSchema": provider_pb2.GetSchemaResponse,
    "CheckConfig": provider_pb2.CheckResponse,
    "DiffConfig": provider_pb2.DiffResponse,
    "Configure": provider_pb2.ConfigureResponse,
    "Check": provider_pb2.CheckResponse,
    "Diff": provider_pb2.DiffResponse,
    "Create": provider_pb2.CreateResponse,
    "Read": provider_pb2.ReadResponse,
    "Update": provider_pb2.UpdateResponse,
    "Delete": Empty,
    "Invoke": provider_pb2.InvokeResponse,
    "Construct": provider_pb2.ConstructResponse,
    "Cancel": Empty,
}
STRUCTS = {"olds", "news", "old_inputs", "properties", "inputs", "args"}


class Plugin:
    """One process of the plugin, and the engine it logs to."""

    def __init__(self, folder, project="shop", argv=(), **variables):
        self.lines = []
        self.engine = Service({"pulumirpc.Engine": {"Log": (engine_pb2.LogRequest, self._log)}})
        self.process = processes.start(
            [*(argv or [str(EXECUTABLE)]), "--logtostderr", "-v=9", self.engine.address],
            cwd=folder,
            env={
                **os.environ,
                "PULUMI_PROJECT": project,
                "PULUMI_CONFIG": "{}",
                **variables,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.port = self.process.stdout.readline()
        self.channel = grpc.insecure_channel(f"127.0.0.1:{int(self.port)}")

    def call(self, rpc, request=None, **fields):
        values = {key: to_struct(v) if key in STRUCTS else v for key, v in fields.items()}
        kind = {
            "CheckConfig": "Check",
            "DiffConfig": "Diff",
            "Handshake": "ProviderHandshake",
        }.get(rpc, rpc)
        if request is None:
            request = getattr(provider_pb2, f"{kind}Request")(**values)
        method = self.channel.unary_unary(
            f"/pulumirpc.ResourceProvider/{rpc}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=ANSWERS[rpc].FromString,
        )
        return method(request, timeout=100)

    def handshake(self):
        answer = self.call(
            "Handshake",
            engine_address=self.engine.address,
            root_directory=str(EXECUTABLE.parent),
            program_directory=str(EXECUTABLE.parent),
            configure_with_urn=True,
            supports_views=True,
            supports_refresh_before_update=True,
            invoke_with_preview=True,
        )
        self.call("GetPluginInfo", Empty())
        return answer

    def configured(self, stack="local", **config):
        """Shake hands and configure the default provider, as an update does."""
        self.handshake()
        urn = provider_urn(stack)
        named = {"urn": urn, "name": "default_3_29_0", "type": "pulumi:providers:azure-native"}
        news = {"version": "3.29.0", **config}
        inputs = from_struct(self.call("CheckConfig", olds={}, news=news, **named).inputs)
        self.configure(inputs, urn)
        return inputs

    def configure(self, inputs, urn):
        return self.call(
            "Configure",
            args=inputs,
            variables={f"azure-native:config:{key}": str(v) for key, v in inputs.items()},
            acceptSecrets=True,
            acceptResources=True,
            sends_old_inputs=True,
            sends_old_inputs_to_delete=True,
            id="3b3c5b7e-7c0f-4a57-9c2f-6f1f0a8e5f00",
            urn=urn,
            name="default_3_29_0",
            type="pulumi:providers:azure-native",
        )

    def close(self):
        """End it as the CLI does; return its exit code and what it printed."""
        with suppress(grpc.RpcError):
            self.call("Cancel", Empty())
        self.channel.close()
        self.process.send_signal(2)
        out, err = self.process.communicate(timeout=60)
        self.engine.close()
        return self.process.returncode, out.decode(), err.decode()

    def said(self, severity):
        return [line.message for line in self.lines if line.severity == severity]

    def _log(self, line):
        self.lines.append(line)
        return Empty()


def provider_urn(stack="local", name="default_3_29_0"):
    return f"urn:pulumi:{stack}::shop::pulumi:providers:azure-native::{name}"


def named(type_, name, stack="local"):
    """Return the fields that every request about a resource has."""
    return {"urn": f"urn:pulumi:{stack}::shop::{type_}::{name}", "name": name, "type": type_}


def detail_of(error):
    """Return the failed initialisation in an error's trailer."""
    trailer = dict(error.trailing_metadata())["grpc-status-details-bin"]
    failed = provider_pb2.ErrorResourceInitFailed()
    assert status_pb2.Status.FromString(trailer).details[0].Unpack(failed)
    return failed
