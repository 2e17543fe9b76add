"""Environment declarations as JSON documents: read back, and without what may be secret. Pure."""

from dataclasses import replace

from infra.contract.json_types import Document
from runtime.model.environments import (
    EnvironmentSpec,
    ImageSpec,
    MavenPackage,
    Registry,
    SparkPackages,
)
from runtime.model.redaction import MASK, redacted


def environment_of(document: Document) -> EnvironmentSpec:
    """Return the environment of a document that ``dataclasses.asdict`` made."""
    image, spark = document.get("image"), document.get("spark")
    nested = {"image": image and _image(image), "spark": spark and _spark(spark)}
    return EnvironmentSpec(**{**document, **nested})


def without_secrets(spec: EnvironmentSpec) -> EnvironmentSpec:
    """Return an environment whose values may be written to a file of the run."""
    return replace(
        spec,
        conda=redacted(spec.conda or "") or None,
        requirements=redacted(spec.requirements or "") or None,
        variables=dict.fromkeys(spec.variables, MASK),
        image=spec.image and _without_password(spec.image),
    )


def _image(document: Document) -> ImageSpec:
    registry = document.get("registry")
    return ImageSpec(**{**document, "registry": registry and Registry(**registry)})


def _spark(document: Document) -> SparkPackages:
    packages = tuple(MavenPackage(**each) for each in document["packages"])
    return SparkPackages(tuple(document["repositories"]), packages)


def _without_password(image: ImageSpec) -> ImageSpec:
    shown = replace(
        image,
        name=redacted(image.name) if image.name else None,
        dockerfile=redacted(image.dockerfile) if image.dockerfile else None,
    )
    registry = image.registry
    if registry is None or registry.password is None:
        return shown
    return replace(shown, registry=replace(registry, password=MASK))
