"""How a PySpark script is submitted, as a target tells the agent that does it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

APPLICATION_PROPERTY = "aml.spark.application"


@dataclass(frozen=True)
class Asked:
    """How a script is submitted: the options of ``spark-submit``, but for its configuration.

    ``yarn``: by the cluster's own Spark; with ``cluster``, the driver runs in a container of YARN.
    ``environment`` is a folder that is sent along as the Python of the run, ``variables`` names
    those that the driver needs elsewhere. ``submit`` is the path of ``spark-submit``, once found.
    ``required``: without Spark, a script does not run even if it has nothing of Spark in it.
    """

    options: Sequence[str] = ()
    configuration: Mapping[str, str] = field(default_factory=dict)
    yarn: bool = False
    cluster: bool = False
    environment: str = ""
    variables: Sequence[str] = ()
    submit: str = ""
    required: bool = False

    def text(self) -> str:
        """Return the JSON text of which ``asked_of`` makes it again."""
        return json.dumps(self.__dict__)


def asked_of(text: str) -> Asked:
    """Return what an agent's option ``--spark`` asks for."""
    return Asked(**json.loads(text))
