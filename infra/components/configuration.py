"""The configuration of the running program, under any engine. For ``__main__`` only."""

from dataclasses import dataclass

from pulumi.runtime import config


@dataclass(frozen=True, slots=True)
class ProgramConfiguration:
    """``values`` maps ``namespace:key`` to text; ``secret_keys`` are those that hold secrets."""

    values: dict[str, str]
    secret_keys: frozenset[str]

    def __repr__(self) -> str:
        return f"ProgramConfiguration({', '.join(sorted(self.values))})"


def program_configuration() -> ProgramConfiguration:
    """Return the whole configuration; `pulumi.Config` only returns single known keys."""
    values = {**config.get_config_env(), **config.CONFIG.get()}
    secret = {key for key in values if config.is_config_secret(key)}
    return ProgramConfiguration(
        values, frozenset(secret | set(config.get_config_secret_keys_env()))
    )
