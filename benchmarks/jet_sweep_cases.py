"""Calls for the sweep of ``jet_conformance.py``: what each public function of JAX is asked to differentiate.

Most functions need no entry: the sweep tries the calls of ``guesses`` in turn and takes the first one that returns
floats with finite derivatives. The table below holds the functions that need parameters, a domain or a second shape.
An argument that is a ``Draw`` is drawn at random and differentiated; every other argument is passed on as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax


@dataclass(frozen=True)
class Draw:
    """A differentiable array: uniform in [low, high), or a random positive definite matrix."""

    shape: tuple[int, ...]
    low: float = 0.2
    high: float = 0.9
    definite: bool = False

    def sample(self, rng: np.random.Generator) -> jax.Array:
        """One random array."""
        values = rng.uniform(self.low, self.high, self.shape)
        if self.definite:
            values = values @ values.T / self.shape[0] + np.diag(1.0 + np.arange(self.shape[0]))
        return jnp.asarray(values)


@dataclass(frozen=True)
class Call:
    """One call of the swept function; ``through`` may wrap the function first (complex numbers, named axes)."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)
    through: Callable[[Callable[..., Any]], Callable[..., Any]] | None = None


def call(*args: Any, through: Callable[[Callable[..., Any]], Callable[..., Any]] | None = None, **kwargs: Any) -> Call:
    """A ``Call``, written like the call itself."""
    return Call(args, kwargs, through)


def vector(size: int = 3, low: float = 0.2, high: float = 0.9) -> Draw:
    return Draw((size,), low, high)


SCALAR = Draw(())
SIGNED = Draw((4,), -1.5, 1.5)
UNIT = vector()
ABOVE = vector(3, 1.2, 2.5)
MATRIX = Draw((3, 3), -1.5, 1.5)
DEFINITE = Draw((3, 3), definite=True)
CUBE = Draw((2, 3, 4), -1.5, 1.5)
IMAGE = Draw((1, 2, 5, 5), -1.0, 1.0)
KERNEL = Draw((3, 2, 3, 3), -1.0, 1.0)
TALL = Draw((4, 3), -1.5, 1.5)


def guesses(module: str) -> Iterator[Call]:
    """Calls to try for a function without an entry, the most telling first."""
    if module in ("linalg", "lax.linalg"):
        yield from (call(DEFINITE), call(TALL), call(MATRIX, UNIT), call(MATRIX, MATRIX), call(UNIT, UNIT))
    if module == "fft":
        yield from (call(SIGNED), call(MATRIX))
    for array in (SIGNED, UNIT, ABOVE):
        yield call(array)
    yield call(MATRIX)
    for array in (SIGNED, UNIT, ABOVE):
        yield call(array, Draw((array.shape[0],), array.low, array.high))
    yield from (call(ABOVE, UNIT), call(MATRIX, MATRIX), call(UNIT, UNIT, UNIT), call(ABOVE, ABOVE, UNIT))
    yield from (call([SIGNED, SIGNED]), call([MATRIX, MATRIX]), call(SIGNED, 1), call(SIGNED, 0), call(1, UNIT))
    yield from (call(MATRIX, 1), call(CUBE), call(CUBE, 1))


def from_parts(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of x + iy."""
    return lambda x, y, *rest, **options: function(lax.complex(x, y), *rest, **options)


def over_axis(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with a named axis ``i``, by ``vmap``."""
    return lambda x, *rest, **options: jax.vmap(lambda row: function(row, "i", *rest, **options), axis_name="i")(x)


def made(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that makes functions: the first argument makes one, which is applied to the second."""
    return lambda inner, x, *rest, **options: function(inner, *rest, **options)(x)


INDEX = jnp.array([[0], [2]])
MASK = jnp.array([True, False, True])
ROWS = lax.ScatterDimensionNumbers(
    update_window_dims=(1,), inserted_window_dims=(0,), scatter_dims_to_operand_dims=(0,)
)
ROWS_TAKEN = lax.GatherDimensionNumbers(offset_dims=(1,), collapsed_slice_dims=(0,), start_index_map=(0,))
UPDATES = Draw((2, 3), 0.3, 1.5)
SCATTER = call(MATRIX, INDEX, UPDATES, ROWS, unique_indices=True)
REPEATED = call(MATRIX, jnp.array([[1], [1]]), UPDATES, ROWS)
NUMBERS = (((1,), (0,)), ((), ()))
BATCHED = (((2,), (1,)), ((0,), (0,)))


def _matvec(matrix: Any) -> Callable[[Any], Any]:
    return lambda x: matrix @ x


def _linear_solve(function: Callable[..., Any]) -> Callable[..., Any]:
    def solve(matrix: Any, b: Any) -> Any:
        dense = lambda mv, rhs: jnp.linalg.solve(jax.jacobian(mv)(rhs), rhs)  # noqa: E731
        return function(_matvec(matrix), b, dense, dense)

    return solve


def _root(function: Callable[..., Any]) -> Callable[..., Any]:
    def solve(f: Any, start: Any) -> Any:
        step = lambda _, y: y - f(y) / (3 * y**2 + 1)  # noqa: E731
        return lax.fori_loop(0, 30, step, start)

    return lambda a: function(lambda y: y**3 + y - a, jnp.ones_like(a), solve, lambda g, b: b / g(jnp.ones_like(b)))


TABLE: dict[str, tuple[Call, ...]] = {
    # elementwise, with a domain
    "clamp": (call(Draw((), -0.6, -0.4), SIGNED, Draw((), 0.4, 0.6)),),
    "clip": (call(SIGNED, -0.5, 0.5), call(SIGNED, Draw((), -0.6, -0.4), Draw((), 0.4, 0.6))),
    "integer_pow": (call(SIGNED, 3), call(UNIT, -2)),
    "lax.pow": (call(UNIT, vector(3, -1.5, 1.5)), call(SIGNED, 3)),
    "power": (call(UNIT, ABOVE), call(SIGNED, 3)),
    "rem": (call(vector(3, 2.1, 4.0), vector(3, 1.1, 1.9)),),
    "lax.complex": (call(SIGNED, SIGNED),),
    "lax.conj": (call(SIGNED, SIGNED, through=from_parts),),
    "lax.real": (call(SIGNED, SIGNED, through=lambda f: from_parts(lambda z: f(jnp.exp(z)))),),
    "lax.imag": (call(SIGNED, SIGNED, through=lambda f: from_parts(lambda z: f(jnp.exp(z)))),),
    "jnp.real": (call(SIGNED, SIGNED, through=lambda f: from_parts(lambda z: f(jnp.exp(z)))),),
    "jnp.imag": (call(SIGNED, SIGNED, through=lambda f: from_parts(lambda z: f(jnp.exp(z)))),),
    "jnp.conj": (call(SIGNED, SIGNED, through=from_parts),),
    "jnp.conjugate": (call(SIGNED, SIGNED, through=from_parts),),
    "angle": (call(UNIT, UNIT, through=from_parts),),
    "wofz": (call(UNIT, UNIT, through=from_parts),),
    "betainc": (call(2.0, 3.0, UNIT), call(ABOVE, ABOVE, UNIT)),
    "igamma": (call(2.5, UNIT), call(ABOVE, UNIT)),
    "igammac": (call(2.5, UNIT), call(ABOVE, UNIT)),
    "gammainc": (call(2.5, UNIT), call(ABOVE, UNIT)),
    "gammaincc": (call(2.5, UNIT), call(ABOVE, UNIT)),
    "zeta": (call(ABOVE, 1.5), call(2.5, ABOVE)),
    "special.polygamma": (call(1, ABOVE), call(2, UNIT)),
    "lax.polygamma": (call(jnp.ones(3), ABOVE),),
    "lax.zeta": (call(jnp.full(3, 2.5), ABOVE),),
    "boxcox1p": (call(UNIT, UNIT),),
    "full": (call((3,), SCALAR),),
    "bessel_jn": (call(vector(3, 4.0, 9.0), v=2),),  # near 0 the recurrence cancels, and nested jvp explodes
    "hyp1f1": (call(0.7, 1.9, UNIT),),
    "hyp2f1": (call(0.7, 1.1, 1.9, UNIT),),
    "expn": (call(2, UNIT),),
    "multigammaln": (call(ABOVE, 2),),
    "sph_harm_y": (call(jnp.array([2]), jnp.array([1]), vector(1), vector(1), n_max=3),),
    "ldexp": (call(SIGNED, jnp.array([1, 2, 0, -1])),),
    "reduce_precision": (call(SIGNED, 11, 52),),
    "convert_element_type": (call(SIGNED, jnp.complex128),),
    "astype": (call(SIGNED, jnp.complex128),),
    "heaviside": (call(SIGNED, SIGNED),),
    "kl_div": (call(UNIT, UNIT),),
    "glu": (call(SIGNED),),
    "one_hot": (),
    "dot_product_attention": (call(*[Draw((1, 3, 2, 4), -1.0, 1.0)] * 3, is_causal=True),),
    # shapes
    "broadcast": (call(UNIT, (2,)),),
    "broadcast_in_dim": (call(UNIT, (2, 3), (1,)),),
    "broadcast_to": (call(UNIT, (2, 3)),),
    "lax.expand_dims": (call(UNIT, (0,)),),
    "lax.squeeze": (call(Draw((3, 1)), (1,)),),
    "lax.reshape": (call(MATRIX, (9,)), call(CUBE, (6, 4))),
    "jnp.reshape": (call(MATRIX, (9,)),),
    "lax.transpose": (call(CUBE, (2, 0, 1)),),
    "permute_dims": (call(CUBE, (2, 0, 1)),),
    "lax.rev": (call(MATRIX, (0,)),),
    "lax.tile": (call(UNIT, (2,)),),
    "jnp.tile": (call(UNIT, 2),),
    "lax.pad": (call(UNIT, SCALAR, [(1, 2, 1)]), call(vector(5), SCALAR, [(-1, 0, 0)])),
    "jnp.pad": (call(UNIT, 1, mode="reflect"), call(UNIT, 2)),
    "lax.slice": (call(MATRIX, (0, 1), (3, 3), (2, 1)),),
    "slice_in_dim": (call(MATRIX, 0, 2),),
    "lax.split": (call(UNIT, (1, 2)),),
    "jnp.split": (call(SIGNED, 2),),
    "array_split": (call(SIGNED, 3),),
    "dsplit": (call(CUBE, 2),),
    "hsplit": (call(SIGNED, 2),),
    "vsplit": (call(TALL, 2),),
    "moveaxis": (call(CUBE, 0, 2),),
    "swapaxes": (call(CUBE, 0, 2),),
    "rollaxis": (call(CUBE, 2),),
    "roll": (call(SIGNED, 1), call(MATRIX, (1, 2), axis=(0, 1))),
    "rot90": (call(MATRIX),),
    "lax.concatenate": (call([UNIT, UNIT], 0),),
    "jnp.concatenate": (call([UNIT, UNIT]),),
    "jnp.concat": (call([UNIT, UNIT]),),
    "block": (call([[MATRIX, MATRIX], [MATRIX, MATRIX]]),),
    "repeat": (call(UNIT, 2),),
    "resize": (call(UNIT, (2, 3)),),
    "vander": (call(UNIT),),
    "linspace": (call(SCALAR, Draw((), 1.0, 2.0), 4),),
    "logspace": (call(SCALAR, Draw((), 1.0, 2.0), 4),),
    "geomspace": (call(SCALAR, Draw((), 1.0, 2.0), 4),),
    "meshgrid": (call(UNIT, UNIT),),
    "unstack": (call(MATRIX),),
    # indexing
    "lax.gather": (call(MATRIX, INDEX, ROWS_TAKEN, (1, 3)),),
    "scatter": (SCATTER,),
    "scatter_add": (SCATTER, REPEATED),
    "scatter_sub": (SCATTER, REPEATED),
    "scatter_mul": (SCATTER,),
    "scatter_max": (SCATTER, REPEATED),
    "scatter_min": (SCATTER, REPEATED),
    "scatter_apply": (call(MATRIX, INDEX, jnp.sin, ROWS, update_shape=(2, 3), unique_indices=True),),
    "dynamic_slice": (call(MATRIX, (1, 0), (2, 2)),),
    "dynamic_slice_in_dim": (call(MATRIX, 1, 2),),
    "dynamic_index_in_dim": (call(MATRIX, 1),),
    "dynamic_update_slice": (call(MATRIX, Draw((2, 2)), (1, 0)),),
    "dynamic_update_slice_in_dim": (call(MATRIX, Draw((2, 3)), 1, 0),),
    "dynamic_update_index_in_dim": (call(MATRIX, UNIT, 1, 0),),
    "index_in_dim": (call(MATRIX, 1),),
    "index_take": (call(MATRIX, (jnp.array([0, 2]),), (0,)),),
    "take": (call(MATRIX, jnp.array([0, 2]), axis=0),),
    "take_along_axis": (call(MATRIX, jnp.array([[0], [2], [1]]), 1),),
    "put": (call(SIGNED, jnp.array([0, 2]), vector(2), inplace=False),),
    "put_along_axis": (call(MATRIX, jnp.array([[0], [2], [1]]), Draw((3, 1)), 1, inplace=False),),
    "place": (call(UNIT, MASK, vector(2), inplace=False),),
    "fill_diagonal": (call(MATRIX, SCALAR, inplace=False),),
    "insert": (call(UNIT, 1, SCALAR),),
    "delete": (call(UNIT, 1),),
    "compress": (call(MASK, UNIT, size=2),),
    "extract": (call(MASK, UNIT, size=2),),
    "choose": (call(jnp.array([0, 1, 0]), [UNIT, UNIT], mode="clip"),),
    "where": (call(MASK, UNIT, UNIT), call(UNIT, UNIT, UNIT, through=lambda f: lambda c, x, y: f(c > 0.5, x, y))),
    "lax.select": (call(MASK, UNIT, UNIT),),
    "lax.select_n": (call(jnp.array([0, 1, 0]), UNIT, UNIT),),
    "jnp.select": (call([MASK, ~MASK], [UNIT, UNIT]),),
    "piecewise": (call(SIGNED, through=lambda f: lambda x: f(x, [x < 0, x > 0.7], [jnp.sin, jnp.exp, jnp.cos])),),
    "interp": (call(UNIT, jnp.array([0.0, 0.4, 1.0]), UNIT), call(UNIT, vector(3, 0.0, 1.0), UNIT)),
    "bincount": (call(jnp.array([0, 2, 0]), UNIT, length=3),),
    "histogram": (call(jnp.array([0.1, 0.4, 0.6]), 3, (0.0, 1.0), UNIT),),
    "unique": (call(SIGNED, size=4),),
    "union1d": (call(UNIT, UNIT, size=6),),
    "unique_values": (call(SIGNED, size=4),),
    "setdiff1d": (call(UNIT, UNIT, size=3),),
    "setxor1d": (call(UNIT, UNIT, size=6),),
    "intersect1d": (),
    # sorting and selecting
    "lax.sort": (call(SIGNED), call([SIGNED, SIGNED], through=lambda f: lambda pair: f(tuple(pair), num_keys=1))),
    "top_k": (call(SIGNED, 2),),
    "approx_max_k": (call(SIGNED, 2),),
    "approx_min_k": (call(SIGNED, 2),),
    "partition": (call(SIGNED, 2),),
    "percentile": (call(SIGNED, 30.0), call(SIGNED, 30.0, method="lower")),
    "quantile": (call(SIGNED, 0.3),),
    "nanpercentile": (call(SIGNED, 30.0),),
    "nanquantile": (call(SIGNED, 0.3),),
    # reductions and cumulative operations
    "lax.reduce_sum": (call(MATRIX, (0,)),),
    "lax.reduce_prod": (call(MATRIX, (0,)),),
    "lax.reduce_max": (call(MATRIX, (0,)),),
    "lax.reduce_min": (call(MATRIX, (0,)),),
    "lax.reduce": (call(MATRIX, 0.0, lax.add, (0,)), call(MATRIX, 1.0, lax.mul, (0,))),
    "reduce_window": (
        call(MATRIX, 0.0, lax.add, (2, 2), (1, 1), "VALID"),
        call(MATRIX, -jnp.inf, lax.max, (2, 2), (1, 1), "SAME"),
    ),
    "lax.cumsum": (call(MATRIX, 0), call(MATRIX, 1, reverse=True)),
    "lax.cumprod": (call(MATRIX, 0), call(MATRIX, 1, reverse=True)),
    "lax.cummax": (call(MATRIX, 0), call(MATRIX, 1, reverse=True)),
    "lax.cummin": (call(MATRIX, 0), call(MATRIX, 1, reverse=True)),
    "lax.cumlogsumexp": (call(MATRIX, 0), call(MATRIX, 1, reverse=True)),
    "associative_scan": (call(lax.mul, MATRIX),),
    "apply_along_axis": (call(jnp.prod, 0, MATRIX),),
    "apply_over_axes": (call(jnp.sum, CUBE, (0, 2)),),
    "average": (call(UNIT, weights=UNIT),),
    "trapezoid": (call(UNIT, UNIT),),
    "var": (call(MATRIX, axis=0, ddof=1),),
    # contractions
    "dot_general": (call(MATRIX, MATRIX, NUMBERS), call(CUBE, Draw((2, 4, 3)), BATCHED)),
    "ragged_dot": (call(TALL, Draw((2, 3, 2)), jnp.array([1, 3])),),
    "einsum": (call("ij,jk,k->i", MATRIX, MATRIX, UNIT), call("bij,bkj->bik", CUBE, CUBE)),
    "tensordot": (call(CUBE, CUBE, ((0, 2), (0, 2))),),
    "multi_dot": (call([TALL, MATRIX, MATRIX]),),
    "lax.batch_matmul": (call(CUBE, Draw((2, 4, 3))),),
    "lax.conv": (call(IMAGE, KERNEL, (1, 1), "SAME"),),
    "conv_general_dilated": (
        call(IMAGE, KERNEL, (2, 1), "SAME", rhs_dilation=(1, 2)),
        call(IMAGE, Draw((4, 1, 2, 2)), (1, 1), "VALID", lhs_dilation=(2, 1), feature_group_count=2),
    ),
    "conv_general_dilated_local": (
        call(
            Draw((1, 2, 4)),
            Draw((2, 4, 3)),
            (1,),
            "VALID",
            (2,),
        ),
    ),
    "conv_general_dilated_patches": (call(IMAGE, (2, 2), (1, 1), "VALID"),),
    "conv_transpose": (
        call(Draw((1, 5, 5, 2)), Draw((3, 3, 2, 3)), (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")),
    ),
    "conv_with_general_padding": (call(IMAGE, KERNEL, (1, 1), [(1, 1), (0, 1)], (1, 1), (1, 1)),),
    "convolve": (call(SIGNED, UNIT),),
    "jnp.correlate": (call(SIGNED, UNIT),),
    "kron": (call(MATRIX, UNIT),),
    # linear algebra
    "linalg.svd": (call(TALL, full_matrices=False), call(MATRIX, compute_uv=False)),
    "lax.linalg.svd": (call(TALL, full_matrices=False),),
    "matrix_power": (call(MATRIX, 3),),
    "linalg.tensordot": (call(CUBE, CUBE, axes=((0, 2), (0, 2))),),
    "tensorinv": (call(Draw((4, 2, 2)), ind=1),),
    "tensorsolve": (call(Draw((2, 2, 4)), Draw((2, 2))),),
    "linalg.pinv": (call(TALL),),
    "linalg.lstsq": (call(TALL, vector(4)),),
    "linalg.norm": (call(MATRIX), call(MATRIX, "nuc"), call(UNIT, 3)),
    "linalg.cond": (call(DEFINITE), call(DEFINITE, 1)),
    "linalg.solve": (call(MATRIX, UNIT), call(MATRIX, MATRIX)),
    "linalg.cross": (call(UNIT, UNIT),),
    "lax.linalg.triangular_solve": (call(DEFINITE, UPDATES, lower=True, transpose_a=True), call(DEFINITE, MATRIX)),
    "lax.linalg.tridiagonal_solve": (call(UNIT, vector(3, 2.0, 3.0), UNIT, Draw((3, 1))),),
    "lax.linalg.qr": (call(TALL, full_matrices=False),),
    "lax.linalg.householder_product": (call(TALL, UNIT),),
    "lax.linalg.cholesky_update": (call(DEFINITE, UNIT),),
    "lax.linalg.symmetric_product": (call(MATRIX, MATRIX, alpha=2.0, beta=0.5),),
    "polyfit": (call(jnp.array([0.1, 0.5, 0.7, 1.3]), SIGNED, 2),),
    "roots": (),
    "poly": (call(UNIT),),
    "fft.hfft": (call(SIGNED),),
    "lax.fft": (
        call(SIGNED, Draw((4,), -1.5, 1.5), lax.FftType.FFT, (4,), through=from_parts),
        call(SIGNED, lax.FftType.RFFT, (4,)),
    ),
    # control flow and functions that take functions
    "lax.cond": (
        call(True, jnp.sin, jnp.cos, UNIT),
        call(UNIT, through=lambda f: lambda x: f(x[0] > 0.1, jnp.sin, jnp.cos, x)),
    ),
    "lax.switch": (
        call(1, [jnp.sin, jnp.exp], UNIT),
        call(UNIT, through=lambda f: lambda x: f(jnp.int32(3 * x[0]), [jnp.sin, jnp.exp, jnp.cos], x)),
    ),
    "lax.scan": (
        call(lambda c, x: (c * jnp.sin(x), c), SCALAR, UNIT),
        call(lambda c, x: (c * x, c + x), SCALAR, UNIT, reverse=True),
    ),
    "lax.map": (call(jnp.sin, UNIT),),
    "lax.fori_loop": (call(0, 3, lambda i, x: jnp.sin(x) + i, UNIT),),
    "lax.while_loop": (call(lambda x: x[0] < 5.0, lambda x: x**2 + x + 1.0, UNIT),),
    "custom_linear_solve": (call(DEFINITE, UNIT, through=_linear_solve),),
    "custom_root": (call(SCALAR, through=_root),),
    "optimization_barrier": (call(UNIT),),
    "composite": (call(jnp.sin, UNIT, "osculate.sine", through=made),),
    "vectorize": (call(jnp.dot, MATRIX, UNIT, through=lambda f: lambda g, *xs: f(g, signature="(n),(n)->()")(*xs)),),
    "platform_dependent": (call(UNIT, default=jnp.sin),),
    # named axes
    "psum": (call(MATRIX, through=over_axis),),
    "pmean": (call(MATRIX, through=over_axis),),
    "pmax": (call(MATRIX, through=over_axis),),
    "pmin": (call(MATRIX, through=over_axis),),
    "all_gather": (call(MATRIX, through=over_axis),),
    "all_to_all": (call(MATRIX, 0, 0, through=over_axis),),
    "psum_scatter": (call(MATRIX, through=over_axis),),
    "pswapaxes": (call(MATRIX, 0, through=over_axis),),
    "ppermute": (call(MATRIX, [(0, 1), (1, 2), (2, 0)], through=over_axis),),
    "pshuffle": (call(MATRIX, [1, 2, 0], through=over_axis),),
    # not differentiable, or not about numbers
    **dict.fromkeys(("rng_uniform", "rng_bit_generator", "save", "savez", "load", "fromfile", "fromstring"), ()),
    **dict.fromkeys(("set_printoptions", "get_printoptions", "printoptions", "frombuffer", "from_dlpack"), ()),
    **dict.fromkeys(("after_all", "create_token", "dce_sink", "empty_like", "empty", "frompyfunc"), ()),
    **dict.fromkeys(("with_sharding_constraint", "pcast", "pbroadcast", "array_repr", "array_str"), ()),
}
