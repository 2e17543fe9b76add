"""The rules of sweeps, each in a test named for it: expressions, sampling, stopping, limits."""

import json
import math
import statistics
import time

import pytest

from runtime.sweeps.observed import (
    child_tags,
    first_tags,
    generator_config,
    last_properties,
    policy_config,
)
from runtime.sweeps.policies import Progress, stop
from runtime.sweeps.samplers import best_of, sampler_of
from runtime.sweeps.sobol import point
from runtime.sweeps.space import (
    Expression,
    arguments_of,
    fixed_twice,
    flattened,
    problem,
    rounded,
    value_at,
)
from runtime.sweeps.sweep import Policy, Sweep, clipped, from_document, to_document


def drawn(kind, *arguments, count=4000):
    shares = ((number + 0.5) / count for number in range(count))
    return [value_at(Expression(kind, arguments), share) for share in shares]


def sweep(space=None, sampling="random", **options):
    known = {"metric": "acc", "goal": "maximize", "max_total": 8, "max_concurrent": 2, "seed": 1}
    space = space or {"--lr": Expression("uniform", (0.0, 1.0))}
    return Sweep(space, sampling, **(known | options))


def choices(**values):
    return {name: Expression("choice", tuple(each)) for name, each in values.items()}


def problems(*args, **options):
    return "\n".join(sweep(*args, **options).problems())


# --- expressions


def test_choice_takes_one_of_its_values():
    assert set(drawn("choice", "a", 2, None)) == {"a", 2, None}


def test_a_choice_of_one_list_is_its_items():
    assert flattened([[1, 2]]) == (1, 2)
    assert flattened([[1], [2]]) == ([1], [2])


def test_randint_excludes_its_bound():
    assert set(drawn("randint", 3)) == {0, 1, 2}


def test_uniform_is_between_its_bounds():
    values = drawn("uniform", -1, 3)
    assert -1 <= min(values) < -0.9
    assert 2.9 < max(values) < 3


def test_quniform_is_a_multiple_and_may_leave_the_range_by_half_a_step():
    assert set(drawn("quniform", 1, 10, 4)) == {0, 4, 8}


def test_loguniform_has_logarithms_as_bounds():
    values = drawn("loguniform", -6, -1)
    assert math.exp(-6) <= min(values) < max(values) < math.exp(-1)


def test_qloguniform_is_a_multiple_of_the_exponential():
    assert set(drawn("qloguniform", 0, 2, 2)) == {2, 4, 6, 8}


def test_normal_has_its_mean_and_deviation():
    values = drawn("normal", 10, 3)
    assert statistics.mean(values) == pytest.approx(10, abs=0.2)
    assert statistics.stdev(values) == pytest.approx(3, abs=0.2)
    assert value_at(Expression("normal", (10, 0)), 0.3) == 10


def test_qnormal_is_a_multiple():
    assert all(value % 5 == 0 for value in drawn("qnormal", 10, 3, 5))


def test_lognormal_has_the_logarithms_mean_and_deviation():
    logs = [math.log(value) for value in drawn("lognormal", 1, 0.5)]
    assert statistics.mean(logs) == pytest.approx(1, abs=0.05)


def test_qlognormal_can_be_zero():
    values = drawn("qlognormal", 0, 1, 3)
    assert min(values) == 0
    assert all(value % 3 == 0 for value in values)


def test_halves_are_rounded_to_the_even_multiple():
    assert [rounded(value, 2) for value in (1, 3, 5)] == [0, 4, 4]


@pytest.mark.parametrize(
    ("kind", "arguments", "said"),
    [
        ("choice", (), "choice has no values"),
        ("randint", (0,), "upper bound 0"),
        ("randint", (2.5,), "upper bound 2.5"),
        ("uniform", (2, 1), "uniform goes from 2 to 1"),
        ("uniform", (1, 1), "uniform goes from 1 to 1"),
        ("uniform", (1,), "takes 2 values"),
        ("uniform", ("a", 1), "takes numbers, not 'a'"),
        ("quniform", (1, 2), "takes 3 values (min_value, max_value, q), not 2"),
        ("quniform", (1, 2, 0), "step 0"),
        ("normal", (0, -1), "sigma -1"),
        ("loguniform", (0, math.inf), "takes numbers"),
        ("loguniform", (1, 10000), "too large; its values are logarithms"),
        ("qlognormal", (0, 500, 1), "qlognormal(0, 500, 1) draws numbers that are too large"),
        ("uniform", (-1e308, 1e308), "too large"),
        ("quniform", (0, 1e300, 1e-300), "too large"),
    ],
)
def test_an_expression_that_cannot_be_drawn_says_why(kind, arguments, said):
    assert said in problem(Expression(kind, arguments))


def test_two_names_of_one_argument_are_refused():
    x = Expression("choice", (1,))
    assert problems({"x": x, "--x": x}) == "--x is the same parameter as x: one argument, twice."
    assert problems({"--": x}) == "'--' is no name of a parameter."


# --- sampling


def asked(made, count):
    sampler = sampler_of(made)
    return [sampler.ask(number) for number in range(count)]


def test_grid_varies_the_first_declared_parameter_fastest():
    made = sweep(choices(b=[1, 2], a=["x", "y"]), "grid")
    assert asked(made, 4) == [
        {"b": 1, "a": "x"},
        {"b": 2, "a": "x"},
        {"b": 1, "a": "y"},
        {"b": 2, "a": "y"},
    ]


def test_max_total_runs_cuts_a_grid_and_a_grid_is_no_more_than_its_product():
    space = choices(a=[1, 2, 3], b=[1, 2])
    assert sweep(space, "grid", max_total=4).total == 4
    assert sweep(space, "grid", max_total=40).total == 6


def test_grid_takes_choice_only():
    said = problems({"--lr": Expression("uniform", (0, 1))}, "grid")
    assert said == "--lr is uniform; grid sampling takes choice."


@pytest.mark.parametrize("kind", ["normal", "loguniform", "randint", "qnormal"])
def test_bayesian_takes_choice_uniform_and_quniform(kind):
    assert "bayesian sampling takes choice, uniform, quniform" in problems(
        {"--lr": Expression(kind, (1, 2))}, "bayesian"
    )


def test_bayesian_takes_no_policy():
    assert "takes no early termination policy" in problems(
        sampling="bayesian", policy=Policy("median_stopping")
    )


def test_bayesian_choices_are_all_of_a_kind():
    assert "all texts or all numbers" in problems(choices(a=["x", 1]), "bayesian")
    assert not problems(choices(a=[1.5, 1]), "bayesian")


@pytest.mark.parametrize(
    ("arguments", "said"), [((0, 1, 0.5), "whole numbers"), ((0, 10**6, 1), "100000 steps at most")]
)
def test_bayesian_quniform_is_whole_and_has_no_more_than_100000_steps(arguments, said):
    assert said in problems({"a": Expression("quniform", arguments)}, "bayesian")


def test_bayesian_with_few_runs_or_many_at_once_is_noted():
    notes = sweep(sampling="bayesian", max_total=19, max_concurrent=19).notes()
    assert "recommended 20 runs or more" in notes[0]
    assert "learn less" in sweep(sampling="bayesian", max_total=40, max_concurrent=30).notes()[0]


def test_random_draws_are_independent_and_repeat_with_their_seed():
    first, again = asked(sweep(seed=5), 20), asked(sweep(seed=5), 20)
    assert first == again
    assert len({each["--lr"] for each in first}) == 20
    assert asked(sweep(seed=6), 20) != first


def test_what_a_child_gets_does_not_depend_on_who_was_asked_before():
    sampler = sampler_of(sweep())
    assert sampler.ask(7) == asked(sweep(), 8)[7]


def test_random_sorts_arguments_by_name_and_grid_keeps_their_order():
    space = choices(**{"--b": [1], "--a": [2]})
    assert list(asked(sweep(space), 1)[0]) == ["--a", "--b"]
    assert list(asked(sweep(space, "grid"), 1)[0]) == ["--b", "--a"]


def test_sobol_points_are_those_of_joe_and_kuo():
    qmc = pytest.importorskip("scipy.stats.qmc")
    expected = qmc.Sobol(21, scramble=False).random(64)
    assert [point(number, [0] * 21) for number in range(64)] == expected.tolist()


def test_sobol_fills_the_range_evenly():
    values = sorted(each["--lr"] for each in asked(sweep(sampling="sobol"), 16))
    assert [int(value * 16) for value in values] == list(range(16))


@pytest.mark.parametrize("goal", ["maximize", "minimize"])
def test_bayesian_learns_from_what_ended(goal):
    space = {"x": Expression("uniform", (0.0, 1.0)), "k": Expression("choice", ("a", "b"))}
    sampler = sampler_of(sweep(space, "bayesian", goal=goal))
    sign = 1 if goal == "maximize" else -1
    seen = []
    for number in range(40):
        values = sampler.ask(number)
        reached = sign * ((values["k"] == "a") - (values["x"] - 0.3) ** 2)
        seen.append(reached * sign)
        sampler.tell(values, reached)
    assert statistics.mean(seen[20:]) > statistics.mean(seen[:10])


def test_bayesian_continues_with_what_another_process_chose():
    made = sweep({"x": Expression("uniform", (0.0, 1.0))}, "bayesian")
    first, second = sampler_of(made), sampler_of(made)
    for number in range(12):
        values = first.ask(number)
        for sampler in (first, second):
            sampler.tell(values, values["x"])
    assert second.ask(12) == first.ask(12)


def test_parameters_reach_the_script_as_name_and_value():
    assert arguments_of({"--lr": 0.1, "layers": 3, "-k": "a b", "--list": [1, 2]}) == (
        *("--lr", "0.1", "--layers", "3", "-k", "a b", "--list", "[1, 2]"),
    )


def test_an_argument_of_the_run_that_is_a_parameter_is_found_without_its_dashes():
    space = choices(lr=[1], **{"--n": [1]})
    assert fixed_twice(["--lr", "1", "--n=3", "--other", "n"], space) == ["--lr", "--n=3"]


# --- early termination


def judged(policy, own, *others, goal="maximize", count=None):
    everyone = {str(number): Progress(values) for number, values in enumerate([own, *others])}
    return stop(policy, goal, "0", count or len(own), everyone)


def test_a_policy_applies_at_multiples_of_its_interval_from_its_delay_on():
    policy = Policy("bandit", 2, 5, slack_factor=0.1)
    assert [count for count in range(12) if policy.applies_at(count)] == [6, 8, 10]


def test_a_run_that_logs_once_is_never_cut_when_the_interval_is_longer():
    assert not Policy("bandit", 2, slack_factor=0.1).applies_at(1)


def test_an_interval_of_zero_is_one():
    assert Policy("bandit", 0, slack_factor=0.1).applies_at(1)


@pytest.mark.parametrize(("own", "stopped"), [(0.66, True), (0.67, False)])
def test_bandit_factor_cuts_below_the_best_by_one_and_the_factor(own, stopped):
    said = judged(Policy("bandit", slack_factor=0.2), [own], [0.8])
    assert bool(said) is stopped
    if stopped:
        assert said == (
            "BanditPolicy (slack_factor 0.2): its best value 0.66 is worse than 0.666667, the limit"
            " below the best value 0.8 after 1 values."
        )


def test_bandit_amount_cuts_below_the_best_less_the_amount():
    policy = Policy("bandit", slack_amount=0.25)
    assert judged(policy, [0.5], [0.75]) == ""
    assert "worse than 0.5" in judged(policy, [0.49], [0.75])


def test_bandit_mirrors_for_minimize():
    factor, amount = Policy("bandit", slack_factor=0.5), Policy("bandit", slack_amount=1)
    assert judged(factor, [3.0], [2.0], goal="minimize") == ""
    assert "worse than 3" in judged(factor, [3.1], [2.0], goal="minimize")
    assert "worse than 3" in judged(amount, [3.1], [2.0], goal="minimize")


def test_bandit_compares_best_values_at_the_same_point():
    policy = Policy("bandit", slack_amount=0)
    assert judged(policy, [5, 1], [3, 4, 9]) == ""
    assert judged(policy, [3, 1], [4, 0]) != ""


def test_a_tie_goes_on():
    for policy in (
        Policy("bandit", slack_amount=0),
        Policy("median_stopping"),
        Policy("truncation_selection", truncation_percentage=50),
    ):
        assert judged(policy, [1.0], [1.0]) == ""


def test_a_tie_that_is_rounded_goes_on_too():
    policy = Policy("bandit", slack_factor=0.05)
    assert judged(policy, [0.1 / 1.05], [0.1]) == ""
    assert judged(policy, [0.7 * 1.05], [0.7], goal="minimize") == ""
    # The sum of three times 0.1 is more than 0.3.
    assert judged(Policy("median_stopping"), [0.1] * 3, [0.1] * 3) == ""
    assert judged(Policy("median_stopping"), [0.7] * 3, [0.7] * 3, goal="minimize") == ""


def test_a_factor_never_stops_the_best_run_of_negative_values():
    policy = Policy("bandit", slack_factor=0.2)
    assert judged(policy, [-1.0], [-2.0]) == ""
    assert judged(policy, [-1.2], [-1.0]) != ""
    assert judged(policy, [-1.0], [-0.5], goal="minimize") == ""


@pytest.mark.parametrize(("goal", "worst"), [("minimize", math.inf), ("maximize", -math.inf)])
def test_a_reason_calls_an_infinity_by_its_name(goal, worst):
    policies = {
        Policy("bandit", slack_amount=1): "best value",
        Policy("median_stopping"): "best value",
        Policy("truncation_selection", truncation_percentage=50): "value",
    }
    for policy, words in policies.items():
        assert f"its {words} {worst:g} is" in judged(policy, [worst], [1.0], [1.0], goal=goal)
    last = Policy("truncation_selection", truncation_percentage=50)
    assert "its value NaN is" in judged(last, [worst, math.nan], [1.0, 1.0], goal=goal)


def test_nan_is_worse_than_any_number():
    policy = Policy("bandit", slack_amount=100)
    assert "value NaN is" in judged(policy, [math.nan], [0.0])
    assert judged(policy, [math.nan], [math.nan]) == ""
    assert judged(Policy("median_stopping"), [-1.0, -1.0], [math.inf, math.nan]) == ""
    assert best_of([math.nan, 1.0], "maximize") == 1.0
    assert best_of([math.nan], "minimize") is None


def test_median_stopping_compares_the_best_with_the_median_of_the_means():
    policy = Policy("median_stopping")
    others = [4.0, 4.0], [6.0, 6.0]
    assert judged(policy, [1.0, 4.0], *others) == ""
    assert "is worse than 4, the median of the means of 3 runs after 2 values" in judged(
        policy, [1.0, 3.9], *others
    )
    assert judged(policy, [9.0, 8.0], [1.0, 1.0], [2.0, 2.0], goal="minimize") != ""


@pytest.mark.parametrize("kind", ["bandit", "median_stopping", "truncation_selection"])
def test_a_thousand_runs_of_a_thousand_values_are_judged_in_milliseconds(kind):
    amount, percent = (0.5, 0) if kind == "bandit" else (None, 10)
    policy = Policy(kind, slack_amount=amount, truncation_percentage=percent)
    curve = [float(place) for place in range(1000)]
    everyone = {str(number): Progress(curve) for number in range(1000)}
    stop(policy, "maximize", "0", 1000, everyone)  # reads the values once
    began = time.process_time()
    for count in range(950, 1000):
        assert stop(policy, "maximize", "0", count, everyone) == ""
    assert (time.process_time() - began) / 50 < 0.05


def test_truncation_selection_stops_the_worst_rounded_down():
    policy = Policy("truncation_selection", truncation_percentage=20)
    ten = [[float(value)] for value in range(10)]
    assert "among the 2 worst of 10 runs" in judged(policy, [1.0], *(ten[:1] + ten[2:]))
    assert judged(policy, [2.0], *(ten[:2] + ten[3:])) == ""
    assert judged(policy, [0.0], *ten[1:4]) == ""  # a fifth of four is none
    assert judged(policy, [9.0], *ten[:9], goal="minimize") != ""


def test_truncation_selection_may_exclude_what_has_finished():
    everyone = {
        "0": Progress([1.0]),
        "1": Progress([2.0], runs=False),
        "2": Progress([3.0], runs=False),
    }
    policy = Policy("truncation_selection", truncation_percentage=50)
    assert stop(policy, "maximize", "0", 1, everyone) != ""
    excluding = Policy("truncation_selection", truncation_percentage=50, exclude_finished=True)
    assert stop(excluding, "maximize", "0", 1, everyone) == ""


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (Policy("bandit"), "Please provide a slack factor or slack amount"),
        (Policy("bandit", slack_factor=1, slack_amount=1), "and not both"),
        (Policy("bandit", slack_factor=0), "slack_factor is 0; it is above 0"),
        (Policy("bandit", slack_amount=-1), "slack_amount is -1; it is 0 or more"),
        (Policy("truncation_selection", truncation_percentage=100), "it is 1 to 99"),
        (Policy("bandit", slack_factor=math.nan), "slack_factor is nan; it is above 0"),
        (Policy("bandit", slack_amount=math.inf), "slack_amount is inf; it is 0 or more"),
        (Policy("median_stopping", -1), "neither is below 0"),
    ],
)
def test_a_policy_that_cannot_be_says_why(policy, said):
    assert said in problems(policy=policy)


# --- limits


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"max_total": 0}, "max_total_runs is 1 to 1000"),
        ({"max_total": 1001}, "max_total_runs is 1 to 1000"),
        ({"max_concurrent": 0}, "max_concurrent_runs is at least 1"),
        ({"max_duration_s": 0}, "max_duration_minutes is 1 to 10080"),
        ({"metric": ""}, "no primary metric"),
        ({"resume_from": tuple("abcdef")}, "5 sweeps at most"),
        ({"sampling": "simulated"}, "no sampling 'simulated'"),
    ],
)
def test_a_limit_of_the_service_is_one_here(options, said):
    assert said in problems(**options)


def test_more_at_once_than_in_total_and_more_than_a_week_are_clipped():
    made, notes = clipped(sweep(max_total=4, max_concurrent=9, max_duration_s=10**9))
    assert (made.max_concurrent, made.max_duration_s) == (4, 10080 * 60)
    assert len(notes) == 2
    assert clipped(sweep(max_total=500, max_concurrent=500))[0].max_concurrent == 100


# --- what is written down


def test_the_parent_has_the_tags_of_the_service_each_twice():
    policy = Policy("bandit", slack_amount=1.0)
    tags = first_tags(sweep(policy=policy, max_duration_s=6000))
    assert json.loads(tags["policy_config"]) == {
        "name": "BANDIT",
        "properties": {"evaluation_interval": 1, "delay_evaluation": 0, "slack_amount": 1.0},
    }
    assert tags["max_duration_minutes"] == tags["_aml_system_max_duration_minutes"] == "100"
    assert child_tags("HD_0", {"--n": 1}) == dict.fromkeys(
        ["HD_0", "_aml_system_HD_0"], '{"--n": 1}'
    )


def test_the_generator_nests_a_choice_twice():
    space = {"--n": Expression("choice", (15, 20)), "--lr": Expression("uniform", (0.001, 0.1))}
    assert generator_config(sweep(space)) == {
        "name": "RANDOM",
        "parameter_space": {"--n": ["choice", [[15, 20]]], "--lr": ["uniform", [0.001, 0.1]]},
    }
    assert policy_config(None)["name"] == "Default"


def test_the_best_run_is_by_the_best_value_ever_and_zero_is_one():
    assert best_of([0.9, 0.1], "maximize") == 0.9
    assert best_of([-1.0, 0.0], "maximize") == 0.0
    assert dict(last_properties(sweep(), ("HD_1", 0.0)))["score"] == "0.0"
    assert dict(last_properties(sweep(), None))["best_metric_status"] == "NoMetric"


def test_a_sweep_survives_its_document():
    made = sweep(
        policy=Policy("bandit", slack_factor=0.1), resume_from=("HD_1",), first=({"a": 1},)
    )
    assert from_document(json.loads(json.dumps(to_document(made)))) == made
