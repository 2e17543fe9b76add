"""`aml config`: read and write one stack's settings, with the semantics of `pulumi config`."""

import json
import sys

import click

from infra.commands import view
from infra.contract.errors import UsageError
from infra.contract.project import find_project
from infra.deploy.stack.passphrase import ask_at_terminal
from infra.deploy.stack.settings import Settings

_STACK = click.option(
    "-s", "--stack", metavar="STACK", help="Stack to use. Default: the selected stack."
)
_PATH = click.option(
    "--path", is_flag=True, help="Treat KEY as a path, such as aml:computes[0].vm_size."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def config() -> None:
    """Read and write a stack's configuration. Comments in the file are kept."""


@config.command("get")
@click.argument("key")
@_PATH
@_STACK
@_JSON
def get(key: str, *, path: bool, stack: str | None, as_json: bool) -> None:
    """Print one value. A secret is printed decrypted."""
    setting = _settings(stack).get(key, path=path)
    if as_json:
        view.print_json({"value": setting.value, "secret": setting.secret})
    else:
        view.print_data(_text(setting.value))


@config.command("set")
@click.argument("key")
@click.argument("value", required=False)
@click.option("--secret", is_flag=True, help="Encrypt the value with the stack's key.")
@click.option("--plaintext", is_flag=True, help="Store the value unencrypted (the default).")
@click.option("--text", "verbatim", is_flag=True, help="Store `true` or a number as text.")
@_PATH
@_STACK
def set_(
    key: str,
    value: str | None,
    *,
    secret: bool,
    plaintext: bool,
    verbatim: bool,
    path: bool,
    stack: str | None,
) -> None:
    """Set one value. Without VALUE, prompt for it or read it from standard input.

    A value that `aml check` would report is refused; keys that are still missing are noted.

    Do not pass secrets as arguments: other processes can see them.
    """
    if secret and plaintext:
        raise UsageError(
            "--secret and --plaintext cannot be combined.", remedy="Leave one of them out."
        )
    settings = _settings(stack)
    text = _asked(key, secret=secret) if value is None else value
    problems = settings.set(key, text, path=path, secret=secret, verbatim=verbatim)
    for problem in problems:
        view.say(f"note: {problem}")


@config.command("rm")
@click.argument("key")
@_PATH
@_STACK
def rm(key: str, *, path: bool, stack: str | None) -> None:
    """Remove one value."""
    _settings(stack).remove(key, path=path)


@config.command("list")
@click.option("--show-secrets", is_flag=True, help="Print secrets decrypted.")
@_STACK
@_JSON
def list_(*, show_secrets: bool, stack: str | None, as_json: bool) -> None:
    """Print all values. Secrets are shown as [secret]."""
    entries = _settings(stack).entries(show_secrets=show_secrets)
    if as_json:
        view.print_json({k: {"value": s.value, "secret": s.secret} for k, s in entries.items()})
        return
    width = max(map(len, entries), default=0)
    for key, setting in entries.items():
        view.print_data(f"{key:<{width}}  {_text(setting.value)}")


def _settings(stack: str | None) -> Settings:
    project = find_project()
    return Settings(project, stack or project.selected_stack(), ask_at_terminal())


def _asked(key: str, *, secret: bool) -> str:
    if sys.stdin.isatty():
        return view.prompted(key, hide=secret)
    # Pulumi does the same: all of the input but its last newline.
    return sys.stdin.read().removesuffix("\n")


def _text(value: object) -> str:
    match value:
        case str():
            return value
        case None:
            return ""
    return json.dumps(value, ensure_ascii=False)
