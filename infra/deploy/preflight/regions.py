"""Asks what a region offers, as Azure ML lists it: VM sizes and quotas."""

from collections.abc import Iterator

from infra.arm.client import Client
from infra.arm.soft_delete import pages
from infra.catalogue.api_versions import MACHINE_LEARNING
from infra.catalogue.vm_sizes import VmSize
from infra.contract.errors import ProviderError
from infra.contract.json_types import Document
from infra.deploy.preflight.facts import Region, Usage


def region_offers(client: Client, subscription: str, name: str, unanswered: list[str]) -> Region:
    """Return the VM sizes and quotas of a region; ``unanswered`` collects what was refused."""
    path = (
        f"/subscriptions/{subscription}/providers/Microsoft.MachineLearningServices"
        f"/locations/{name}"
    )

    def listed(what: str, noun: str) -> list[Document]:
        try:
            return list(pages(client, f"{path}/{what}", MACHINE_LEARNING))
        except ProviderError as error:
            unanswered.append(f"The {noun} of the region could not be read: {error.detail}")
            return []

    sizes = map(_size, listed("vmSizes", "VM sizes"))
    return Region(
        {size.name.lower(): size for size in sizes},
        [usage for each in listed("usages", "quotas") for usage in _usages(each)],
    )


def _size(each: Document) -> VmSize:
    return VmSize(
        str(each.get("name")),
        str(each.get("family")),
        int(each.get("vCPUs") or 0),
        int(float(each.get("memoryGB") or 0) * 1024),
        int(each.get("gpus") or 0),
    )


def _usages(each: Document) -> Iterator[Usage]:
    name = each.get("name") or {}
    used, limit = int(each.get("currentValue") or 0), int(each.get("limit") or 0)
    for spelled in dict.fromkeys((name.get("value"), name.get("localizedValue"))):
        if spelled and limit >= 0:  # below zero there is none
            yield Usage(str(spelled), used, limit)
