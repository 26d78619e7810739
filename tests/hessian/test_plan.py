import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import osculate
from osculate._errors import WrongInput
from osculate._hessian import plan as plans
from osculate._hessian.work import program_work, starts
from osculate._trace import trace

RNG = np.random.default_rng(0)
SQUARE = RNG.normal(size=(200, 200)) / 15
TALL = RNG.normal(size=(200, 4))
SMALL = RNG.normal(size=(20, 20)) / 5
TABLE = RNG.normal(size=(100, 80))
DATA = RNG.normal(size=(256, 10))


def rosenbrock(x):
    return jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def factors(p):
    return jnp.sum((TABLE - p["u"] @ p["v"].T) ** 2)


def bottleneck(x):
    return jnp.sum(jnp.tanh(SQUARE @ jnp.tanh(SQUARE @ jnp.tanh(TALL @ x))) ** 2)


def dense_ode(x):
    for _ in range(10):
        x = x + 0.1 * jnp.tanh(SMALL @ x)
    return jnp.sum(x**2)


def dense_ode_by_scan(x):
    return jnp.sum(jax.lax.scan(lambda x, _: (x + 0.1 * jnp.tanh(SMALL @ x), None), x, None, length=50)[0] ** 2)


def deep_narrow(p):
    h = DATA[:, :2]
    for w in p:
        h = jnp.tanh(h @ w)
    return jnp.mean(h**2)


def network(p):
    return jnp.mean((jnp.tanh(DATA @ p["a"] + p["b"]) @ p["c"]) ** 2)


def determinant(x):
    return jnp.linalg.slogdet(x @ x.T + jnp.eye(6))[1]


WIDE = {"a": np.ones((10, 20)), "b": np.ones(20), "c": np.ones((20, 12))}

# By measurement: which ways are within 1.3 × of the best.
PICKS = [
    (rosenbrock, np.ones(500), {"structured", "coloured"}),
    (factors, {"u": np.ones((100, 5)), "v": np.ones((80, 5))}, {"structured"}),
    (network, WIDE, {"structured"}),
    (bottleneck, np.ones(4), {"full"}),
    (dense_ode, np.ones(20), {"full"}),
    (dense_ode_by_scan, np.ones(20), {"full"}),
    (determinant, np.ones((6, 6)), {"full"}),
]


@pytest.mark.parametrize(("f", "x", "kinds"), PICKS)
def test_the_pick_is_one_of_the_best(f, x, kinds):
    assert osculate.hessian_plan(f)(x).kind in kinds


def test_a_deep_narrow_network_would_take_too_long_to_compile():
    plan = osculate.hessian_plan(deep_narrow)([np.ones((2, 2))] * 40)
    assert plan.kind in {"chunked", "full"}
    refused = next(way.refused for way in plan.ways if way.kind == "structured")
    assert "too long to compile" in refused or "given up" in refused


def test_a_chain_in_numbers_and_in_words():
    plan = osculate.hessian_plan(rosenbrock)(np.ones(500))
    assert (plan.size, plan.colours, plan.nnz, plan.fallbacks) == (500, 3, 1498, ())
    assert {way.kind for way in plan.ways} == {"structured", "coloured", "chunked", "full"}
    chosen = next(way for way in plan.ways if way.kind == plan.kind)
    assert (chosen.flops, chosen.bytes) == (plan.flops, plan.bytes)
    lines = str(plan).splitlines()
    assert lines[0].startswith(f"{plan.kind}: ")
    assert lines[1] == "  n = 500, 1,498 entries in 3 colours"
    assert all(any(line.strip().startswith(way.kind) for line in lines) for way in plan.ways)
    assert "not possible: one pass holds all columns" in str(plan)


def test_what_was_read_as_dense_is_named():
    def f(x):
        return jnp.sum(jnp.linalg.eigvalsh(x + x.T) ** 3)

    plan = osculate.hessian_plan(f)(RNG.normal(size=(5, 5)))
    assert any("eigh" in fallback.primitive for fallback in plan.fallbacks)
    assert "read as dense: eigh" in str(plan)


def test_sparse_output_needs_a_pattern_and_a_budget_forbids_all_columns_at_once():
    sparse = osculate.hessian_plan(rosenbrock, output="sparse")(np.ones(300))
    assert sparse.kind in {"structured", "coloured"}
    assert [way.refused for way in sparse.ways if way.kind in ("chunked", "full")] == ["it computes the zeros, too"] * 2
    tight = osculate.hessian_plan(bottleneck, memory="3kB")(np.ones(4))
    assert tight.kind == "chunked"
    assert "more than" in next(way.refused for way in tight.ways if way.kind == "full")


def test_plans_are_kept_by_trace_and_follow_the_shapes(monkeypatch):
    counted = []
    real = plans.candidates
    monkeypatch.setattr(plans, "candidates", lambda *given: counted.append(1) or real(*given))
    made = osculate.hessian_plan(lambda x: jnp.sum(x[1:] ** 3 * x[:-1]) + 0.123)
    first, second = made(np.ones(40)), made(np.zeros(40))
    assert first is second
    assert made(np.ones(41)).size == 41
    assert len(counted) == 2


def test_indices_that_f_closes_over_are_part_of_the_plan():
    def made(pairs):
        return osculate.hessian_plan(lambda x: jnp.sum(x[jnp.asarray(pairs)] * jnp.sin(x)))(np.ones(30))

    assert made(np.arange(30)).nnz == 30
    assert made((np.arange(30) + 1) % 30).nnz == 90


def test_under_jit_a_plan_is_made_of_shapes():
    found = []

    @jax.jit
    def value(x):
        found.append(osculate.hessian_plan(rosenbrock)(x))
        return x[0]

    value(jnp.ones(50))
    assert found[0].colours == 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"output": "array"}, 'output must be "tree" or "matrix" or "sparse"'),
        ({"memory": "9kB"}, "50² = 2,500 numbers"),
    ],
)
def test_wrong_options(options, words):
    with pytest.raises(WrongInput, match=words):
        osculate.hessian_plan(rosenbrock, **options)(np.ones(50))


def test_work_is_counted_exactly_where_it_can_be():
    A, v = jnp.ones((30, 40), jnp.float32), jax.ShapeDtypeStruct((40,), jnp.float32)

    def work(f):
        return program_work(trace(f, v, asked="osculate.hessian_plan")[0])

    assert work(lambda v: A @ v).flops == 2 * 30 * 40
    assert work(lambda v: jnp.sin(v) + v).flops == 2 * 40
    assert work(lambda v: jax.lax.fori_loop(0, 7, lambda i, v: jnp.sin(v), v)).flops >= 7 * 40
    assert work(lambda v: v.reshape(5, 8)).flops == 0
    loop = trace(lambda v: jax.lax.scan(lambda v, _: (jnp.sin(v), None), v, None, 9)[0], v, asked="osculate")[0]
    assert starts(loop) == 9


@pytest.mark.parametrize(("f", "x"), [(f, x) for f, x, _ in PICKS])
def test_hessian_takes_the_pick_and_its_numbers_are_those_of_jax(f, x):
    rng = np.random.default_rng(3)
    x = jax.tree.map(lambda leaf: leaf / 2 + rng.normal(size=leaf.shape) / 5, x)
    got = osculate.hessian(f)(x)
    with jax.enable_x64(True):
        expected = jax.jit(jax.hessian(f))(jax.tree.map(jnp.asarray, x))
    for ours, theirs in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-12 * np.abs(theirs).max())


def test_few_unknowns_and_a_budget_are_not_planned(monkeypatch):
    def refused(*given):
        raise AssertionError("no plan is needed here")

    monkeypatch.setattr(sys.modules["osculate._hessian.hessian"], "plan_at", refused)
    assert osculate.hessian(rosenbrock, output="matrix")(np.ones(3)).shape == (3, 3)
    assert osculate.hessian(rosenbrock, output="matrix", memory="1MB")(np.ones(30)).shape == (30, 30)
    with pytest.raises(AssertionError, match="no plan is needed"):
        osculate.hessian(rosenbrock, output="matrix")(np.ones(30))


def test_a_sparse_result_that_is_far_too_full_is_refused():
    with pytest.raises(WrongInput, match=r"(?s)no way to this sparse Hessian: structured: .*hessian_operator"):
        osculate.hessian_plan(lambda x: jnp.sum(x**4) + jnp.sum(x) ** 2, output="sparse")(np.ones(20_000))
