"""A component gets another child."""

import pulumi
from pulumi_azure_native import resources

config = pulumi.Config()
name, step = config.require("name"), config.require_int("step")


class Groups(pulumi.ComponentResource):
    def __init__(self, prefix, count):
        super().__init__("interop:index:Groups", prefix, {"count": count})
        mine = pulumi.ResourceOptions(parent=self)
        self.made = [
            resources.ResourceGroup(
                f"{prefix}-{number}", resource_group_name=f"{prefix}-{number}", opts=mine
            )
            for number in range(count)
        ]
        self.register_outputs({"names": [group.name for group in self.made]})


groups = Groups(name, step + 1)
pulumi.export("names", [group.name for group in groups.made])
