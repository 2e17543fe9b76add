"""A secret of the configuration goes everywhere a program can put one."""

import pulumi

from tests.engine.things import Thing

config = pulumi.Config("test")
password = config.require_secret("password")

one = Thing("one", label=password, nested={"list": [password]})
Thing("two", label=one.label.apply(lambda label: f"<{label}>"))
pulumi.export("password", password)
pulumi.export("one", one.label)
pulumi.export("size", one.size)
pulumi.log.info(f"the password is {config.require('password')}")
print(f"it is {config.require('password')}")
if config.get("raise"):
    raise ValueError(config.require("password"))
