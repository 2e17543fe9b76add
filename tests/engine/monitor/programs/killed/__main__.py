"""A group, what lives in it, and a component: first with one size, then with another."""

import pulumi


class Thing(pulumi.CustomResource):
    kind: pulumi.Output[str]

    def __init__(self, name, opts=None, **inputs):
        super().__init__("things:index:Thing", name, {**inputs, "url": None}, opts)


config = pulumi.Config("killed")
size = config.require_int("size")
kind = config.require("kind")

box = pulumi.ComponentResource("things:index:Box", "box")
inside = pulumi.ResourceOptions(parent=box)
group = Thing("group", kind="a", opts=inside)
swapped = Thing("swapped", kind=kind, password=config.require_secret("password"), opts=inside)
user = Thing("user", size=size, kind=swapped.kind, opts=inside)
for number in range(size):
    Thing(f"many{number}", size=size, opts=pulumi.ResourceOptions(depends_on=[group]))
box.register_outputs({"size": size})
pulumi.export("kind", user.kind)
