"""Which way an environment goes, and why; where the engine is; which images are removed."""

import pytest

from localcloud.nodes.engines import EngineImage, connect_engine, engine_address
from localcloud.nodes.image_choice import Choice, ImageRequest, after_failed_pull, choose
from localcloud.nodes.images import packages_recipe, surplus
from runtime.model.environments import EnvironmentSpec

OWN = ImageRequest("team.azurecr.io/torch:2")
OWN_CONDA = ImageRequest("team.azurecr.io/torch:2", conda=True)
BASE = ImageRequest("mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:latest", conda=True)
CURATED = ImageRequest("mcr.microsoft.com/azureml/curated/sklearn-1.5:7")
CONTEXT = ImageRequest(build=True)
CONTEXT_CONDA = ImageRequest(build=True, conda=True)
NONE = "there is no docker engine on this machine"
OWN_UNUSED = f"The image {OWN.image} was not used: {NONE}."


@pytest.mark.parametrize(
    ("asked", "problem", "present", "expected"),
    [
        pytest.param(ImageRequest(), "", False, Choice("node"), id="nothing"),
        pytest.param(ImageRequest(conda=True), "", False, Choice("uv"), id="conda"),
        pytest.param(OWN, "", False, Choice("pull"), id="image"),
        pytest.param(OWN_CONDA, "", True, Choice("build"), id="image and conda"),
        pytest.param(CONTEXT, "", False, Choice("build"), id="context"),
        pytest.param(CURATED, "", False, Choice("pull"), id="curated"),
        pytest.param(BASE, "", True, Choice("build"), id="base image that was pulled"),
        pytest.param(OWN, NONE, False, Choice("node", OWN_UNUSED), id="image, no engine"),
        pytest.param(OWN_CONDA, NONE, False, Choice("uv", OWN_UNUSED), id="conda, no engine"),
        pytest.param(
            CONTEXT_CONDA,
            NONE,
            False,
            Choice("uv", f"The image of the build context was not used: {NONE}."),
            id="context and conda, no engine",
        ),
    ],
)
def test_which_way_an_environment_goes(asked, problem, present, expected) -> None:
    assert choose(asked, engine_problem=problem, present=present) == expected


def test_a_base_image_of_azure_ml_is_not_pulled_and_says_how_it_would_be_used() -> None:
    chosen = choose(BASE, engine_problem="", present=False)
    assert chosen.way == "uv"
    assert f"`docker pull {BASE.image}`" in chosen.unused


def test_a_dockerfile_alone_needs_an_engine() -> None:
    assert NONE in choose(CONTEXT, engine_problem=NONE, present=False).refused


@pytest.mark.parametrize(
    ("asked", "way", "refused"),
    [(OWN, "pull", True), (OWN_CONDA, "pull", True), (CURATED, "node", False), (BASE, "uv", False)],
)
def test_an_image_that_cannot_be_pulled(asked, way, refused) -> None:
    chosen = after_failed_pull(asked, "no such host")
    assert (chosen.way, bool(chosen.refused)) == (way, refused)
    assert "cannot be pulled: no such host" in chosen.refused + chosen.unused


@pytest.mark.parametrize(
    ("environ", "address", "problem"),
    [
        ({"DOCKER_HOST": "unix:///run/d.sock"}, "unix:///run/d.sock", ""),
        ({"DOCKER_HOST": "tcp://127.0.0.1:2375"}, "tcp://127.0.0.1:2375", ""),
        ({"DOCKER_HOST": "tcp://10.0.0.1:2375"}, "", "is not on this machine"),
        ({"DOCKER_HOST": "ssh://me@127.0.0.1"}, "", "is not on this machine"),
        ({"AML_CLOUD_CONTAINERS": "Off", "DOCKER_HOST": "unix:///s"}, "", "are switched off"),
    ],
)
def test_where_the_engine_is(environ, address, problem) -> None:
    found = engine_address(environ)
    assert (found[0], problem in found[1], bool(found[1])) == (address, True, bool(problem))


def test_an_engine_that_does_not_answer_is_a_reason() -> None:
    engine, problem = connect_engine({"DOCKER_HOST": "unix:///no/such.sock"})
    assert engine is None
    assert problem.startswith("the docker engine cannot be reached at unix:///no/such.sock")


def test_the_least_recently_used_images_go_first() -> None:
    images = [EngineImage("new", 6), EngineImage("large", 6), EngineImage("old", 3)]
    assert surplus(images, 10) == ["large"]
    assert surplus(images, 1) == ["large", "old"]


def test_what_counts_for_an_image() -> None:
    def made(image="base:1", conda="dependencies: [python=3.11, {pip: [six]}]", name=""):
        return packages_recipe(image, EnvironmentSpec("conda", conda=conda, name=name))[0].hash

    same = "# a comment\nname: x\ndependencies:\n- python=3.11\n- pip:\n  - six\n"
    assert made() == made(conda=same) == made(name="other")
    assert len({made(), made(image="base:2"), made(conda="dependencies: [python=3.11]")}) == 3


def test_packages_that_only_conda_has_are_named_where_the_image_has_none() -> None:
    spec = EnvironmentSpec("conda", conda="dependencies: [python=3.11, r-base=4.2]")
    recipe, _ = packages_recipe("base:1", spec)
    assert b"r-base" in recipe.files["aml-requirements.txt"]
    assert recipe.files["aml-requirements.txt"].startswith(b"#!only-conda")
