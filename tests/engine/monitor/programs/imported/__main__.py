"""The resources are made by a module when it is imported."""

import declared
import pulumi

pulumi.export("size", declared.one.size)
