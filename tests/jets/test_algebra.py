"""The same network over another algebra: coefficients with 50 digits instead of arrays."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from osculate._jets.coefficients import coefficients
from osculate._trace import trace

STRUCTURAL = {"reshape", "broadcast_in_dim", "squeeze", "slice", "transpose", "expand_dims", "rev", "copy"}


def each(function):
    return np.vectorize(function, otypes=[object])


POINTWISE = {
    "add": np.add,
    "add_any": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "neg": np.negative,
    "exp": each(mpmath.exp),
    "log": each(mpmath.log),
    "sin": each(mpmath.sin),
    "cos": each(mpmath.cos),
    "tanh": each(mpmath.tanh),
    "abs": each(abs),
    "sign": each(mpmath.sign),
    "lt": each(lambda a, b: a < b),
    "gt": each(lambda a, b: a > b),
    "ge": each(lambda a, b: a >= b),
    "eq": each(lambda a, b: a == b),
}


class Digits:
    """Arrays of mpmath numbers. Loops are unrolled: a value is always known."""

    whole = False

    def evaluate(self, node, values, degrees):
        del degrees
        name = node.name
        if name in STRUCTURAL:  # run the primitive on positions, then take
            array = np.asarray(values[0], object)
            places = np.asarray(node.evaluate(jnp.arange(array.size, dtype=jnp.int32).reshape(array.shape))[0])
            return [array.ravel()[places.ravel()].reshape(places.shape)]
        if name == "reduce_sum":
            return [np.asarray(np.sum(values[0], axis=tuple(node.params["axes"])), object)]
        if name == "dot_general":
            (left, right), (batch, _) = node.params["dimension_numbers"]
            assert not batch
            return [np.asarray(np.tensordot(values[0], values[1], (left, right)), object)]
        if name == "iota":
            return [self.literal(node.evaluate()[0], node.outputs[0])]
        if name == "integer_pow":
            return [values[0] ** node.params["y"]]
        if name == "square":
            return [values[0] * values[0]]
        if name == "convert_element_type":
            return [values[0]]
        if name == "select_n":
            return [np.where(np.asarray(values[0], bool), values[2], values[1])]
        return [np.asarray(POINTWISE[name](*values), object)]

    def zeros(self, variable, degree):
        return np.full(variable.shape, mpmath.mpf(0), object)

    def literal(self, value, variable):
        return np.asarray(each(lambda v: mpmath.mpf(float(v)))(np.asarray(value)), object)

    def add(self, a, b):
        return a + b

    def subtract(self, a, b):
        return a - b

    def negate(self, a):
        return -a

    def scale(self, a, k):
        return a * mpmath.mpf(k)

    def divide(self, a, k):
        return a / mpmath.mpf(k)

    def fit(self, a, variable, degree):
        return np.broadcast_to(a, variable.shape)

    def scan(self, step, carry, scanned, outputs, *, length, reverse, unroll):
        rows = []
        for i in range(length)[:: -1 if reverse else 1]:
            carry, out = step(carry, [[None if c is None else c[i] for c in row] for row in scanned])
            rows.append(out)
        rows = rows[::-1] if reverse else rows
        stacked = [
            [
                None
                if all(r[j][k] is None for r in rows)
                else np.stack([self._full(r[j][k], outputs[j]) for r in rows])
                for k in range(len(rows[0][j]))
            ]
            for j in range(len(rows[0]))
        ]
        return carry, stacked

    def _full(self, value, variable):
        return self.zeros(variable, 0) if value is None else value

    def while_loop(self, predicate, step, carry, outputs):
        while np.all(predicate(carry)):
            carry = step(carry)
        return carry

    def switch(self, index, branches, operands, outputs):
        return branches[int(np.asarray(index).item())](operands)


W = np.array([[0.5, -1.0], [0.25, 2.0]])


def network(x):
    return jnp.sum(jnp.tanh(W @ x) ** 3) * jnp.exp(x[0] * x[1]) + jnp.log(2 + x[0] ** 2)


def looped(x):
    return jax.lax.scan(lambda c, a: (jnp.sin(c) * a + x[1], c), x[0], jnp.arange(1.0, 4.0))[0]


def counted(x):
    return jax.lax.while_loop(lambda s: s[0] < 3.0, lambda s: (s[0] + 1.0, jnp.sin(s[1]) * x[1]), (0.0, x[0]))[1]


@jax.custom_jvp
def straight(x):
    return jnp.sin(x)


straight.defjvp(lambda primals, tangents: (straight(primals[0]), 2.0 * tangents[0]))


def custom(x):
    return straight(x[0] * x[1]) * jax.jit(jnp.exp)(x[0]) + jax.lax.cond(x[0] > 0, jnp.sin, jnp.cos, x[1])


def branched(x):
    return jnp.where(x[0] > 0, x[0] ** 3, -x[0]) * jnp.abs(x[1]) / (1 + x[0])


@pytest.mark.parametrize("f", [network, looped, counted, branched, custom], ids=lambda f: f.__name__)
def test_digits_agree_with_arrays_and_with_mpmath(f):
    x, v, order = np.array([0.5, -0.75]), np.array([1.0, 0.25]), 6
    with jax.enable_x64(True):
        program, _ = trace(f, x, asked="test")
        arrays = [float(c) for c in coefficients("test", program, [[jnp.asarray(x), jnp.asarray(v)]], order)[0]]
        digits = Digits()
        with mpmath.workdps(50):
            variable = program.inputs[0]
            series = [[digits.literal(x, variable), digits.literal(v, variable)]]
            precise = [np.asarray(c, object).item() for c in coefficients("test", program, series, order, digits)[0]]
            np.testing.assert_allclose(arrays, [float(c) for c in precise], rtol=1e-13, atol=1e-15)

            if f is custom:  # its rule is not the derivative of its value, so differences of the value say nothing
                return

            def along(t):
                point = np.array([mpmath.mpf(x[0]) + t * mpmath.mpf(v[0]), mpmath.mpf(x[1]) + t * mpmath.mpf(v[1])])
                return digits_value(digits, program, point)

            reference = mpmath.taylor(along, 0, order)
            for ours, theirs in zip(precise, reference, strict=True):
                assert abs(ours - theirs) < mpmath.mpf(10) ** -15 * (1 + abs(theirs))


def digits_value(digits, program, point):
    value = coefficients("test", program, [[np.asarray(point, object)]], 0, digits)[0][0]
    return np.asarray(value, object).item()
