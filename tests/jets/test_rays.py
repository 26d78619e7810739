"""The directions of mixed derivatives: how many, exact weights, rounding; and ``partial`` over many points."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import osculate
from osculate._errors import WrongInput
from osculate._jets.blocks import block_rays, block_weights, compositions
from osculate._jets.rays import plan

# request: (multi-indices, rays)
COUNTS = {
    "heat": ([(0, 0), (1, 0), (2, 0), (0, 1)], 2),
    "Kuramoto-Sivashinsky": ([(0, 0), (0, 1), (0, 2), (0, 4), (1, 0)], 2),
    "pure": ([(0, 7, 0)], 1),
    "Laplacian": ([(2, 0, 0), (0, 2, 0), (0, 0, 2)], 3),
    "mixed": ([(1, 1)], 2),
    "product of three": ([(1, 1, 1)], 4),
    "binary": ([(3, 3)], 6),
    "least order one": ([(3, 2, 1)], 12),
    "best bound known": ([(2, 2, 2)], 13),
    "biharmonic": ([(4, 0), (2, 2), (0, 4)], 4),
    "gradient": ([(1, 0, 0), (0, 1, 0), (0, 0, 1)], 3),
    "gradient and one mixed": ([(1, 0), (0, 1), (1, 1)], 2),
    "Hessian": (list(compositions(2, 3)), 6),
    "third tensor": (list(compositions(3, 3)), 10),
    "all up to four": ([a for k in range(5) for a in compositions(k, 3)], 15),
    "apart": ([(20, 0, 0), (0, 1, 1)], 3),
}


@pytest.mark.parametrize(("alphas", "rays"), COUNTS.values(), ids=COUNTS)
def test_number_of_rays(alphas, rays):
    assert len(plan(alphas).rays) == rays


def test_one_multi_index_reaches_the_real_rank():
    for alpha in [(5,), (4, 1), (4, 4), (5, 3), (1, 1, 1, 1), (4, 3, 1), (3, 3, 2)]:
        rank = (math.prod(a + 1 for a in alpha) - math.prod(a - 1 for a in alpha)) // 2
        assert len(plan([alpha]).rays) == rank


def check_exact(alphas):
    """Each combination of rays extracts its monomial from every homogeneous polynomial, exactly."""
    chosen = plan(alphas)
    for alpha, weights in zip(alphas, chosen.weights, strict=True):
        order = sum(alpha)
        for beta in compositions(order, len(alpha)):
            total = sum(
                w * math.prod(dict(chosen.rays[i]).get(v, 0) ** b for v, b in enumerate(beta))
                for i, w in weights.items()
            )
            assert total == (alpha == beta and order > 0)
        assert all(chosen.orders[i] >= order for i in weights)


@given(st.lists(st.tuples(*[st.integers(0, 3)] * 3), min_size=1, max_size=6))
def test_weights_are_exact(alphas):
    check_exact(alphas)


@pytest.mark.parametrize(("degree", "variables"), [(1, 4), (2, 4), (3, 3), (4, 4), (6, 3), (9, 2)])
def test_weights_of_whole_tensors_are_exact(degree, variables):
    alphas = list(compositions(degree, variables))
    check_exact(alphas)
    assert len(plan(alphas).rays) == math.comb(variables + degree - 1, degree)
    check_exact([alpha for k in range(degree + 1) for alpha in compositions(k, variables)])


def test_rays_of_a_support_determine_its_monomials():
    rays = block_rays(5, 3)
    assert rays is not None
    assert all(all(ray) for ray in rays)
    assert len(rays) == math.comb(4, 2)
    assert block_rays(40, 6) is None  # C(39, 5) monomials: no exact inverse
    assert block_weights(40, (35, 1, 1, 1, 1, 1)) is None


# Request and the most that rounding may be amplified; the simplex of Griewank, Utke and Walther has 560 at (4, 4).
ROUNDING = [
    ([(4, 4)], 8),
    ([(2, 1)], 2.4),
    ([(8, 8)], 60),
    ([(20, 20)], 1e5),
    (list(compositions(8, 2)), 25),
    (list(compositions(12, 2)), 60),
    (list(compositions(8, 3)), 100),
]


@pytest.mark.parametrize(("alphas", "most"), ROUNDING)
def test_rounding_is_hardly_amplified(alphas, most):
    assert max(plan(alphas).amplification) <= most


def test_amplification_is_what_rounding_does():
    alpha, rates = (4, 4), np.array([0.9, -1.1])
    exact = math.prod(r**a for r, a in zip(rates, alpha, strict=True))
    result = osculate.partial(lambda v: jnp.exp(v @ jnp.asarray(rates)), alpha)(np.zeros(2, np.float32))
    assert abs(result - exact) <= 2 * plan([alpha]).amplification[0] * np.finfo(np.float32).eps * 1.1**8


def test_amplification_beyond_use_is_refused():
    with pytest.raises(WrongInput, match="amplifies rounding up to") as caught:
        osculate.partial(lambda v: jnp.sum(jnp.sin(v)) ** 2, (30, 30))(np.zeros(2, np.float32))
    assert "float64" in caught.value.remedy


# partial


@st.composite
def sparse_polynomials(draw):
    """Exponents and coefficients of a few monomials in three variables."""
    count = draw(st.integers(1, 6))
    exponents = draw(st.lists(st.tuples(*[st.integers(0, 4)] * 3), min_size=count, max_size=count))
    return [(e, draw(st.integers(-5, 5))) for e in exponents]


def polynomial(terms, x):
    return sum(c * x[0] ** e[0] * x[1] ** e[1] * x[2] ** e[2] for e, c in terms) + 0 * x[0]


def exact_partial(terms, alpha, x):
    total = 0.0
    for e, c in terms:
        if all(a <= b for a, b in zip(alpha, e, strict=True)):
            total += c * math.prod(math.perm(b, a) * v ** (b - a) for a, b, v in zip(alpha, e, x, strict=True))
    return total


@settings(max_examples=8)
@given(sparse_polynomials(), st.lists(st.tuples(*[st.integers(0, 3)] * 3), min_size=1, max_size=4))
def test_partials_of_polynomials(terms, alphas):
    x = np.array([0.5, -1.25, 0.75])
    values = osculate.partial(lambda v: polynomial(terms, v), alphas)(x)
    size = sum(abs(c) for _, c in terms) * 1e4
    for alpha, value in zip(alphas, values, strict=True):
        assert value == pytest.approx(exact_partial(terms, alpha, x), abs=1e-15 * size + 1e-12)


def test_pure_orders_in_one_pass_are_exact():
    u = lambda v: v[0] ** 4 * v[1] + v[1] ** 2  # noqa: E731
    assert [float(d) for d in osculate.partial(u, [(0, 0), (1, 0), (2, 0), (4, 0), (0, 1)])(np.array([2.0, 3.0]))] == [
        57,
        96,
        144,
        72,
        22,
    ]


def test_high_orders_of_a_small_dtype():
    # 40! is no float32, and nor is the derivative's scale on the way: d^40/dx^40 d/dy of exp(x/10) y
    value = osculate.partial(lambda v: jnp.exp(v[0] / 10) * v[1], (36, 1))(np.array([0.0, 2.0], np.float32))
    assert value == pytest.approx(1e-36, rel=1e-3)


# rows

PARAMS = {"w": np.linspace(-1, 1, 12).reshape(2, 6), "v": np.linspace(0.5, -0.3, 6)}
POINTS = np.linspace(-1, 1, 10).reshape(5, 2)
ORDERS = [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)]


def network(params, X):
    return jnp.tanh(X @ params["w"]) @ params["v"]


def nested(params, x, alpha):
    f = lambda x: network(params, x)  # noqa: E731
    for i in itertools.chain.from_iterable([i] * a for i, a in enumerate(alpha)):
        f = lambda x, g=f, i=i: jax.grad(g)(x)[i]  # noqa: E731
    return f(x)


def test_rows_are_differentiated_each_by_itself():
    results = osculate.partial(network, ORDERS, argnums=1)(PARAMS, POINTS)
    with jax.enable_x64(True):
        for alpha, result in zip(ORDERS, results, strict=True):
            expected = jax.vmap(lambda x, a=alpha: nested(PARAMS, x, a))(jnp.asarray(POINTS))
            assert isinstance(result, np.ndarray)
            np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-14)


def test_rows_within_transformations():
    params, points = jax.tree.map(jnp.float32, (PARAMS, POINTS))

    def residual(params, X):
        u, u_x, u_xx, u_t = osculate.partial(network, [(0, 0), (1, 0), (2, 0), (0, 1)], argnums=1)(params, X)
        return jnp.mean((u_t + u * u_x - u_xx) ** 2)

    def reference(params, X):
        one = lambda x: [nested(params, x, a) for a in [(0, 0), (1, 0), (2, 0), (0, 1)]]  # noqa: E731
        u, u_x, u_xx, u_t = jax.vmap(one)(X)
        return jnp.mean((u_t + u * u_x - u_xx) ** 2)

    ours, theirs = (jax.jit(jax.value_and_grad(r))(params, points) for r in (residual, reference))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-6), ours, theirs)
    stacked = jnp.stack([points, points + 0.1])
    batched = jax.vmap(osculate.partial(network, (2, 0), argnums=1), in_axes=(None, 0))(params, stacked)
    np.testing.assert_allclose(
        batched[1], osculate.partial(network, (2, 0), argnums=1)(params, points + 0.1), rtol=1e-5, atol=1e-6
    )


def test_rows_with_vector_outputs_and_one_column():
    f = lambda X: {"a": jnp.sin(X).T, "b": jnp.stack([X[:, 0], X[:, 0] ** 3], 1), "c": jnp.ones(2)}  # noqa: E731
    result = osculate.partial(f, (2,))(np.array([[0.1], [0.2], [0.3]]))
    np.testing.assert_allclose(result["a"], -np.sin([[0.1, 0.2, 0.3]]), rtol=1e-13)
    np.testing.assert_allclose(result["b"], [[0, 0.6], [0, 1.2], [0, 1.8]], atol=1e-14)
    np.testing.assert_array_equal(result["c"], [0, 0])


def test_one_point_wins_over_rows():
    total = lambda M: jnp.sum(M) ** 2  # noqa: E731
    assert osculate.partial(total, (1, 1))(np.ones((1, 2))) == pytest.approx(2)
    assert osculate.partial(total, (1, 1, 0, 0))(np.ones((2, 2))) == pytest.approx(2)


def test_rows_that_mix_are_named():
    def normalised(X):
        X = X - X.mean(axis=0)
        return jnp.sin(X).sum(1)

    with pytest.raises(WrongInput, match="`reduce_sum` mixes them: it sums over the rows") as caught:
        osculate.partial(normalised, (2, 0))(POINTS)
    assert caught.value.where.function.endswith("normalised")
    assert "jax.vmap" in caught.value.remedy


def test_many_variables():
    x = np.linspace(0.1, 1, 300)
    axes = [tuple(2 * (i == j) for j in range(300)) for i in range(300)]
    np.testing.assert_allclose(osculate.partial(lambda v: jnp.sum(v**3), axes)(x), 6 * x, rtol=1e-13)
    tensor = osculate.derivative_tensor(lambda v: jnp.sum(v[:40] ** 2) * v[0], 1)(np.linspace(0.1, 1, 1500))
    assert tensor.shape == (1500,)


def test_absurd_requests_say_their_size():
    with pytest.raises(WrongInput, match="different partial derivatives"):
        osculate.derivative_tensor(jnp.sum, 3)(np.ones(500))
    with pytest.raises(WrongInput, match="order 600"):
        osculate.partial(lambda v: v[0] * v[1], (599, 1))(np.ones(2))
