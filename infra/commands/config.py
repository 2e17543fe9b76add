"""`aml config`: read and write one stack's settings, with the semantics of `pulumi config`."""

import json
import sys
from typing import Any

import click

from infra.commands.view import print_json, say
from infra.contract.errors import UsageError
from infra.contract.project import find_project
from infra.deploy.stack.passphrase import ask_at_terminal
from infra.deploy.stack.settings import Settings

_STACK = click.option("-s", "--stack", metavar="STACK", help="The stack; else the selected one.")
_PATH = click.option("--path", is_flag=True, help="KEY is a path: aml:computes[0].vm_size.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print data.")


@click.group()
def config() -> None:
    """Read and write a stack's configuration; comments in the file are kept."""


@config.command("get")
@click.argument("key")
@_PATH
@_STACK
@_JSON
def get(key: str, *, path: bool, stack: str | None, as_json: bool) -> None:
    """Print one value; a secret is opened."""
    setting = _settings(stack).get(key, path=path)
    if as_json:
        print_json({"value": setting.value, "secret": setting.secret})
    else:
        click.echo(_text(setting.value))


@config.command("set")
@click.argument("key")
@click.argument("value", required=False)
@click.option("--secret", is_flag=True, help="Seal the value with the stack's passphrase.")
@click.option("--plaintext", is_flag=True, help="Write it in clear; the default.")
@_PATH
@_STACK
def set_(
    key: str, value: str | None, *, secret: bool, plaintext: bool, path: bool, stack: str | None
) -> None:
    """Write one value. Without VALUE it is asked for, or read from standard input.

    Give no secret as an argument: other processes can read arguments.
    """
    if secret and plaintext:
        raise UsageError(
            "--secret and --plaintext exclude each other.", remedy="Leave one of them out."
        )
    settings = _settings(stack)
    text = _asked(key, secret=secret) if value is None else value
    problems = settings.set(key, text, path=path, secret=secret)
    for problem in problems:
        say(f"note: {problem}")


@config.command("rm")
@click.argument("key")
@_PATH
@_STACK
def rm(key: str, *, path: bool, stack: str | None) -> None:
    """Remove one value."""
    _settings(stack).remove(key, path=path)


@config.command("list")
@click.option("--show-secrets", is_flag=True, help="Open secrets and print them.")
@_STACK
@_JSON
def list_(*, show_secrets: bool, stack: str | None, as_json: bool) -> None:
    """Print all values; secrets as [secret]."""
    entries = _settings(stack).entries(show_secrets=show_secrets)
    if as_json:
        print_json({k: {"value": s.value, "secret": s.secret} for k, s in entries.items()})
        return
    width = max(map(len, entries), default=0)
    for key, setting in entries.items():
        click.echo(f"{key:<{width}}  {_text(setting.value)}")


def _settings(stack: str | None) -> Settings:
    project = find_project()
    return Settings(project, stack or project.selected_stack(), ask_at_terminal())


def _asked(key: str, *, secret: bool) -> str:
    if sys.stdin.isatty():
        answer: str = click.prompt(key, hide_input=secret, err=True)
        return answer
    # Pulumi, too, takes the whole input less its last newline.
    return sys.stdin.read().removesuffix("\n")


def _text(value: Any) -> str:
    match value:
        case str():
            return value
        case None:
            return ""
    return json.dumps(value, ensure_ascii=False)
