"""The stack file of somebody's own program: what of it is ours to know, which is where it goes."""

from typing import Literal

from infra.spec.base import SpecModel


class ProgramSpec(SpecModel):
    """A stack whose program is its author's own; it reads the other keys as it likes."""

    cloud: Literal["local", "azure"]
