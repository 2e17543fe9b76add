"""Values of a pipeline file's keys, as the readers of its steps take them. Pure."""

from runtime.definitions.located import Located


def text(document: Located, key: str) -> str | None:
    value = document.get(key)
    return value.text if value is not None and not value.is_map and not value.is_list else None


def value_text(given: Located) -> str:
    return str(given.value) if isinstance(given.value, bool) else given.text


def flag(document: Located, key: str, *, default: bool) -> bool:
    value = document.get(key)
    return value.value if value is not None and isinstance(value.value, bool) else default


def number(document: Located, key: str, default: int) -> int:
    value = document.get(key)
    return value.value if value is not None and isinstance(value.value, int) else default
