"""Types of the names and ids a stack file may hold; the rules themselves are the contract's."""

from collections.abc import Callable
from typing import Annotated, Final

from pydantic import AfterValidator, WithJsonSchema

from infra.contract.errors import UsageError
from infra.contract.names import RULES, parse_arm_id


def _rule(key: str) -> Callable[[str], str]:
    rule = RULES[key]

    def check(name: str) -> str:
        problem = rule.problem(name)
        if problem:
            raise ValueError(problem)
        return name

    return check


def _id_of(wanted: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        try:
            found = parse_arm_id(text)
        except UsageError as error:
            raise ValueError(
                f"{text!r} is not a resource id. Write /subscriptions/<id>/resourceGroups/<group>"
                f"/providers/{_template(wanted)}."
            ) from error
        if found.type.lower() != wanted.lower():
            raise ValueError(f"is the id of a {found.type}; a {wanted} is needed.")
        return text

    return check


def _template(type_: str) -> str:
    namespace, *types = type_.split("/")
    return "/".join((namespace, *(f"{step}/<name>" for step in types)))


def _location(text: str) -> str:
    """Return Azure's short form: ``West Europe`` is ``westeurope``."""
    short = text.replace(" ", "").lower()
    if not short.isascii() or not short.isalnum():
        raise ValueError(f"{text!r} is not an Azure region. Write its name, such as westeurope.")
    return short


def _rule_type(key: str) -> tuple[AfterValidator, WithJsonSchema]:
    rule = RULES[key]
    return (
        AfterValidator(_rule(key)),
        WithJsonSchema(
            {"type": "string", "pattern": f"^{rule.pattern}$", "description": rule.says}
        ),
    )


WorkspaceName = Annotated[str, *_rule_type("workspace")]
ResourceGroupName = Annotated[str, *_rule_type("resource_group")]
AmlComputeName = Annotated[str, *_rule_type("aml_compute")]
Location = Annotated[str, AfterValidator(_location)]

SUBNET_TYPE: Final = "Microsoft.Network/virtualNetworks/subnets"
IDENTITY_TYPE: Final = "Microsoft.ManagedIdentity/userAssignedIdentities"

StorageAccountId = Annotated[str, AfterValidator(_id_of("Microsoft.Storage/storageAccounts"))]
KeyVaultId = Annotated[str, AfterValidator(_id_of("Microsoft.KeyVault/vaults"))]
ApplicationInsightsId = Annotated[str, AfterValidator(_id_of("Microsoft.Insights/components"))]
ContainerRegistryId = Annotated[
    str, AfterValidator(_id_of("Microsoft.ContainerRegistry/registries"))
]
SubnetId = Annotated[str, AfterValidator(_id_of(SUBNET_TYPE))]
UserAssignedIdentityId = Annotated[str, AfterValidator(_id_of(IDENTITY_TYPE))]
