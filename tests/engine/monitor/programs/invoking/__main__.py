"""Calls a provider's function, plainly and with outputs."""

import pulumi

from tests.engine.things import Thing

config = pulumi.Config("test")
one = Thing("one", label="l")
plain = pulumi.runtime.invoke("test:index:echo", {"a": 1, "b": ["x"]}).value
secret = pulumi.runtime.invoke_output(
    "test:index:echo", {"password": config.require_secret("password")}
)
waiting = pulumi.runtime.invoke_output("test:index:echo", {"size": one.size})
pulumi.export("plain", plain["echo"])
pulumi.export("secret", secret["echo"])
pulumi.export("waiting", waiting["echo"])
