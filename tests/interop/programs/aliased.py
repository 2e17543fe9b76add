"""A resource is renamed and gets a parent; nothing happens to it."""

import pulumi
from pulumi_azure_native import resources

config = pulumi.Config()
name, step = config.require("name"), config.require_int("step")


class Box(pulumi.ComponentResource):
    def __init__(self):
        super().__init__("interop:index:Box", "box")


box = Box()
options = pulumi.ResourceOptions()
if step > 1:
    before = pulumi.Alias(name="old", parent=pulumi.ROOT_STACK_RESOURCE)
    options = pulumi.ResourceOptions(parent=box, aliases=[before])
resources.ResourceGroup(
    "old" if step == 1 else "new", resource_group_name=f"{name}-rg", opts=options
)
