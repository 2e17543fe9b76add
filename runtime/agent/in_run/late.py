"""Names that scripts import and this package does not offer: they refuse when they are used."""

import typing


class NotOfferedError(NotImplementedError):
    """A name of azureml was used that is not offered inside a run."""


class _Late(type):
    """The class of classes that refuse to be called, and to give an attribute."""

    def __call__(cls, *_: object, **__: object) -> typing.Any:
        raise cls._refusal()

    def __getattr__(cls, name: str) -> typing.Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise cls._refusal(f".{name}")

    def _refusal(cls, attribute: str = "") -> NotOfferedError:
        name, instead = cls.__dict__.get("_aml_refusal", (cls.__name__, ""))
        return NotOfferedError(f"{name}{attribute} is not offered inside a run. {instead}")


class SaysWhatIsThere:
    """An object whose missing attributes say where to read which there are."""

    _called = ""

    def __getattr__(self, name: str) -> typing.NoReturn:
        called = self._called or type(self).__name__
        raise AttributeError(
            f"{called!r} object has no attribute {name!r} inside a run:"
            " docs/azureml-in-a-run.md lists those that there are"  # Python adds the nearest
        )


def late_class(name: str, instead: str) -> type:
    """Return a class called ``name`` that raises ``NotOfferedError`` when it is used."""
    return _Late(name.rpartition(".")[2], (), {"_aml_refusal": (name, instead)})


def refused(name: str, instead: str) -> NotOfferedError:
    """Return the error of a method that is not offered."""
    return NotOfferedError(f"{name} is not offered inside a run. {instead}")
