"""Things of `sublab`, which the plugin `lab` provides in place of its own, or beside them.

Generated SDKs do it like this.
"""

import pulumi
from pulumi import ResourceOptions as Options
from pulumi.runtime.proto import resource_pb2

config = pulumi.Config("test")
extends = config.get("extension") is not None


async def package():
    parameter = resource_pb2.Parameterization(
        name="sublab", version="4.5.6", value=config.require("value").encode()
    )
    kind = "extension" if extends else "parameterization"
    request = resource_pb2.RegisterPackageRequest(name="lab", **{kind: parameter})
    return pulumi.runtime.settings.get_monitor().RegisterPackage(request).ref


reference = pulumi.Output.from_input(package())


class Sub(pulumi.CustomResource):
    address: pulumi.Output[str]

    def __init__(self, name, opts=None):
        props = {"address": None, "name": name, "size": 1}
        super().__init__("sublab:index:Sub", name, props, opts, package_ref=reference.future())


class Provider(pulumi.ProviderResource):
    def __init__(self, name, opts=None, **props):
        super().__init__("sublab", name, props, opts, package_ref=reference.future())


one = Sub("one")
if extends:  # it has no provider of its own
    pulumi.CustomResource("lab:index:Thing", "two", {"name": "two", "size": 1})
else:
    Sub("two", Options(provider=Provider("exp", region="us")))
asked = pulumi.runtime.invoke("sublab:index:ask", {}, package_ref=reference.future())
pulumi.export("answer", asked.value["answer"])
pulumi.export("one", one.address)
