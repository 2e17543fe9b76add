"""A remote component, one of its methods, and what uses its outputs."""

import json

import pulumi


class Box(pulumi.ComponentResource):
    address: pulumi.Output[str]
    login: pulumi.Output[str]

    def __init__(self, name, props):
        outputs = {"address": None, "login": None}
        options = pulumi.ResourceOptions(version="0.9.0")
        super().__init__("boxes:index:Box", name, {**outputs, **props}, options, remote=True)


class Thing(pulumi.CustomResource):
    def __init__(self, name, props):
        options = pulumi.ResourceOptions(version="1.2.3")
        super().__init__("lab:index:Thing", name, props, options)


wanted = json.loads(pulumi.Config("test").require("things"))
wanted["password"] = pulumi.Output.secret("Pa55-canary")
box = Box("box", wanted)
after = Thing("after", {"name": box.address.apply(lambda text: f"after-{text[-3:]}"), "size": 1})
said = pulumi.runtime.call("boxes:index:Box/greets", {"word": box.address, "__self__": box}, box)
pulumi.export("address", box.address)
pulumi.export("login", box.login)
pulumi.export("said", said["text"])
