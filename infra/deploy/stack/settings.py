"""One stack's settings, as `aml config` reads and writes them, encrypting secrets.

`infra.spec` decides whether the values are valid, `configuration` what a program sees of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from infra.contract.errors import UnknownNameError, UsageError
from infra.contract.load import nearest
from infra.contract.project import Project
from infra.deploy.stack.ciphers import cipher_with_salt
from infra.deploy.stack.passphrase import Ask
from infra.deploy.stack.project_settings import project_settings
from infra.engine.state.secrets import Cipher
from infra.spec.credentials import PLAIN_SECRET, PRIVATE_KEY, Sealed
from infra.spec.editing import StackFile, parse_path
from infra.spec.load import inspect_program_text, inspect_text
from infra.spec.problems import MISSING, Problem, StackFileError
from infra.spec.stack import KEYS

_SEALED: Final = (
    "is no credential, and `aml up` reads only credentials encrypted; `aml config set --plaintext"
    " --path` stores it as it is."
)


@dataclass(frozen=True, slots=True)
class Setting:
    """A value of the file, opened. ``secret`` says that something in it is sealed."""

    value: object
    secret: bool


class Settings:
    """Reads and writes the settings of one stack. Each write is on disk when it returns."""

    def __init__(self, project: Project, stack: str, ask: Ask | None = None) -> None:
        self._project = project
        self._stack = stack
        self._ask = ask
        self._file = project.stack_file(stack)
        if not self._file.is_file():
            known = dict.fromkeys(f.name[7:-5] for f in self._file.parent.glob("Pulumi.*.yaml"))
            raise UnknownNameError(
                f"There is no stack {stack!r}.",
                remedy=nearest(stack, known, noun="stack")
                + f" Create it with `aml stack init {stack}`.",
                at=str(self._file),
            )

    def get(self, key: str, *, path: bool = False) -> Setting:
        """Return one value, its secrets opened; else what the project declares for all stacks."""
        file, declared = StackFile.read(self._file), self._declared()
        key = self._full(key, file)
        if key in declared and key not in file.entries():
            return Setting(declared[key], secret=False)
        value = file.get(key, path=path)
        return Setting(self._opened(value, file.salt), _sealed(value))

    def entries(self, *, show_secrets: bool = False) -> dict[str, Setting]:
        """Return all values, also those that the project declares for all stacks.

        Secrets are ``[secret]`` unless they are to be shown.
        """
        file = StackFile.read(self._file)
        own = {key if ":" in key else f"{self._project.name}:{key}" for key in file.entries()}
        others = {k: Setting(v, secret=False) for k, v in self._declared().items() if k not in own}
        return others | {
            key: Setting(
                self._opened(value, file.salt) if show_secrets else _hidden(value), _sealed(value)
            )
            for key, value in file.entries().items()
        }

    def set(
        self,
        key: str,
        value: str,
        *,
        path: bool = False,
        secret: bool = False,
        verbatim: bool = False,
    ) -> tuple[Problem, ...]:
        """Write one value, sealed if ``secret``; return what is wrong with the file all the same.

        Refuses to write a credential in plain text, and what makes a problem that was not there
        before; only a key may still be missing. ``verbatim`` keeps `true` and numbers as text.
        """
        file = StackFile.read(self._file)
        key = self._full(key, file)
        inspect = inspect_text if self._project.runs_packaged_program else inspect_program_text
        folder = self._file.parent
        former = inspect(file.text(), folder)
        before = {(each.path, each.message) for each in former.problems}
        if secret:
            self.seal(file, key, value, path=path)
        else:
            file.set(key, value, path=path, verbatim=verbatim)
        found = inspect(file.text(), folder)
        problems = found.problems
        if any(
            problem.code in {PLAIN_SECRET, PRIVATE_KEY} and _below(problem.path, key)
            for problem in problems
        ):
            raise UsageError(
                f"{key} is a credential, which a stack file must not hold in plain text.",
                remedy="Add `--secret` to encrypt it, or refer to it as env:NAME or file:PATH.",
            )
        new = [
            problem
            for problem in problems
            if problem.code != MISSING and (problem.path, problem.message) not in before
        ]
        if new:
            raise StackFileError(
                new, at=f"{self._file.name}, which was not changed", remedy=_remedy(key, new, value)
            )
        file.write()
        sealed = [Problem(each, _SEALED) for each in found.sealed if each not in former.sealed]
        return (*problems, *sealed)

    def remove(self, key: str, *, path: bool = False) -> None:
        """Remove one value."""
        file = StackFile.read(self._file)
        file.remove(self._full(key, file), path=path)
        file.write()

    def seal(self, file: StackFile, key: str, value: str, *, path: bool = True) -> None:
        """Set one value of a file that is being edited, encrypted."""
        sealer = self._sealer(file.salt)
        file.set(key, Sealed(sealer.seal(value)), path=path)
        if file.salt is None:
            file.salt = sealer.salt

    def _declared(self) -> dict[str, object]:
        return project_settings(self._project).values()

    def _full(self, key: str, file: StackFile) -> str:
        """Return ``key`` with a namespace, unless the file has it without: by default its own.

        Of a project that has a program of its own that is the project's name, as in Pulumi.
        """
        if ":" in key or self._project.runs_packaged_program:
            return _full(key)
        return key if str(parse_path(key)[0]) in file.entries() else f"{self._project.name}:{key}"

    def _sealer(self, salt: str | None) -> Cipher:
        return cipher_with_salt(self._project, self._stack, salt, self._ask)

    def _opened(self, value: object, salt: str | None) -> object:
        if not _sealed(value):
            return value
        sealer = self._sealer(salt)
        return _mapped(value, lambda sealed: sealer.open(sealed.ciphertext))


def _full(key: str) -> str:
    """Return ``key`` if it has a namespace; Pulumi would add the project's name to a bare one."""
    if ":" in key:
        return key
    first = str(parse_path(key)[0])
    known = {name.partition(":")[2]: name for name in KEYS.values()}
    remedy = "Write it as aml:KEY or azure-native:KEY."
    if first in known:
        remedy = f"Did you mean {known[first] + key.removeprefix(first)!r}?"
    raise UsageError(f"{key!r} has no namespace.", remedy=remedy)


def _remedy(key: str, problems: Sequence[Problem], value: str) -> str:
    if value in {"true", "false"} and any(_below(problem.path, key) for problem in problems):
        return "Choose another value; `--text` stores true and false as text."
    return "Choose another value, or set what it depends on first."


def _below(path: str, key: str) -> bool:
    return path == key or path.startswith((f"{key}.", f"{key}["))


def _mapped(value: object, change: Callable[[Sealed], object]) -> object:
    match value:
        case Sealed():
            return change(value)
        case dict():
            return {key: _mapped(item, change) for key, item in value.items()}
        case list():
            return [_mapped(item, change) for item in value]
    return value


def _hidden(value: object) -> object:
    return _mapped(value, lambda _: "[secret]")


def _sealed(value: object) -> bool:
    match value:
        case Sealed():
            return True
        case dict():
            return any(map(_sealed, value.values()))
        case list():
            return any(map(_sealed, value))
    return False
