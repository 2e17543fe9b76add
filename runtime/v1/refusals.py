"""What stands for a name that is not offered: it imports, and is refused when it is used."""

from typing import NoReturn

from runtime.api.exceptions import AzureMLException, UserErrorException
from runtime.api.workspaces.attributes import MissingAttributeError
from runtime.v1.names import Meaning

_ERRORS = ("Error", "Exception", "Failed")


class RefusedType(type):
    """The class of classes that are refused: calling one, or reading an attribute, raises."""

    meaning: Meaning
    module: str

    def __call__(cls, *_: object, **__: object) -> NoReturn:
        raise refusal(cls.module, cls.__name__, cls.meaning)

    def __getattr__(cls, name: str) -> NoReturn:
        # Tools look for names with underscores (display, copy, pickle): nobody uses the class.
        if name.startswith("_"):
            raise AttributeError(name)
        raise MissingAttributeError(
            f"{cls.__name__}.{name} of {cls.module} is not offered.", remedy=cls.meaning.instead
        )


def refused(module: str, name: str, meaning: Meaning) -> type:
    """Return what stands for a name: a class that refuses to be used, or an exception to catch."""
    if name.endswith(_ERRORS):
        return type(name, (AzureMLException,), {"__module__": module})
    return RefusedType(
        name, (), {"__module__": module, "__doc__": meaning.instead, "meaning": meaning,
                   "module": module},
    )  # fmt: skip


def refusal(module: str, name: str, meaning: Meaning) -> UserErrorException:
    """Return the error that says what to use instead."""
    return UserErrorException(f"{name} of {module} is not offered.", remedy=meaning.instead)
