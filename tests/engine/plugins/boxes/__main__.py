"""A plugin of components, written with Pulumi's SDK: a box has a thing of the plugin `lab`."""

import sys

import pulumi
from pulumi import provider


class Thing(pulumi.CustomResource):
    address: pulumi.Output[str]
    login: pulumi.Output[str]

    def __init__(self, name, props, opts=None):
        outputs = {"address": None, "login": None}
        super().__init__("lab:index:Thing", name, {**outputs, **props}, opts)


class Box(pulumi.ComponentResource):
    def __init__(self, name, inputs, options):
        super().__init__("boxes:index:Box", name, {"label": inputs["label"]}, options)
        if inputs.get("refuse"):
            problem = {"property_path": "refuse", "reason": "is set"}
            raise pulumi.InputPropertiesError("not so", [problem])
        props = {"name": inputs["label"], "size": 1, "password": inputs["password"]}
        props |= {"fail": True} if inputs.get("fail") else {}
        options = pulumi.ResourceOptions(parent=self, version="1.2.3")
        self.thing = Thing(f"{name}-thing", props, options)
        self.register_outputs({"address": self.thing.address})


class Boxes(provider.Provider):
    def construct(self, name, resource_type, inputs, options=None):
        box = Box(name, inputs, options)
        state = {"address": box.thing.address, "login": box.thing.login}
        return provider.ConstructResult(box.urn, state)

    def call(self, token, args):
        words = args["word"].apply(lambda word: f"{word} {token.rpartition('/')[2]}")
        return provider.CallResult({"text": words})


provider.main(Boxes("0.9.0"), sys.argv[1:])
