"""The offline run: what ``Run.get_context()`` returns outside a run. It prints what is logged."""

from collections.abc import Mapping

from runtime.agent.in_run import offline
from runtime.api.exceptions import RunEnvironmentException

__all__ = ["OfflineRun"]


class OfflineRun(offline.OfflineRun):
    """A run that is not recorded: logging prints; tags and properties are kept in memory.

    It has no experiment: reading that is an ``AttributeError``, which scripts rely on.
    """

    def __init__(self) -> None:
        super().__init__()
        self.name = self.id
        self.parent = None
        self.status = "Running"
        self.tags: dict[str, str | None] = {}
        self.properties: dict[str, str] = {}
        self.input_datasets: dict[str, object] = {}
        self.output_datasets: dict[str, object] = {}

    def tag(self, key: str, value: object = None) -> None:
        """Keep a tag in memory."""
        self.tags[key] = None if value is None else str(value) or None

    def set_tags(self, tags: Mapping[str, object]) -> None:
        """Keep tags in memory."""
        for key, value in tags.items():
            self.tag(key, value)

    def get_tags(self) -> dict[str, str | None]:
        """Return the tags in memory."""
        return dict(self.tags)

    def add_properties(self, properties: Mapping[str, object]) -> None:
        """Keep properties in memory."""
        self.properties |= {key: str(value) for key, value in properties.items()}

    def get_properties(self) -> dict[str, str]:
        """Return the properties in memory."""
        return dict(self.properties)

    def get_metrics(self, name: str | None = None, **_: object) -> dict[str, object]:
        """Return nothing: an offline run keeps no metrics."""
        return {}

    def get_status(self) -> str:
        """Return ``Running``."""
        return self.status

    def get_environment(self) -> object:
        """Refuse: an offline run has no environment of its own."""
        raise RunEnvironmentException(
            "The offline run has no environment.", remedy="Submit the script as a run."
        )

    def child_run(
        self, name: object = None, run_id: object = None, outputs: object = None
    ) -> "OfflineRun":
        """Return another offline run."""
        return OfflineRun()

    def start(self) -> None:
        """Do nothing: the script has started."""

    def __repr__(self) -> str:
        return f"Run(Id: {self.id}, Type: offline)"
