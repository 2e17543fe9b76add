"""Provider resources (``pulumi:providers:…``), default and explicit, and the objects behind them.

The provider object of a package is passed in. Its configuration is a resource in state, so that a
stack can be destroyed without its program.
"""

import base64
import json
import re
import threading
import uuid
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import replace
from typing import Final

from infra.contract.errors import HaltedError, PlatformError, ProviderError, UsageError
from infra.contract.json_types import Document, JsonObject
from infra.contract.provider import (
    UNKNOWN,
    Addressed,
    Cancels,
    Configurable,
    Covers,
    Difference,
    Extends,
    Parameterization,
    PluginSource,
    Provider,
    Repeatable,
)
from infra.engine.deployment.run import Run
from infra.engine.deployment.session import Session
from infra.engine.deployment.steps import StepExecutor, now
from infra.engine.deployment.unconfigured import UnconfiguredProvider
from infra.engine.model.events import Op
from infra.engine.model.goals import Goal
from infra.engine.model.paths import differences
from infra.engine.model.resources import PROVIDER_PREFIX, Resource, make_urn, urn_name, urn_type
from infra.engine.model.values import has_unknown, plain
from infra.engine.planning.decision import (
    Decision,
    Verdict,
    bare,
    carried,
    checked_inputs,
    inherited,
    step_for,
    wanted,
)
from infra.engine.planning.ledger import Ledger, StateEntry

INTERNAL: Final = "__internal"
_DENIED: Final = "disable-default-providers"
_VALUE: Final = "parameterization"
_VARIABLES: Final = "envVarMappings"


def package_of(token: str) -> str:
    """Return the package of a type or function token; a provider's is the one it provides."""
    if token.startswith(PROVIDER_PREFIX):
        return token.removeprefix(PROVIDER_PREFIX).partition("/")[0]
    return token.partition(":")[0]


def default_name(version: str, download_url: str) -> str:
    """Return a default provider's name: ``default_3_29_0``, as the CLI composes it.

    A URL becomes a qualified name: ``github://a.b/c-d`` is ``github_/a.b/c-d``.
    """
    # Only the same name finds the same provider in the state of the other engine.
    segments = [re.sub(r"[^A-Za-z0-9_.-]", "_", each) for each in download_url.split("/") if each]
    parts = ["default", *re.split(r"[^0-9A-Za-z]+", version), "/".join(segments)]
    return "_".join(part for part in parts if part)


class Providers:
    """Finds, registers and configures providers. Safe from many threads."""

    def __init__(self, run: Run, session: Session, ledger: Ledger) -> None:
        self._stack, self._project = run.stack, run.project
        self._session, self._ledger = session, ledger
        self._steps = StepExecutor(session, ledger)
        self._packages, self._config = run.providers, run.provider_config
        self._source = run.plugins
        self._plugins: dict[str, Provider] = {}
        self._stand_ins: dict[str, Provider] = {}
        self._lock = threading.RLock()
        self._used: dict[str, list[tuple[JsonObject, Provider]]] = {}
        self._instances: dict[str, Provider] = {}
        self._defaults: dict[str, Future[str]] = {}
        session.cancellation.on_abandon(self._cancel)

    # Which provider a resource uses.

    def reference(self, goal: Goal, token: str) -> str:
        """Return ``<urn>::<id>``: explicit, inherited by package, or the default one."""
        package = goal.package or package_of(token)
        holder: Goal | None = goal
        while holder is not None:
            if holder.provider and package_of(urn_type(_urn(holder.provider))) == package:
                return holder.provider
            if package in holder.providers:
                return holder.providers[package]
            holder = self._ledger.goals.get(holder.parent)
        # Which variables a plugin gets is a matter of the provider that the program made.
        internal = {key: each for key, each in goal.internal.items() if key != _VARIABLES}
        return self.default(package, goal.version, goal.plugin_download_url, internal)

    def default(
        self,
        package: str,
        version: str,
        download_url: str = "",
        internal: Document | None = None,
    ) -> str:
        """Return the default provider's reference; the first caller registers it.

        That one gets its failure as it is, everybody after it a ``HaltedError``.
        """
        name = default_name(version, download_url)
        # Many resources ask at once: one thread registers it, outside the lock, the others wait.
        with self._lock:
            mine = (future := self._defaults.get(f"{package}::{name}")) is None
            if future is None:
                future = self._defaults[f"{package}::{name}"] = Future()
        if mine:
            try:
                made = self._default(package, name, version, download_url, internal or {})
                future.set_result(made)
            except BaseException as error:
                future.set_exception(error)
                raise
        try:
            return future.result()
        except PlatformError as error:
            raise HaltedError(error.detail, remedy=error.remedy, at=error.at) from error

    def _default(
        self, package: str, name: str, version: str, download_url: str, internal: Document
    ) -> str:
        # The built-in package has nothing to configure, so there is nothing to disable.
        if package != "pulumi" and {"*", package} & _denied(self._config):
            raise UsageError(
                f"The default provider of package {package!r} is disabled (`pulumi:{_DENIED}`).",
                remedy="Give the resource a `provider`, or remove the package from that list.",
            )
        # What that namespace has is for the engine.
        inputs = {} if package == "pulumi" else dict(self._config.get(package, {}))
        if version:
            inputs["version"] = version
        if download_url:
            internal = {**internal, "pluginDownloadURL": download_url}
        goal = Goal(
            f"{PROVIDER_PREFIX}{package}", name, custom=True, inputs=inputs, internal=internal
        )
        urn = make_urn(self._stack, self._project, "", goal.type, name)
        old = self._ledger.reserve(urn, goal, ())
        entry = self.register(inherited(goal, None), urn, old, silent=True)
        return f"{urn}::{entry.resource.id}"

    # The objects.

    def instance(
        self,
        reference: str,
        of: Resource | None = None,
        *,
        extension: Mapping[str, str] | None = None,
    ) -> Provider:
        """Return the configured object behind a reference, for a resource if it is for one.

        It has learnt the ``extension``, by default that of the resource.
        """
        found = self._instance(reference)
        extension = extension or (of.extension if of else None)
        if extension:
            _extend(found, extension)
        if of is None:
            return found
        if isinstance(found, Covers) and not found.covers(of.type):
            found = self._stand_in(reference)
        return _at(found, of)

    def _stand_in(self, reference: str) -> Provider:
        """Return the plugin of a package of ours, with the same configuration, for other types."""
        with self._lock:
            if reference not in self._stand_ins:
                resource = self._stored(reference)
                plugin = self._plugin(package_of(resource.type), resource.inputs)
                self._stand_ins[reference] = self._told(plugin, resource)
            return self._stand_ins[reference]

    def _told(self, plugin: Provider, of: Resource) -> Provider:
        config = bare(_public(of.inputs))
        if has_unknown(config):
            return UnconfiguredProvider()
        fresh = _another(plugin, package_of(of.type)) if self._stand_ins else plugin
        told = _at(fresh, of)
        if isinstance(told, Configurable):
            told.configure(config)
        return fresh

    def _instance(self, reference: str) -> Provider:
        # Configured under the lock: a second thread must not get it half configured.
        with self._lock:
            if reference not in self._instances:
                resource = self._stored(reference)
                self._instances[reference] = self._configured(resource)
            return self._instances[reference]

    def _stored(self, reference: str) -> Resource:
        """Return the provider resource of a reference: by its id, else by its URN."""
        urn, _, id_ = reference.rpartition("::")
        half = [entry for entry in self._ledger.leftovers if entry.resource.urn == urn]
        entries = [self._ledger.known(urn), self._ledger.olds.get(urn), *half]
        resources = [entry.resource for entry in entries if entry]
        exact = [resource for resource in resources if resource.id == id_]
        if resources:
            return (exact or resources)[0]
        raise UsageError(
            f"The provider {urn!r} is not part of this stack.",
            remedy="Register it in the program; `aml stack repair` fixes state that refers to it.",
        )

    def _base(self, package: str, inputs: Document) -> Provider:
        """Return the unconfigured object of a package, in the version that ``inputs`` name."""
        builtin = self._packages.get(package)
        if builtin is None:
            return self._plugin(package, inputs)
        if _internal(inputs).get(_VARIABLES):
            raise UsageError(
                f"Providers of {package!r} do not take the option `env_var_mappings`.",
                remedy="Give the provider its configuration, or deploy with `--engine pulumi`.",
            )
        return builtin

    def _plugin(self, package: str, inputs: Document) -> Provider:
        version = str(plain(inputs.get("version")) or "")
        internal = _internal(inputs)
        if self._source is None:
            known = ", ".join(sorted(self._packages))
            raise UsageError(
                f"There is no provider for the package {package!r} (available: {known}).",
                remedy="Deploy with `--engine pulumi`, which uses the Pulumi CLI and its plugins.",
            )
        with self._lock:
            name = _key(package, version, internal)
            if name not in self._plugins:
                self._plugins[name] = _started(self._source, package, version, internal)
            return self._plugins[name]

    def _configured(self, of: Resource) -> Provider:
        package, inputs = package_of(of.type), of.inputs
        base = self._base(package, inputs)
        config = bare(_public(inputs)) if isinstance(base, Configurable) else {}
        # Previews only: what an update configures with is known, or has failed and is skipped.
        if has_unknown(config):
            return UnconfiguredProvider()
        with self._lock:
            # There is one object of a package of ours, whatever its version.
            version = "" if package in self._packages else str(config.get("version") or "")
            used = self._used.setdefault(_key(package, version, _internal(inputs)), [])
            for other, instance in used:
                if {**other, "version": ""} == {**config, "version": ""}:
                    return instance
            fresh = base if not used else _another(base, package)
            told = _at(fresh, of)
            if isinstance(told, Configurable):
                told.configure(config)
            used.append((config, fresh))
            return fresh

    def _cancel(self) -> None:
        instances = [
            *self._packages.values(),
            *self._plugins.values(),
            *self._stand_ins.values(),
            *self._instances.values(),
        ]
        # One object may serve several references; it need not be hashable.
        for instance in {id(one): one for one in instances}.values():
            if isinstance(instance, Cancels):
                instance.cancel()

    # Their own lifecycle.

    def register(
        self, goal: Goal, urn: str, old: StateEntry | None, *, silent: bool = False
    ) -> StateEntry:
        """Register a provider resource; only the ``Configurable`` part of its object is called."""
        internal = {**_internal(goal.inputs), **goal.internal}
        news = _public(goal.inputs) | ({"version": goal.version} if goal.version else {})
        before = old.resource if old else None
        checked = self._checked(goal, urn, before, {**news, INTERNAL: internal})
        new = wanted(goal, urn, "", {**checked, INTERNAL: internal})
        decision = self._decided(before, new)
        entry = self._recorded(new, old, decision, silent=silent)
        # An unchanged provider keeps working with the configuration that is in state.
        kept = before if before and decision.verdict is Verdict.SAME else new
        with self._lock:
            reference = f"{urn}::{entry.resource.id}"
            self._instances[reference] = self._configured(kept)
        return entry

    def _checked(self, goal: Goal, urn: str, old: Resource | None, news: JsonObject) -> JsonObject:
        base = self._configurable(wanted(goal, urn, "", news))
        news = _public(news)
        if base is None or has_unknown(news):
            return news
        olds = bare(_public(old.inputs)) if old else None
        checked = base.check_config(olds, bare(news))
        self._steps.refuse_failures(checked, goal.name)
        # A provider that picks its own version would differ from state in every run.
        if checked.inputs.get("version") != plain(news.get("version")):
            raise ProviderError(
                f"The provider {goal.name!r} returned another version than was requested.",
                remedy="This is a bug in the provider; report it there.",
            )
        return checked_inputs(checked, news)

    def _configurable(self, of: Resource) -> Configurable | None:
        base = _at(self._base(package_of(of.type), of.inputs), of)
        return base if isinstance(base, Configurable) else None

    def difference(self, old: Resource, new: Resource) -> Difference:
        """Compare two configurations of one package."""
        olds, news = _public(old.inputs), _public(new.inputs)
        base = self._configurable(new)
        if base is not None and not has_unknown(news):
            answer = base.diff_config(bare(olds), bare(news))
            if answer.changed is not None:
                return answer
        diffs = differences(olds, news)
        return Difference(changed=bool(diffs), detailed=diffs)

    def moves(self, old: str, new: str) -> bool:
        """Say whether changing a resource's provider from ``old`` to ``new`` replaces it.

        A provider that was only renamed, or updated in place, does not; nor does another version
        of the default one.
        """
        if not old or old == new:
            return False
        was, is_now = _urn(old), _urn(new)
        # Renamed by an alias, or updated in place: the same provider.
        if self._ledger.was.get(is_now, is_now) == was and is_now not in self._ledger.replaced:
            return False
        return bool(self.difference(self._stored(old), self._stored(new)).replaces)

    def _decided(self, old: Resource | None, new: Resource) -> Decision:
        if old is None:
            return Decision(Verdict.SAME)
        answer = self.difference(old, new)
        if answer.replaces or old.urn in self._session.options.replace:
            return Decision(Verdict.REPLACE, answer.detailed, tuple(answer.replaces))
        verdict = Verdict.UPDATE if answer.changed else Verdict.SAME
        return Decision(verdict, answer.detailed if answer.changed else {})

    def _recorded(
        self, new: Resource, old: StateEntry | None, decision: Decision, *, silent: bool
    ) -> StateEntry:
        fresh = replace(
            new,
            id=UNKNOWN if self._session.preview else str(uuid.uuid4()),
            outputs=_public(new.inputs),
            created=now(),
            modified=now(),
        )
        if old is None:
            step = step_for(Op.CREATE, fresh)
            with self._session.step(step, silent=silent):
                return self._steps.record(None, fresh)
        before = old.resource
        if decision.verdict is Verdict.REPLACE:
            self._ledger.replacing(new.urn)
            return self._steps.replace_provider(fresh, old, decision, silent=silent)
        kept = carried(new, before)
        if decision.verdict is Verdict.UPDATE:
            kept = replace(kept, outputs=_public(new.inputs), modified=now())
        op = Op.UPDATE if decision.verdict is Verdict.UPDATE else Op.SAME
        with self._session.step(step_for(op, kept, before, decision), silent=silent):
            return self._steps.record(old, kept)


def _denied(config: Mapping[str, Document]) -> set[str]:
    """Return the packages without a default provider, as the stack's configuration has them."""
    text = str(plain(config.get("pulumi", {}).get(_DENIED) or "[]"))
    try:
        names = json.loads(text)
    except ValueError:
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UsageError(
            f"`pulumi:{_DENIED}` is {text!r}, which is no list of packages.",
            remedy='Write for instance ["random"], or ["*"] for all.',
        )
    return set(names)


def _urn(reference: str) -> str:
    return reference.rpartition("::")[0]


def _internal(inputs: Document) -> JsonObject:
    return dict(inputs.get(INTERNAL) or {})


def _key(package: str, version: str, internal: Document) -> str:
    """Return what tells the plugins of a run apart."""
    special = {key: internal[key] for key in (_VALUE, _VARIABLES) if internal.get(key)}
    return f"{package}@{version}" + (json.dumps(special, sort_keys=True) if special else "")


def _started(source: PluginSource, package: str, version: str, internal: Document) -> Provider:
    """Return the plugin of a package; a parameterized one is made from another one's."""
    renamed = dict(internal.get(_VARIABLES) or {})
    value = internal.get(_VALUE)
    if value is None:
        return source.plugin(package, version, None, renamed)
    parameterization = Parameterization(package, version, base64.b64decode(value))
    base, of = str(internal.get("name", "")), str(internal.get("version", ""))
    return source.plugin(base, of, parameterization, renamed)


def _public(inputs: Document) -> JsonObject:
    return {key: value for key, value in inputs.items() if key != INTERNAL}


def _at(provider: Provider, of: Resource) -> Provider:
    """Return the provider for one resource, if it has to know which."""
    if isinstance(provider, Addressed):
        return provider.at(of.urn, of.inputs, of.outputs)
    return provider


def _extend(provider: Provider, extension: Mapping[str, str]) -> None:
    if isinstance(provider, UnconfiguredProvider):
        return  # of a preview: it asks its plugin nothing
    name, version = extension["name"], extension["version"]
    if not isinstance(provider, Extends):
        raise UsageError(
            f"The package {name!r} extends one whose provider is part of this product.",
            remedy="Deploy with `--engine pulumi`, which uses the Pulumi CLI and its plugins.",
        )
    provider.extend(Parameterization(name, version, base64.b64decode(extension["value"])))


def _another(base: Provider, package: str) -> Provider:
    if isinstance(base, Repeatable):
        return base.another()
    raise UsageError(
        f"The package {package!r} can be used with one configuration at a time only.",
        remedy="Use one provider of it, or `--engine pulumi`.",
    )


def has_provider_type(type_: str) -> bool:
    """Say whether a type token is a provider's."""
    return type_.startswith(PROVIDER_PREFIX)


def is_default(resource: Resource) -> bool:
    """Say whether an entry is a default provider: those are not shown."""
    return has_provider_type(resource.type) and urn_name(resource.urn).startswith("default")
