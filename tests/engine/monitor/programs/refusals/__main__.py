"""Asks for one thing the embedded engine does not have; which, the configuration says."""

import pulumi

from tests.engine.things import Thing

Options = pulumi.ResourceOptions
what = pulumi.Config("test").require("what")

Thing("one")
if what == "migrations":
    Thing("two", Options(state_migrations=[lambda _: None]))
if what == "remote":
    pulumi.ComponentResource("test:index:Remote", "two", {}, remote=True)
if what == "call":
    pulumi.runtime.call("test:index:method", {}).apply(print)
if what == "version":
    pulumi.require_pulumi_version(">=99.0.0")
if what == "timeout":
    Thing("two", Options(custom_timeouts=pulumi.CustomTimeouts(create="soon")))
if what == "provider":
    pulumi.CustomResource("other:index:Thing", "two")
