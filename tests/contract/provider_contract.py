"""What the engine relies on in every provider, as tests to inherit.

    class TestMine(LifecycleContract, LocatesContract):
        @pytest.fixture
        def provider(self): ...

        @pytest.fixture
        def sample(self): ...

``ProviderContract`` holds for every provider, ``LifecycleContract`` for one whose resources exist
somewhere; each optional ability of ``infra.contract.provider`` has a class of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from infra.contract.errors import ProviderError
from infra.contract.json_types import Document
from infra.contract.provider import (
    UNKNOWN,
    Cancels,
    Configurable,
    Existing,
    Invokes,
    Locates,
    Provider,
    Repeatable,
)

SEED, OTHER_SEED = b"s" * 32, b"o" * 32


@dataclass(frozen=True)
class Sample:
    """A resource as a program declares it, and with an input changed that is updated in place.

    ``absent`` is the id of a resource of that type that does not exist.
    """

    type: str
    inputs: Document
    changed: Document
    absent: str

    @property
    def changed_key(self) -> str:
        return next(key for key in self.changed if self.changed[key] != self.inputs.get(key))


class ProviderContract:
    """Inherit it; give it the fixtures ``provider`` and ``sample``."""

    @pytest.fixture
    def provider(self) -> Provider:
        raise NotImplementedError

    @pytest.fixture
    def sample(self) -> Sample:
        raise NotImplementedError

    @pytest.fixture
    def checked(self, provider: Provider, sample: Sample) -> Document:
        return self.check(provider, sample, sample.inputs)

    @staticmethod
    def check(provider: Provider, sample: Sample, inputs: Document) -> Document:
        checked = provider.check(sample.type, "res", None, inputs, SEED)
        assert not checked.failures
        return checked.inputs

    def test_check_keeps_what_the_program_gave(self, checked, sample):
        assert {key: checked[key] for key in sample.inputs} == sample.inputs

    def test_check_of_the_same_resource_gives_the_same_inputs(self, provider, sample, checked):
        again = provider.check(sample.type, "res", checked, sample.inputs, OTHER_SEED)
        assert again.inputs == checked

    def test_equal_inputs_do_not_differ(self, provider, sample, checked):
        difference = provider.diff(sample.type, sample.absent, checked, {}, checked)
        assert difference.changed is not True
        assert not difference.replaces
        assert not difference.detailed

    def test_a_changed_input_differs(self, provider, sample, checked):
        changed = {**checked, sample.changed_key: sample.changed[sample.changed_key]}
        difference = provider.diff(sample.type, sample.absent, checked, {}, changed)
        assert difference.changed is not False

    def test_an_unknown_input_differs_from_everything(self, provider, sample, checked):
        unknown = {**checked, sample.changed_key: UNKNOWN}
        for olds in (checked, unknown):
            difference = provider.diff(sample.type, sample.absent, olds, {}, unknown)
            assert difference.changed is not False

    def test_deleting_what_is_gone_succeeds(self, provider, sample, checked):
        provider.delete(sample.type, sample.absent, checked, timeout_s=5)
        provider.delete(sample.type, sample.absent, checked, timeout_s=5)


class LifecycleContract(ProviderContract):
    """For a provider whose resources exist: created, read, updated and deleted."""

    @pytest.fixture
    def created(self, provider: Provider, sample: Sample, checked: Document) -> Existing:
        return provider.create(sample.type, checked, timeout_s=5, preview=False)

    def test_what_was_created_is_read(self, provider, sample, checked, created):
        existing = provider.read(sample.type, created.id, checked)
        assert existing.id == created.id
        assert existing.inputs == checked
        assert not existing.reasons

    def test_an_import_finds_it_without_stored_inputs(self, provider, sample, created):
        assert provider.read(sample.type, created.id, {}).id == created.id

    def test_what_never_existed_is_none(self, provider, sample):
        assert provider.read(sample.type, sample.absent, {}) is None

    def test_what_exists_is_not_created_again(self, provider, sample, checked, created):
        with pytest.raises(ProviderError):
            provider.create(sample.type, checked, timeout_s=5, preview=False)
        assert provider.read(sample.type, created.id, checked).inputs == checked

    def test_a_previewed_create_creates_nothing(self, provider, sample, checked):
        planned = provider.create(sample.type, checked, timeout_s=5, preview=True)
        assert planned.inputs == checked
        # It does not exist: the real create finds nothing in its way.
        provider.create(sample.type, checked, timeout_s=5, preview=False)

    def test_an_update_changes_it_in_place(self, provider, sample, checked, created):
        updated = self.update(provider, sample, checked, created, preview=False)
        assert updated.id == created.id
        found = provider.read(sample.type, created.id, updated.inputs)
        assert found.inputs[sample.changed_key] == sample.changed[sample.changed_key]

    def test_a_previewed_update_changes_nothing(self, provider, sample, checked, created):
        self.update(provider, sample, checked, created, preview=True)
        assert provider.read(sample.type, created.id, checked).inputs == checked

    def test_what_was_deleted_is_gone(self, provider, sample, checked, created):
        provider.delete(sample.type, created.id, checked, timeout_s=5)
        assert provider.read(sample.type, created.id, checked) is None
        provider.delete(sample.type, created.id, checked, timeout_s=5)

    @staticmethod
    def update(provider, sample, checked, created, *, preview):
        news = {**checked, sample.changed_key: sample.changed[sample.changed_key]}
        return provider.update(
            sample.type,
            created.id,
            checked,
            created.outputs,
            news,
            timeout_s=5,
            preview=preview,
        )


class LocatesContract:
    """For a ``LifecycleContract`` whose provider predicts ids."""

    def test_it_predicts_ids(self, provider):
        assert isinstance(provider, Locates)

    def test_the_predicted_id_is_the_created_one(self, provider, sample, checked):
        predicted = provider.locate(sample.type, checked)
        created = provider.create(sample.type, checked, timeout_s=5, preview=False)
        assert predicted.casefold() == created.id.casefold()


class ConfigurableContract:
    """For a provider with a configuration; give it the fixture ``config``."""

    @pytest.fixture
    def config(self) -> Document:
        raise NotImplementedError

    def test_it_can_be_configured(self, provider, config):
        assert isinstance(provider, Configurable)
        provider.configure(config)

    def test_a_valid_configuration_is_kept(self, provider, config):
        checked = provider.check_config(None, config)
        assert not checked.failures
        assert checked.inputs == config

    def test_the_same_configuration_moves_nothing(self, provider, config):
        difference = provider.diff_config(config, config)
        assert difference.changed is not True
        assert not difference.replaces


class InvokesContract:
    """For a provider with functions; give it the fixture ``function``: a token and arguments."""

    @pytest.fixture
    def function(self) -> tuple[str, Document]:
        raise NotImplementedError

    @pytest.mark.parametrize("preview", [True, False])
    def test_a_function_returns_an_object(self, provider, function, preview):
        assert isinstance(provider, Invokes)
        assert isinstance(provider.invoke(*function, preview=preview), Mapping)


class RepeatableContract:
    """For a provider of which there can be several."""

    def test_another_is_a_fresh_one_of_the_same_package(self, provider, config, sample):
        assert isinstance(provider, Repeatable)
        other = provider.another()
        assert other is not provider
        assert type(other) is type(provider)
        other.configure(config)
        assert not other.check(sample.type, "res", None, sample.inputs, SEED).failures


class CancelsContract:
    """For a provider whose polls can be stopped."""

    def test_it_can_be_cancelled_at_any_time_and_again(self, provider):
        assert isinstance(provider, Cancels)
        provider.cancel()
        provider.cancel()
