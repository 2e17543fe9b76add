"""What a running program was configured with, whichever engine runs it. For ``__main__`` only."""

from dataclasses import dataclass

from pulumi.runtime import config


@dataclass(frozen=True, slots=True)
class ProgramConfiguration:
    """``values`` maps ``namespace:key`` to text; ``secret_keys`` are those that came sealed."""

    values: dict[str, str]
    secret_keys: frozenset[str]

    def __repr__(self) -> str:
        return f"ProgramConfiguration({', '.join(sorted(self.values))})"


def program_configuration() -> ProgramConfiguration:
    """Return all of it: `pulumi.Config` can only be asked key by key, and never says what else."""
    values = {**config.get_config_env(), **config.CONFIG.get()}
    secret = {key for key in values if config.is_config_secret(key)}
    return ProgramConfiguration(
        values, frozenset(secret | set(config.get_config_secret_keys_env()))
    )
