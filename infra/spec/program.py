"""The stack file of another program: of its keys, this product reads only the cloud."""

from typing import Literal

from infra.spec.base import SpecModel


class ProgramSpec(SpecModel):
    """A stack of another program, which reads all other keys itself."""

    cloud: Literal["local", "azure"]
