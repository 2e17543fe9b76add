"""Arguments of a run: text, numbers, and data whose path the script is given."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath

from infra.contract.errors import UsageError
from runtime.api.run_data import RunInput, RunOutput
from runtime.model.data import DataInput, DataOutput, data_variable

__all__: list[str] = []

MODEL_LOCATION = "MODEL_LOCATION"


@dataclass
class RunData:
    """The data of a run while it is collected; names are unique."""

    inputs: dict[str, DataInput] = field(default_factory=dict)
    outputs: dict[str, DataOutput] = field(default_factory=dict)
    _variables: dict[int, str] = field(default_factory=dict)

    @property
    def names(self) -> set[str]:
        return {*self.inputs, *self.outputs}

    def include(self, each: DataInput | DataOutput | RunInput | RunOutput) -> str:
        """Add data, given as itself or as an object, and return the variable of its path.

        The same object is the same data, however often it is given.
        """
        if isinstance(each, DataInput | DataOutput):
            return self.add(each)
        if id(each) not in self._variables:
            made = each.run_input(self.names) if isinstance(each, RunInput) else each.run_output()
            self._variables[id(each)] = self.add(made)
        return self._variables[id(each)]

    def add(self, each: DataInput | DataOutput) -> str:
        """Add data and return the variable of its path.

        The same data may be added twice. Raises ``UsageError`` if other data has its name.
        """
        known = self.inputs.get(each.name) or self.outputs.get(each.name)
        if known is not None and known != each:
            raise UsageError(
                f"Two inputs or outputs of the run are called {each.name!r}.",
                remedy="Name one of them differently, as in `dataset.as_named_input('other')`.",
            )
        if isinstance(each, DataInput):
            self.inputs[each.name] = each
        else:
            self.outputs[each.name] = each
        return f"${data_variable(each.name)}"

    def texts(self, arguments: Iterable[object]) -> tuple[str, ...]:
        """Return the arguments as text, and add the data among them."""
        return tuple(self._text(each) for each in arguments)

    def resumed_from(self, source: object) -> tuple[str, ...]:
        """Return the arguments by which a script resumes from an earlier run's output."""
        if not isinstance(source, RunInput):
            raise UsageError(
                f"resume_from is {type(source).__name__}, which is not data.",
                remedy="Pass a DataPath: `DataPath(datastore, 'path/of/the/model')`.",
            )
        found = replace(source.run_input(self.names), name=MODEL_LOCATION)
        return "--resume-from", self.add(found)

    def _text(self, argument: object) -> str:
        if isinstance(argument, RunInput | RunOutput):
            return self.include(argument)
        if isinstance(argument, str | int | float | PurePath):
            return str(argument)
        raise UsageError(
            f"{argument!r} ({type(argument).__name__}) cannot be an argument of a script.",
            remedy="Pass text, numbers, or data such as `dataset.as_named_input('x').as_mount()`.",
        )


def command_line(command: str | Sequence[object], data: RunData) -> str:
    """Return a command as a line for the shell: a list is joined with spaces."""
    return command if isinstance(command, str) else " ".join(data.texts(command))
