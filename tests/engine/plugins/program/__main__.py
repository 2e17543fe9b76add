"""Things of the plugin `lab`, as the configuration wants them."""

import json

import pulumi

config = pulumi.Config("test")


class Thing(pulumi.CustomResource):
    address: pulumi.Output[str]
    login: pulumi.Output[str]

    def __init__(self, name, props, opts=None):
        outputs = {"address": None, "login": None}
        super().__init__("lab:index:Thing", name, {**outputs, **props}, opts)


wanted = json.loads(config.require("things"))
options = pulumi.ResourceOptions(version="1.2.3")
if region := config.get("region"):
    mappings = {"LAB_OURS": "LAB_SEEN"} if config.get("mapped") else None
    given = pulumi.ResourceOptions(version="1.2.3", env_var_mappings=mappings)
    explicit = pulumi.ProviderResource("lab", "mine", {"region": region}, given)
    options = pulumi.ResourceOptions(provider=explicit)
last = None
for name, props in wanted.items():
    if "password" in props:
        props["password"] = pulumi.Output.secret(props["password"])
    last = Thing(name, {"name": name, "size": 1, **props}, options)
    pulumi.export(name, last.address)
if config.get("invoke"):
    given = pulumi.InvokeOptions(version="1.2.3", parent=last)
    pulumi.export("answer", pulumi.runtime.invoke("lab:index:ask", {}, given).value["answer"])
