"""What the NumPy door refuses: the message names the user's line, what is wrong there, and the ways on."""

import math
from math import erf, sin

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
import scipy.optimize
import scipy.sparse
import scipy.special
import scipy.stats

from osculate._errors import Unreadable
from osculate._trace.numpy_door import is_door_error, numpy_door

X = np.array([0.3, 0.8, 0.5, 1.2])
TABLE = np.arange(4.0)
MATRIX = scipy.sparse.csr_matrix(np.eye(4))


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def item_of_zeros(x):
    z = np.zeros(4)
    z[0] = x[0] ** 2  # here
    return z.sum()


def slice_of_zeros(x):
    z = np.zeros((4, 2))
    z[:, 1] = x  # here
    return z.sum()


def item_of_zeros_like(x):
    z = np.zeros_like(x)
    for i in range(4):
        z[i] += x[i]  # here
    return z.sum()


def item_of_argument(x):
    x[0] = 1.0  # here
    return x.sum()


def augmented_item(x):
    x[0] += 1.0  # here
    return x.sum()


def augmented_zeros(x):
    z = np.zeros(4)
    z += x  # here
    return z.sum()


def augmented_slice(x):
    x[1:] *= 2.0  # here
    return x.sum()


def augmented_view(x):
    y = x[1:]
    y += 1.0  # here
    return x.sum()


def augmented_beside_a_view(x):
    y = x.reshape(2, 2)
    x += 1.0  # here
    return y.sum()


def augmented_row(x):
    matrix = np.outer(x, x)
    for row in matrix:
        row /= row.sum()  # here
    return matrix.sum()


def out_array(x):
    buffer = np.zeros(4)
    np.sin(x, out=buffer)  # here
    return buffer.sum()


IN_PLACE = [
    item_of_zeros,
    slice_of_zeros,
    item_of_zeros_like,
    item_of_argument,
    augmented_item,
    augmented_zeros,
    augmented_slice,
    augmented_view,
    augmented_beside_a_view,
    augmented_row,
    out_array,
    lambda x: np.add.at(x, [0], 1.0),  # here
    lambda x: np.copyto(x, 1.0),  # here
    lambda x: np.put(x, [0], 1.0),  # here
    lambda x: np.fill_diagonal(np.outer(x, x), 1.0),  # here
    lambda x: np.sum(x, out=np.zeros(())),  # here
    lambda x: np.clip(x, 0, 1, out=x),  # here
    lambda x: np.divide(1, x, out=np.zeros(4), where=x > 0),  # here
    lambda x: np.nan_to_num(x, copy=False),  # here
]
PLAIN_NUMBERS = {
    "math.sin": (lambda x: math.sin(x[0]), "write np.sin instead of math.sin"),
    "math.gamma": (lambda x: math.lgamma(x[0]), "write scipy.special.gammaln instead of math.lgamma"),
    "sin": (lambda x: sin(x[0]), "np.sin"),
    "erf": (lambda x: erf(x[0]), "plain float"),
    "float": (lambda x: float(x[0]), "leave out float"),
    "int": (lambda x: int(x[0]), "leave out int"),
    "complex": (lambda x: complex(x[0]), "leave out complex"),
    "np.float64": (lambda x: np.float64(x[0]), "plain float"),
    "percent": (lambda x: "%.3f" % x[0], "plain float"),  # noqa: UP031
    "asarray": (lambda x: np.asarray(x, dtype=float), "leave out float"),
    "array": (lambda x: np.array([x[0], x[1]], dtype=float), "instead of np.array with a dtype"),
    "full": (lambda x: np.full(3, x[0], dtype=float), "written in place"),
    "astype": (lambda x: np.asarray(x).astype(float), "plain float"),
    "if": (lambda x: x[0] if x[0] > 0 else x[1], "np.where"),
    "and": (lambda x: x[0] > 0 and x[1], "np.where"),
    "max": (lambda x: max(x), "np.maximum"),
    "sorted": (lambda x: sorted(x), "np.where"),
    "in": (lambda x: 1.0 in x, "np.where"),
    "object maximum": (lambda x: np.maximum(np.array([x[0], x[1]]), 0), "np.block"),
    "object comparison": (lambda x: np.array([x[0], x[1]]) > 0, "np.block"),
    "range": (lambda x: range(np.argmax(x)), "index or a count"),
    "index": (lambda x: TABLE[np.argmax(x)], "jnp.asarray"),
    "indices": (lambda x: TABLE[np.argsort(x)], "jnp.asarray"),
    "list index": (lambda x: [1, 2, 3, 4][np.argmax(x)], "index or a count"),
    "zeros": (lambda x: np.zeros(np.argmax(x)), "index or a count"),
    "mask": (lambda x: x[x > 0.4], "np.where"),
    "unique": (lambda x: np.unique(x), "numpy.unique"),
    "nonzero": (lambda x: np.nonzero(x), "numpy.nonzero"),
    "where": (lambda x: np.where(x > 0.4), "numpy.where"),
    "piecewise": (lambda x: np.piecewise(x, [x < 0.4], [abs, np.sin]), "np.where or np.select"),
    "undefined": (lambda x: np.log(x, where=x > 0.4), "leaves numpy.log undefined"),
    "argument": (lambda x: np.nanvar(x, correction=1), "`correction` of numpy.nanvar"),
    "method": (lambda x: x.sort(), r"write np.sort\(x\)"),
    "fill": (lambda x: x.fill(0.0), "np.full_like"),
    "attribute": (lambda x: x.strides, "strides"),
    "determinant": (lambda x: np.linalg.det(np.array([[x[0], x[1]], [x[2], x[3]]])), "np.block"),
    "special": (lambda x: scipy.special.erf(np.array([x[0], x[1]])), "np.stack"),
    "no such in JAX": (lambda x: scipy.special.j0(x), "JAX has no j0"),
    "logsumexp": (lambda x: scipy.special.logsumexp(x), r"np.logaddexp.reduce\(x\)"),
    "quad": (lambda x: scipy.integrate.quad(lambda t: np.sin(x[0] * t), 0, 1)[0], "scipy's quad"),
    "brentq": (lambda x: scipy.optimize.brentq(lambda t: t - x[0], 0, 2), "library code|condition"),
    "solve": (lambda x: scipy.linalg.solve(np.eye(4), x), "np.linalg.solve"),
    "sparse": (lambda x: MATRIX @ x, "A.toarray"),
    "density": (lambda x: scipy.stats.norm.pdf(x), "scipy's pdf"),
    "vectorize": (lambda x: np.vectorize(lambda t: t**2, otypes=[float])(x), "plain"),
    "lax": (lambda x: jax.lax.sin(np.sin(x)), "jax.lax"),
    "jax in numpy": (lambda x: np.exp(jnp.sin(x)), "one of the two throughout"),
}


def marked_line(f):
    """The line of the function that bears the remark."""
    import inspect

    lines, first = inspect.getsourcelines(f)
    return first + max(i for i, line in enumerate(lines) if "# here" in line)


@pytest.mark.parametrize("f", IN_PLACE, ids=lambda f: f.__name__)
def test_writing_in_place_names_the_line(f):
    with pytest.raises(Unreadable, match="is written in place") as caught:
        jax.make_jaxpr(numpy_door(f))(jnp.asarray(X))
    message = str(caught.value)
    assert f"test_numpy_refusals.py:{marked_line(f)}, in {f.__name__}" in message
    assert f"osculate (reading {f.__name__})" in message
    assert "np.stack" in message
    assert "scipy.differentiate" in message


@pytest.mark.parametrize(("f", "remedy"), PLAIN_NUMBERS.values(), ids=PLAIN_NUMBERS.keys())
def test_what_needs_plain_numbers_names_the_line_and_the_way_on(f, remedy):
    with pytest.raises(Unreadable, match=remedy) as caught:
        jax.make_jaxpr(numpy_door(f))(jnp.asarray(X))
    assert f"test_numpy_refusals.py:{f.__code__.co_firstlineno}, in <lambda>" in str(caught.value)
    assert "scipy.differentiate" in str(caught.value)


@pytest.mark.parametrize(
    "f",
    [
        *IN_PLACE[:2],
        item_of_argument,
        lambda x: np.sin(x),
        lambda x: np.sum(np.stack([x, x])),
        lambda x: np.array([x[0] * x[1], x[2]]),
        lambda x: x[0] * [1, 2],
        lambda x: x @ [1, 2, 3, 4],
        lambda x: x[[0, 1]],
        lambda x: math.sin(x[0]),
        lambda x: float(x[0]),
        lambda x: x if x[0] > 0 else -x,
        lambda x: np.linalg.det(np.outer(x, x)),
        lambda x: np.add.reduce(x),
        lambda x: np.clip(x, 0, 1),
        lambda x: np.sum(x, out=np.zeros(())),
        lambda x: scipy.special.erf(x),
        lambda x: TABLE[np.argmax(x)],
        lambda x: np.zeros(3)[x.argmax()],
        lambda x: x.fill(0.0),
        lambda x: x[x > 0.4],
        lambda x: np.einsum("i,i->", x, x),
        lambda x: np.where(x > 0, x, 0),
        lambda x: np.add.at(x, [0], 1.0),
    ],
)
def test_tracers_in_numpy_code_are_door_errors(f):
    with pytest.raises(Exception) as caught:  # noqa: PT011
        jax.make_jaxpr(f)(jnp.asarray(X))
    assert is_door_error(caught.value)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x + jnp.ones(3),
        lambda x: jnp.dot(x, jnp.ones(3)),
        lambda x: jnp.linalg.inv(x),
        lambda x: x[0, 1],
        lambda x: jnp.concatenate([x, jnp.eye(2)]),
        lambda x: {}["missing"],
        lambda x: 1 / 0,
        lambda x: undefined_name + x,  # noqa: F821  # pyright: ignore[reportUndefinedVariable]
    ],
)
def test_mistakes_in_jax_code_are_not_door_errors(f):
    with pytest.raises(Exception) as caught:  # noqa: PT011
        jax.make_jaxpr(f)(jnp.asarray(X))
    assert not is_door_error(caught.value)


def test_the_users_own_errors_pass_through():
    def f(x):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        numpy_door(f)(jnp.asarray(X))


def test_a_refusal_that_the_function_handles_is_no_error():
    def f(x):
        try:
            return math.sin(x[0])
        except NotImplementedError:
            return np.sin(x[0])

    np.testing.assert_allclose(numpy_door(f)(jnp.asarray(X)), np.sin(0.3), rtol=1e-15)


def test_the_ways_on_lead_on():
    def f(x):
        matrix = np.block([[x[0], x[1]], [x[2], 1.0]])
        vector = np.block([x[0], x[3]])
        return (
            np.linalg.det(matrix) + np.maximum(vector, 0.5).sum() + np.logaddexp.reduce(x) + sum(MATRIX.toarray() @ x)
        )

    value, gradient = jax.value_and_grad(numpy_door(f))(jnp.asarray(X))
    np.testing.assert_allclose(value, f(X), rtol=1e-14)
    weights = np.exp(X) / np.exp(X).sum()
    np.testing.assert_allclose(gradient, weights + 1 + [1, -X[2], -X[1], 1], rtol=1e-13)
