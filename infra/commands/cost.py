"""`aml cost`: what the computes of a stack file cost."""

from dataclasses import asdict
from pathlib import Path
from typing import Final

import click

from infra.catalogue.vm_prices import PRICED, read_prices
from infra.commands import view
from infra.contract.json_types import JsonObject
from infra.deploy.run.stack_costs import HOURS_A_MONTH, ComputeCost, stack_costs, totals
from infra.deploy.stack.stacks import open_stack

_DIGITS: Final = 4  # of a US dollar, as Azure lists prices


@click.command()
@click.option("-s", "--stack", metavar="STACK", help="Stack to use. Default: the selected stack.")
@click.option(
    "--prices",
    "file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="Prices of your own: a CSV with `name` and a column for each region, in USD an hour.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def cost(stack: str | None, file: Path | None, *, as_json: bool) -> None:
    """Show what a stack's nodes cost at rest and at most, by list price.

    Works offline, from the stack file. Storage, networks and discounts are not in it.
    `aml runs cost` shows what runs did cost.
    """
    opened = open_stack(stack, secrets="hidden")
    costs = stack_costs(opened.spec, None if file is None else read_prices(file))
    rest, most = totals(costs)
    if as_json:
        document = {
            "stack": opened.name,
            "prices_of": PRICED if file is None else str(file),
            "computes": [_rounded(asdict(each)) for each in costs],
            "usd_per_hour": _rounded({"rest": rest, "most": most}),
        }
        view.print_json(document)
        return
    view.print_table(
        ("COMPUTE", "VM SIZE", "NODES", "AT REST", "AT MOST", "REMARK"),
        [_row(each) for each in costs],
    )
    view.say(
        f"At rest {rest:.2f} USD an hour ({rest * HOURS_A_MONTH:.0f} a month), with every node"
        f" running {most:.2f} ({most * HOURS_A_MONTH:.0f} a month);"
        f" {f'list prices of {PRICED}' if file is None else f'prices of {file}'}."
    )


def _row(each: ComputeCost) -> tuple[str, ...]:
    nodes = f"{each.least_nodes}-{each.most_nodes}" if each.kind == "aml_compute" else "1"
    return each.name, each.vm_size, nodes, _usd(each.rest), _usd(each.most), each.remark


def _rounded(document: JsonObject) -> JsonObject:
    return {
        key: round(value, _DIGITS) if isinstance(value, float) else value
        for key, value in document.items()
    }


def _usd(price: float | None) -> str:
    return "?" if price is None else f"{price:.2f}"
