"""Says something at every severity, and prints."""

import pulumi

from tests.engine.things import Thing

pulumi.log.debug("debug")
pulumi.log.info("info")
pulumi.log.warn("warning", Thing("one"))
print("printed")
