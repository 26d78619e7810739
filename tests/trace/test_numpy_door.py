"""Plain NumPy functions, read through the door, against NumPy itself."""

import copy
import functools
import math

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis.extra import numpy as arrays

from osculate._errors import Unreadable
from osculate._trace.numpy_door import numpy_door
from osculate._trace.numpy_ufuncs import ufunc_reading

X = np.array([0.31, 0.83, 0.52, 1.17])
DIRECTION = np.array([1.0, -0.5, 0.25, 2.0])
DATA = np.random.default_rng(3).normal(size=(6, 4))
TARGET = np.arange(6.0)
SQUARE = DATA.T @ DATA + np.eye(4)


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def positive(x):
    """A positive definite matrix that depends on x."""
    return np.outer(x, x) + SQUARE


def slope(f, x, v, step=1e-3):
    """Derivative of a NumPy function along v by five-point differences: the oracle."""
    near, far = f(x + step * v) - f(x - step * v), f(x + 2 * step * v) - f(x - 2 * step * v)
    return (8 * near - far) / (12 * step)


def neural_network(x):
    hidden = DATA @ np.outer(x, [1.0, 2.0])
    hidden += 0.1
    hidden = np.tanh(hidden)
    hidden *= 2
    return np.mean((hidden.sum(axis=1) - TARGET) ** 2)


def loop(x):
    total = 0.0
    for i, value in enumerate(x):
        total += (i + 1) * value**2
    return total


def rows(x):
    total = 0.0
    for row in np.outer(x, x):
        total += np.sqrt(row @ row)
    return total


def rebound_alias(x):
    y = x
    y += 1.0
    return np.sum(x * y**2)


def explicit_out(x):
    y = np.sin(x)
    np.multiply(y, x, out=y)
    np.divide(y, x, out=y, where=x > 0.4)
    return np.sum(y)


def constant_buffer(x):
    z = np.zeros_like(x)
    z[1] = 4.0
    return z @ x + np.ones_like(x) @ x + np.full_like(x, 2.0) @ x


def object_buffer(x):
    z = np.empty(4, dtype=object)
    for i in range(4):
        z[i] = x[i] ** (i + 1)
    z[0] += x[3]
    return np.sum(z) + SQUARE[0] @ z


ARITHMETIC = {
    "quartic": lambda x: np.sum(x**4),
    "cubic": lambda x: (x**3 - 3 * x).sum(),
    "operators": lambda x: np.sum((2 + x) * (x - 1) / (3 - x) + x // 0.7 + (x % 0.7) + -x + +x + abs(x - 1)),
    "reflected": lambda x: np.sum(2 / x - 2**x + 1.5 // x + 3 % x - (1 - x) + [1, 2, 3, 4] * x + x * [1, 2, 3, 4]),
    "numpy_scalars": lambda x: np.sum(np.float64(2) * x + x * np.float64(3) + np.int64(2) ** x + x ** np.int64(2)),
    "exponents": lambda x: np.sum(x**2.0 + x**-1 + x**0.5 + x ** np.array([1, 2, 3, 4]) + x**x),
    "divmod": lambda x: sum(divmod(x[3], 0.7)) + pow(x[0], 3),
    "matmul": lambda x: x @ SQUARE @ x,
    "rmatmul": lambda x: np.sum(DATA @ x) + (SQUARE @ x) @ [1, 2, 3, 4] + [1, 2, 3, 4] @ x,
    "power_call": lambda x: np.sum(np.power(x, 3) + np.float_power(x, 2) + np.square(x) + np.reciprocal(x)),
    "compare": lambda x: np.where(x > 0.4, x**2, -x).sum() + np.where((x <= 0.5) & ~(x == 0.3), x, 0).sum(),
    "masks_as_numbers": lambda x: np.sum((x > 0.4) * x**2) + (x >= 0.5) @ x + np.sum(np.logical_not(x < 1) * x),
    "rounding": lambda x: np.sum(np.floor(x) * x + np.round(2 * x) * x + np.ceil(x) + np.trunc(x) + np.rint(x) * x),
    "round_half_even": lambda x: np.sum(np.round(x * 0 + [0.5, 1.5, 2.5, -0.5]) * x) + round(x[3]) * x[0],
    "math_floor": lambda x: math.floor(x[3]) * x[0] + math.ceil(x[3]) * x[1] + math.trunc(x[3]) * x[2],
}
ELEMENTARY = {
    "trigonometric": lambda x: np.sum(np.sin(x) * np.cos(x) + np.tan(x) + np.arctan(x) + np.sinc(x)),
    "inverse": lambda x: np.sum(np.arcsin(x / 2) + np.arccos(x / 2) + np.arctan2(x, 2) + np.hypot(x, 1)),
    "hyperbolic": lambda x: np.sum(np.sinh(x) * np.cosh(x) - np.tanh(x) + np.arcsinh(x) + np.arctanh(x / 2)),
    "exponential": lambda x: np.sum(np.exp(x) + np.exp2(x) + np.expm1(x) + np.log(x) + np.log2(x) + np.log1p(x)),
    "roots": lambda x: np.sum(np.sqrt(x) + np.cbrt(x) + np.log10(x) + np.abs(x - 0.9) + np.sign(x - 0.9) * x),
    "extremes": lambda x: np.maximum(x, 0.4).sum() + np.minimum(x, 0.6).sum() + np.fmax(x, x[::-1]).sum(),
    "logaddexp": lambda x: np.logaddexp(x, 2).sum() + np.logaddexp.reduce(x) + np.logaddexp2(x, x**2).sum(),
    "angles": lambda x: np.sum(np.deg2rad(x) * np.rad2deg(x**2) + np.radians(x) + np.degrees(x)),
    "float_parts": lambda x: np.sum(np.modf(x)[0] * x + np.copysign(x, -1) + np.ldexp(x, 2) + np.heaviside(x, 0.5)),
    "i0": lambda x: np.sum(np.i0(x)) + np.nan_to_num(x).sum() + np.unwrap(x).sum(),
    "clip": lambda x: np.sum(np.clip(x, 0.4, 1.0) ** 2 + np.clip(x, None, a_max=0.7) + x.clip(min=0.35)),
    "complex": lambda x: np.sum(np.real(np.exp(1j * x)) + np.imag((x + 2j) ** 2) + np.abs(x + 1j) + np.angle(x + 1j)),
    "conjugate": lambda x: np.sum((x + 1j * x**2) * np.conj(x + 1j)).real + np.sum((x * 1j).imag),
}
REDUCTIONS = {
    "sum": lambda x: np.sum(np.outer(x, x), axis=0) @ x + np.sum(x, keepdims=True)[0] + x.sum(initial=3.0),
    "sum_where": lambda x: np.sum(x**2, where=[True, False, True, True]) + np.sum(x, where=x > 0.4),
    "statistics": lambda x: np.mean(x) * np.var(x) + np.std(x, ddof=1) + x.var(ddof=1) + np.median(x) + x.mean(),
    "products": lambda x: np.prod(x) + x.cumprod()[2] + np.cumsum(x) @ x + np.cumsum(np.outer(x, x))[3],
    "extremum": lambda x: np.max(x) * x.min() + np.amax(np.outer(x, x), axis=1) @ x + np.ptp(x),
    "arg_extremum": lambda x: np.argmax(x) * x[0] + x.argmin() * x[1] + np.argsort(x)[0] * x[2],
    "quantiles": lambda x: (
        np.percentile(x, [20, 70]) @ [1, 2] + np.quantile(x, 0.3) + np.average(x, weights=[1, 2, 3, 4])
    ),
    "nan_functions": lambda x: np.nansum(np.where(x > 0.4, x, np.nan)) + np.nanmean(x**2) + np.nanmax(x) + np.nanstd(x),
    "ufunc_methods": lambda x: np.add.reduce(x**2) + np.multiply.accumulate(x)[2] + np.maximum.reduce(x) * x[0],
    "outer": lambda x: np.multiply.outer(x, x).sum() + np.subtract.outer(x, [1, 2])[1, 1] ** 2 + np.hypot.reduce(x),
    "reduceat": lambda x: np.add.reduceat(x**2, [0, 2])[1] + np.add.reduce(np.outer(x, x), axis=(0, 1)),
    "norms": lambda x: (
        np.linalg.norm(x) + np.linalg.norm(positive(x)) + np.linalg.norm(x, 1) + np.linalg.norm(x, np.inf)
    ),
    "integrals": lambda x: np.trapezoid(x**2) + np.trapezoid(x, dx=0.1) + np.diff(x**2, 2) @ [1, 2] + np.gradient(x)[1],
    "any_all": lambda x: np.sum(np.where(np.any(x > 1), x, 0)) + np.sum(np.where((x > 0).all(), x**2, 0)),
    "python_sum": lambda x: sum(x) + sum(v**2 for v in x) + sum([np.sin(v) for v in x]),
    "cov": lambda x: np.cov(np.stack([x, x**2]))[0, 1] + np.corrcoef(x, x**2)[0, 1],
    "count": lambda x: np.count_nonzero(x > 0.4) * x[0] + np.searchsorted([0.0, 0.5, 1.0], x)[3] * x[1],
}
SHAPES = {
    "reshape": lambda x: np.sum(x.reshape(2, 2) @ x.reshape((2, -1))) + np.reshape(x, [2, 2])[1, 0] ** 2,
    "fortran": lambda x: np.reshape(x, (2, 2), order="F")[0, 1] ** 2 + x.reshape(2, 2).ravel(order="F")[1] ** 3,
    "flatten": lambda x: np.outer(x, x).flatten()[5] + np.outer(x, x).flat[6] + x.reshape(2, 2).T.flatten("F")[1] ** 2,
    "transpose": lambda x: (np.outer(x, x**2).T @ x)[0] + np.transpose(np.ones((2, 4)) * x, (1, 0))[2, 1] ** 2,
    "stack": lambda x: (
        np.prod(np.stack([x, np.cos(x)])) + np.vstack([x, [1, 2, 3, 4]])[1] @ x + np.hstack([x[0], x])[1]
    ),
    "concatenate": lambda x: (
        np.sum(np.concatenate([x, [1.0, 2.0], x[:2]]) ** 2) + np.concatenate((x, x), axis=0)[5] ** 2
    ),
    "block": lambda x: np.linalg.det(np.block([[positive(x), np.zeros((4, 1))], [np.zeros((1, 4)), x[0]]])),
    "columns": lambda x: np.column_stack([x, x**2])[2, 1] + np.dstack([x, x**3])[0, 1, 1] + np.append(x, 3.0)[2],
    "split": lambda x: (
        np.split(x, 2)[1] @ np.split(x, [2])[0] + np.array_split(x, 3)[0][1] ** 2 + np.hsplit(x, 2)[0][1]
    ),
    "broadcast": lambda x: np.sum(np.broadcast_to(x, (3, 4)) ** 2) + np.sum(x[:, None] * x[None, :] ** 2),
    "broadcast_arrays": lambda x: np.sum(np.multiply(*np.broadcast_arrays(x, np.ones((2, 1))))),
    "meshgrid": lambda x: (
        np.sum(np.multiply(*np.meshgrid(x, [1.0, 2.0]))) + np.sum(np.meshgrid(x, x, indexing="ij")[0] ** 2)
    ),
    "axes": lambda x: (
        np.moveaxis(np.ones((2, 3, 1)) * x, -1, 0)[1, 1, 1] ** 2 + np.swapaxes(np.outer(x, x**2), 0, 1)[1, 2]
    ),
    "dimensions": lambda x: np.expand_dims(x, 0)[0, 1] ** 2 + np.squeeze(x[None]) @ x + np.atleast_2d(x)[0, 2] ** 2,
    "triangles": lambda x: (
        np.sum(np.tril(np.outer(x, x))) + np.sum(np.triu(np.outer(x, x), 1)) + np.trace(np.outer(x, x))
    ),
    "diagonals": lambda x: np.sum(np.diag(x) @ x) + np.diag(np.outer(x, x**2)) @ x + np.diagonal(np.outer(x, x))[1],
    "roll": lambda x: (
        np.roll(x, 1) @ x + np.flip(x) @ x + np.rot90(np.outer(x, x**2))[0, 1] + np.fliplr(np.outer(x, x))[0, 0]
    ),
    "pad": lambda x: np.sum(np.pad(x, 2, mode="edge") ** 2) + np.pad(x, (1, 2), constant_values=3.0)[1] ** 2,
    "repeat": lambda x: (
        np.sum(np.repeat(x, 2) ** 2) + np.sum(np.tile(x, (2, 1)) ** 3) + np.repeat(x, [1, 0, 2, 1])[1] ** 2
    ),
    "sort": lambda x: np.sort(x) @ [1, 2, 3, 4] + np.sort(x, kind="stable")[0] ** 2 + np.partition(x, 1)[1] ** 2,
    "take": lambda x: (
        np.take(x, [0, -1]) @ [1, 2] + x.take(2) ** 2 + np.take_along_axis(x, np.array([1, 0]), 0)[0] ** 2
    ),
    "select": lambda x: (
        np.sum(np.select([x < 0.4, x < 1], [x**2, x**3], default=x)) + np.choose([0, 1, 0, 1], [x, x**2])[1]
    ),
    "insert": lambda x: (
        np.sum(np.insert(x, 1, x[0] ** 2) ** 2) + np.sum(np.delete(x, [1]) ** 2) + np.resize(x, 6)[5] ** 2
    ),
    "copies": lambda x: np.sum(np.copy(x) * x.copy() * copy.copy(x) * copy.deepcopy(x)) + x.astype(float) @ x,
    "tolist": lambda x: x.tolist()[1] ** 2 + np.outer(x, x).tolist()[0][1] + x[0].item() ** 2 + x.item(1) + x.item(2),
    "facts": lambda x: len(x) * x.shape[0] * np.ndim(x) * np.size(x) * x.size * x.ndim * np.shape(x)[0] * x[0] ** 2,
    "scalar_facts": lambda x: x[0] * (np.isscalar(x[0]) + np.ndim(x[0]) + np.size(x[0]) + x.itemsize + x.nbytes),
    "dtypes": lambda x: (
        x[0] ** 2 * (np.result_type(x, np.float32) == np.float64) * (x.dtype == float) * (x.dtype.kind == "f")
    ),
}
INDEXING = {
    "rosenbrock": lambda x: np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2),
    "rosenbrock_scalar": lambda x: 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2 + x[2] + x[-1],
    "slices": lambda x: x[::2] @ x[1::2] + x[::-1] @ x + x[-2:] @ x[:2] + x[...] @ x[:, None][:, 0],
    "lists": lambda x: x[[0, 2]] @ [1, 2] + x[np.array([3, 1])] @ x[[1, 1]] + np.outer(x, x**2)[[0, 1], [2, 3]].sum(),
    "static_mask": lambda x: (
        np.sum(x[np.array([True, False, True, False])] ** 2) + np.sum(x[[True, True, False, False]])
    ),
    "own_index": lambda x: np.sum(x[np.argsort(x)] * [1, 2, 3, 4]) + x[np.argmax(x)] ** 2 + x[np.argmin(x) - 1] ** 2,
    "two_dimensions": lambda x: np.outer(x, x**2)[1, 2] + np.outer(x, x)[1][2] ** 2 + np.outer(x, x**2)[:, 1] @ x,
    "ix": lambda x: np.sum(np.outer(x, x**2)[np.ix_([0, 2], [1, 3])]),
    "empty": lambda x: np.sum(x[[]]) + np.sum(x[4:]) + x[0] ** 2 + x[1][()] + x[2][None][0] + x[0][...],
    "unpacking": lambda x: (lambda a, b, *c: a * b + c[1] ** 2)(*x),
    "reversed": lambda x: (
        functools.reduce(lambda a, b: a * 2 + b**2, reversed(x), 0.0) + [*zip(x, x, strict=True)][1][0] ** 2
    ),
    "loop": loop,
    "rows": rows,
}
LINEAR_ALGEBRA = {
    "least_squares": lambda x: 0.5 * np.mean((DATA @ x - TARGET) ** 2),
    "determinant": lambda x: np.linalg.det(positive(x)) + np.linalg.slogdet(positive(x))[1],
    "inverse": lambda x: np.trace(np.linalg.inv(positive(x))) + np.linalg.matrix_power(np.outer(x, x), 2)[0, 1],
    "solve": lambda x: np.linalg.solve(positive(x), x) @ x + np.linalg.solve(positive(x), [1, 2, 3, 4]) @ x,
    "lstsq": lambda x: np.linalg.lstsq(DATA * x, TARGET, rcond=None)[0] @ x,
    "pinv": lambda x: np.sum(np.linalg.pinv(DATA * x)),
    "cholesky": lambda x: np.sum(np.linalg.cholesky(positive(x))),
    "cholesky_lower": lambda x: np.sum(np.linalg.cholesky(positive(x) + np.triu(np.outer(x, x), 1))),
    "eigenvalues": lambda x: (
        np.linalg.eigvalsh(positive(x)) @ [1, 2, 3, 4] + np.linalg.eigh(positive(x)).eigenvalues[0]
    ),
    "eigh_triangle": lambda x: np.linalg.eigh(SQUARE + np.triu(np.outer(x, x**2), 1), UPLO="U")[0] @ [1, 2, 3, 4],
    "singular_values": lambda x: np.linalg.svd(DATA * x, compute_uv=False) @ [4, 3, 2, 1] + np.linalg.norm(DATA * x, 2),
    "qr": lambda x: np.sum(np.abs(np.diag(np.linalg.qr(DATA * x).R))),
    "einsum": lambda x: (
        np.einsum("i,i->", x, x) + np.einsum("ij,j->i", DATA, x)[2] ** 2 + np.einsum("ij,i,j", SQUARE, x, x)
    ),
    "einsum_optimized": lambda x: np.einsum("ij,jk,k->i", DATA, SQUARE, x, optimize=True)[0] ** 2,
    "tensordot": lambda x: np.tensordot(SQUARE, np.outer(x, x), axes=2) + np.tensordot(x, SQUARE, axes=([0], [1])) @ x,
    "dots": lambda x: np.dot(x, x) + np.inner(x, x**2) + np.vdot(x, x) + x.dot(SQUARE).dot(x) + np.dot(x, [1, 2, 3, 4]),
    "kron": lambda x: (
        np.sum(np.kron(x, [1, 2]) ** 2) + np.sum(np.cross(x[:3], x[1:])) + np.linalg.multi_dot([x, SQUARE, x])
    ),
    "polynomials": lambda x: (
        np.polyval([1, 2, 3], x).sum() + np.polyval(x, 0.5) + np.polynomial.polynomial.polyval(0.5, x)
    ),
    "vander": lambda x: np.linalg.det(np.vander(x)) + np.convolve(x, [1, 2, 3])[2] + np.correlate(x, x, "full")[1],
    "interp": lambda x: np.interp(x, [0, 1, 2], [0.0, 5.0, 1.0]).sum() + np.interp(0.5, [0, 1, 2, 3], x),
    "fft": lambda x: (
        np.sum(np.abs(np.fft.fft(x)) ** 3)
        + np.fft.irfft(np.fft.rfft(x) ** 2)[1]
        + np.fft.fft2(np.outer(x, x))[1, 1].real
    ),
    "apply_along": lambda x: np.apply_along_axis(lambda row: np.sin(row).sum() * row[0], 1, np.outer(x, x)) @ x,
    "network": neural_network,
}
OBJECTS = {
    "array_of_scalars": lambda x: np.sum(np.array([x[0] * x[1], x[2] ** 2, 1.0]) ** 2),
    "array_meets_array": lambda x: (
        np.array([x[0], x[1] ** 2, x[2], 1]) @ x + np.sum(np.array([x[0], x[1]]) * x[:2] ** 2)
    ),
    "matrix_times_objects": lambda x: np.sum((DATA @ np.array([x[0], x[1] ** 2, x[2], x[3]])) ** 2),
    "matrix_of_scalars": lambda x: np.sum((np.array([[x[0], -x[1]], [x[1], x[0]]]) @ x[:2]) ** 2),
    "objects_alone": lambda x: (
        (np.array([x[0], x[1]]) @ np.array([x[1] ** 2, 2])) + np.dot(np.array([x[0], x[2]]), [1, 2])
    ),
    "object_loops": lambda x: np.sum(
        np.sin(np.array([x[0], x[1]])) + np.sqrt(np.array([x[2], x[3]])) + np.exp([x[0], x[1]])
    ),
    "object_binary": lambda x: np.sum(np.arctan2(np.array([x[0], x[1]]), 2.0) + np.power(np.array([x[0], x[1]]), 3)),
    "object_norm": lambda x: np.linalg.norm(np.array([x[0] * x[1], x[2]])) + np.mean(np.array([x[0], x[1] ** 2])),
    "object_sums": lambda x: (
        np.array([x[0] ** 2, x[1]]).sum() + np.prod([x[0], x[1]]) + np.cumsum([x[0], x[1]])[1] ** 2
    ),
    "lists": lambda x: (
        np.sum([x[0] ** 2, x[1]]) + x @ [x[0], x[1], 1, 2] + np.dot(x, [x[3], 0, 0, 1]) + np.mean([x[0], x[1]])
    ),
    "list_of_rows": lambda x: np.sum(np.array([x, x**2]) ** 2) + np.array([x[:2], x[2:]]).T[0, 1] ** 2,
    "asarray": lambda x: (
        np.sum(np.asarray(x) ** 2) + np.asarray(np.outer(x, x))[1, 2] + np.array(x, dtype=object)[0] ** 2
    ),
    "asarray_meets": lambda x: DATA[0] @ np.asarray(x) + np.asarray(x) @ x + np.sum(np.sin(x) * np.asarray(x)),
    "stack_objects": lambda x: (
        np.linalg.det(np.stack([np.array([x[0], x[1]]), x[2:]]))
        if not isinstance(x, np.ndarray)
        else x[0] * x[3] - x[1] * x[2]
    ),
    "r_": lambda x: np.sum(np.r_[x[0], 1.0, x] ** 2) + np.full(3, x[0]).sum() + np.atleast_1d(x[1])[0] ** 2,
    "vectorize": lambda x: (
        np.sum(np.vectorize(lambda t: t**2 + np.sin(t))(x)) + np.sum(np.frompyfunc(lambda t: t**3, 1, 1)(x))
    ),
    "linspace": lambda x: (
        np.sum(np.linspace(0, x[0], 5) ** 2) + np.linspace(x[0], x[1], 3)[1] ** 2 + np.logspace(0, x[0], 2)[1]
    ),
    "alias": rebound_alias,
    "out": explicit_out,
    "constants": constant_buffer,
    "object_buffer": object_buffer,
}
SPECIAL = {
    "normal": lambda x: np.sum(
        scipy.special.erf(x) + scipy.special.ndtr(x) * scipy.special.log_ndtr(x) + scipy.special.ndtri(x / 2)
    ),
    "logistic": lambda x: np.sum(scipy.special.expit(x) + scipy.special.logit(x / 2) + scipy.special.log_expit(x)),
    "gamma": lambda x: np.sum(
        scipy.special.gammaln(x) + scipy.special.gamma(x) * scipy.special.psi(x) + scipy.special.digamma(x)
    ),
    "incomplete": lambda x: np.sum(
        scipy.special.gammainc(2, x) + scipy.special.gammaincc(2.5, x) + scipy.special.betainc(2, 3, x / 2)
    ),
    "entropy": lambda x: np.sum(
        scipy.special.xlogy(x, x) + scipy.special.entr(x) + scipy.special.rel_entr(x, 2) + scipy.special.kl_div(x, 1)
    ),
    "bessel": lambda x: (
        np.sum(scipy.special.i0(x) * scipy.special.i1e(x) + scipy.special.expn(2, x)) + scipy.special.i0e(x[0])
    ),
    "beta": lambda x: np.sum(
        scipy.special.beta(x, 9.5) + scipy.special.betaln(9.5, x) + scipy.special.poch(x + 1, -0.2)
    ),
    "robust": lambda x: np.sum(
        scipy.special.huber(0.7, x)
        + scipy.special.pseudo_huber(0.7, x)
        + scipy.special.zeta(x + 2)
        + scipy.special.zeta(3, x)
    ),
    "transforms": lambda x: np.sum(
        scipy.special.boxcox(x, 0.3) + scipy.special.inv_boxcox(x, 0.3) + scipy.special.inv_boxcox1p(x, 0)
    ),
    "renamed": lambda x: np.sum(
        scipy.special.exp2(x)
        + scipy.special.exp10(x)
        + scipy.special.cbrt(x)
        + scipy.special.log1p(x)
        + scipy.special.cosm1(x)
        + scipy.special.erfcinv(x)
    ),
    "integrals": lambda x: np.sum(
        scipy.special.exp1(x)
        + scipy.special.expi(x)
        + scipy.special.sici(x)[0]
        + scipy.special.fresnel(x)[1]
        + scipy.special.spence(x)
    ),
}
GROUPS = {
    "arithmetic": ARITHMETIC,
    "elementary": ELEMENTARY,
    "reductions": REDUCTIONS,
    "shapes": SHAPES,
    "indexing": INDEXING,
    "linalg": LINEAR_ALGEBRA,
    "objects": OBJECTS,
    "special": SPECIAL,
}
FUNCTIONS = [(group, name) for group, table in GROUPS.items() for name in table]


@functools.cache
def readings(group):
    """Value and slope of each function of a group, traced one by one and compiled in one program."""
    x, v = jnp.asarray(X), jnp.asarray(DIRECTION)
    traced, failed = {}, {}
    for name, f in GROUPS[group].items():
        try:
            traced[name] = jax.make_jaxpr(lambda x, v, f=f: jax.jvp(numpy_door(f), (x,), (v,)))(x, v)
        except Exception as error:
            failed[name] = error
    program = jax.jit(lambda: {name: jax.core.eval_jaxpr(one.jaxpr, one.consts, x, v) for name, one in traced.items()})
    return program.lower().compile(compiler_options={"xla_backend_optimization_level": 0})() | failed


@pytest.mark.parametrize(("group", "name"), FUNCTIONS)
def test_value_and_derivative_are_those_of_numpy(group, name):
    f, read = GROUPS[group][name], readings(group)[name]
    if isinstance(read, Exception):
        raise read
    value, derivative = read
    assert (value.shape, value.dtype) == ((), np.float64)
    np.testing.assert_allclose(value, f(X.copy()), rtol=1e-13)
    np.testing.assert_allclose(derivative, slope(f, X, DIRECTION), rtol=1e-8, atol=1e-8)


def scipy_ufuncs():
    return [u for u in vars(scipy.special).values() if isinstance(u, np.ufunc)]


def test_every_ufunc_of_numpy_is_read():
    ufuncs = {u for u in vars(np).values() if isinstance(u, np.ufunc)}
    assert {u.__name__ for u in ufuncs if ufunc_reading(u) is None} == {"isnat"}


def test_ufuncs_of_scipy_that_are_not_read_are_refused_by_name():
    read = {u for u in scipy_ufuncs() if ufunc_reading(u)}
    assert len(read) >= 50
    for ufunc in {*scipy_ufuncs()} - read:
        with pytest.raises(Unreadable, match=rf"JAX has no {ufunc.__name__}"):
            numpy_door(lambda x, u=ufunc: u(*[x] * u.nin))(jnp.asarray(X))


@pytest.mark.parametrize(
    "ufunc", sorted((u for u in scipy_ufuncs() if ufunc_reading(u)), key=lambda u: u.__name__), ids=lambda u: u.__name__
)
def test_special_functions_are_accurate(ufunc):
    """On (0, 1), with the parameters before the last one spread over small and large values."""
    x = np.array([0.05, 0.31, 0.52, 0.83, 0.97])
    parameters = [np.array([1.7, 0.4, 9.5, 2.0, 25.0]), np.array([0.3, 3.5, 1.2, 12.0, 6.0])][: ufunc.nin - 1]
    if ufunc.__name__ == "expn":
        parameters = [np.array([0, 1, 2, 3, 20])]
    ours = numpy_door(lambda x: ufunc(*parameters, x))(jnp.asarray(x))
    for one, reference in zip(jax.tree.leaves(ours), np.atleast_2d(ufunc(*parameters, x)), strict=True):
        np.testing.assert_allclose(one, reference, rtol=2e-13, atol=1e-300)


@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_exponential_integrals_have_second_derivatives(order):
    x = jnp.asarray(0.7)
    second = jax.jit(jax.grad(jax.grad(numpy_door(lambda x: scipy.special.expn(order, x)))))(x)
    step = 1e-3
    at = [scipy.special.expn(order, 0.7 + k * step) for k in (-2, -1, 0, 1, 2)]
    np.testing.assert_allclose(second, np.dot([-1, 16, -30, 16, -1], at) / (12 * step**2), rtol=1e-7)


# --- lecture examples -----------------------------------------------------------------------------------------------


def test_lecture_examples_have_their_hessians():
    data, target = np.array([[1.0, 1.0], [1.0, 2.0], [1.0, 3.0]]), np.array([1.0, 2.0, 3.0])

    def hessian(f, x):
        return jax.jit(jax.hessian(numpy_door(f)))(jnp.asarray(x))

    loss = hessian(lambda w: np.mean((data @ w - target) ** 2) / 2, [0.0, 1.0])
    np.testing.assert_allclose(loss, data.T @ data / 3, rtol=1e-15)
    mixed = hessian(lambda x: x[0] ** 2 + x[1] ** 2 + x[0] * x[1], [0.3, 0.4])
    np.testing.assert_array_equal(mixed, [[2, 1], [1, 2]])
    assert hessian(lambda x: np.power(x, 4), 1.5) == 12 * 1.5**2
    assert hessian(lambda x: x**3 - 3 * x, 1.0) == 6
    softmax = hessian(lambda x: np.logaddexp.reduce(x), np.zeros(3))
    np.testing.assert_allclose(softmax, np.eye(3) / 3 - 1 / 9, atol=1e-15)


def test_hessian_of_a_determinant():
    matrix = jnp.array([[2.0, 1.0], [0.5, 3.0]])
    hessian = jax.jit(jax.hessian(numpy_door(lambda a: np.linalg.det(a))))(matrix).reshape(4, 4)
    np.testing.assert_allclose(
        hessian, np.array([[0, 0, 0, 1], [0, 0, -1, 0], [0, -1, 0, 0], [1, 0, 0, 0]]), atol=1e-15
    )


@pytest.mark.parametrize("uplo", ["L", "U"])
def test_symmetric_eigenvalues_depend_on_one_triangle_only(uplo):
    matrix = jnp.asarray(SQUARE)
    gradient = jax.jit(jax.grad(numpy_door(lambda a: np.linalg.eigvalsh(a, UPLO=uplo)[-1])))(matrix)
    vector = np.linalg.eigh(SQUARE)[1][:, -1]
    full = np.outer(vector, vector)
    expected = np.tril(full + full.T, -1) + np.diag(np.diag(full))
    np.testing.assert_allclose(gradient, expected if uplo == "L" else expected.T, atol=1e-13)


# --- what goes in and what comes out --------------------------------------------------------------------------------


def test_pytrees_keep_their_structure():
    def f(parameters, scale, *, shift):
        weights, (bias, label) = parameters["w"], parameters["rest"]
        listed = [weights[0] * scale, 2.0, np.array([bias, 1.0])]
        return {"list": listed, "array": np.ones(2), "label": label, "none": None, "sum": np.sum(weights) + shift}

    result = numpy_door(f)({"w": jnp.ones(3), "rest": (jnp.asarray(2.0), "name")}, 3.0, shift=jnp.asarray(1.0))
    assert [float(leaf) for leaf in result["list"][:2]] == [3.0, 2.0]
    np.testing.assert_array_equal(result["list"][2], [2.0, 1.0])
    assert result["label"] == "name"
    assert result["none"] is None
    assert all(isinstance(leaf, jax.Array) for leaf in (*result["list"], result["array"], result["sum"]))
    assert result["sum"] == 4.0


@pytest.mark.parametrize(
    "f",
    [
        lambda x: [x[0] * x[1], x[2]],
        lambda x: np.array([[x[0] * x[1]], [x[2]]]),
        lambda x: (np.sin(x), 3),
        lambda x: divmod(x, 0.7),
        lambda x: np.split(x, 2),
        lambda x: np.asarray(x[0]),
        lambda x: list(x),
        lambda x: np.argsort(x),
        lambda x: x > 0.4,
    ],
)
def test_results_have_numpy_values_shapes_and_dtypes(f):
    read, plain = jax.jit(numpy_door(f))(jnp.asarray(X)), f(X)
    assert jax.tree.structure(read) == jax.tree.structure(plain)
    for ours, reference in zip(jax.tree.leaves(read), jax.tree.leaves(plain), strict=True):
        assert (ours.shape, ours.dtype) == (np.shape(reference), np.asarray(reference).dtype)
        np.testing.assert_allclose(ours, reference, rtol=1e-15)


def test_the_door_works_under_every_transformation():
    f = numpy_door(lambda x: np.sum(np.sin(x) ** 2))
    points = jnp.asarray(DATA)
    np.testing.assert_allclose(jax.vmap(f)(points), np.sum(np.sin(DATA) ** 2, axis=1), rtol=1e-14)
    np.testing.assert_allclose(jax.jit(jax.vmap(jax.grad(f)))(points), np.sin(2 * DATA), atol=1e-14)


def test_jax_numpy_and_jit_accept_thin_arrays():
    mixed = numpy_door(lambda x: jnp.sum(jax.jit(lambda y: y * 2)(np.sin(x))) + jnp.eye(4)[0] @ x)
    np.testing.assert_allclose(mixed(jnp.asarray(X)), np.sum(2 * np.sin(X)) + X[0], rtol=1e-15)


def test_tree_map_and_numpy_mix():
    f = numpy_door(lambda tree: sum(np.sum(leaf**2) for leaf in jax.tree.leaves(jax.tree.map(lambda p: 2 * p, tree))))
    assert f({"a": jnp.ones(2), "b": jnp.asarray(3.0)}) == 44


def test_single_precision_without_x64():
    with jax.enable_x64(False):
        result = numpy_door(lambda w: np.mean((DATA @ w - TARGET) ** 2) + np.power(w, 2).sum())(jnp.ones(4))
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, np.mean((DATA.sum(1) - TARGET) ** 2) + 4, rtol=1e-6)


def test_the_name_and_the_function_are_kept():
    assert numpy_door(neural_network).__name__ == "neural_network"
    assert numpy_door(functools.partial(np.sum, axis=0))(jnp.ones((2, 3))).tolist() == [2, 2, 2]


# --- NumPy's own rules ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("left", [np.float32, np.float64, np.int32, np.int64, bool, np.complex128])
@pytest.mark.parametrize(
    "right", [np.float32(2), 2.0, 2, np.int64(3), np.ones(2, np.float32), np.arange(1, 3), 1j, True]
)
@pytest.mark.parametrize("ufunc", [np.add, np.true_divide, np.power, np.arctan2, np.equal])
def test_dtypes_are_promoted_as_in_numpy(left, right, ufunc):
    x = np.array([1, 1], left)
    try:
        expected = ufunc(x, right)
    except TypeError:
        with pytest.raises(TypeError):
            numpy_door(lambda x: ufunc(x, right))(jnp.asarray(x))
        return
    result = jax.eval_shape(numpy_door(lambda x: ufunc(x, right)), jnp.asarray(x))
    assert (result.shape, result.dtype) == (expected.shape, expected.dtype)


@pytest.mark.parametrize(
    ("f", "error"),
    [
        (lambda x: x[4], IndexError),
        (lambda x: x[-5], IndexError),
        (lambda x: x[[0, 7]], IndexError),
        (lambda x: x[0, 1], IndexError),
        (lambda x: x[0][0], IndexError),
        (lambda x: x[0.5], IndexError),
        (lambda x: x[np.array([True, False])], IndexError),
        (lambda x: np.take(x, 9), IndexError),
        (lambda x: x + np.ones(3), ValueError),
        (lambda x: np.argsort(x) ** -1, ValueError),
        (lambda x: np.choose([0, 2, 0, 0], [x, x]), ValueError),
        (lambda x: (x > 0) - (x > 1), TypeError),
        (lambda x: x & 1, TypeError),
        (lambda x: len(x[0]), TypeError),
        (lambda x: iter(x[0]), TypeError),
        (lambda x: {x: 1}, TypeError),
        (lambda x: x.nonsense, AttributeError),
        (lambda x: x.item(), ValueError),
        (lambda x: bool(x > 0), ValueError),
    ],
)
def test_errors_of_numpy_stay_errors_of_numpy(f, error):
    with pytest.raises(error):
        f(X)
    with pytest.raises(error) as caught:
        numpy_door(f)(jnp.asarray(X))
    assert not isinstance(caught.value, Unreadable)


def test_in_place_operators_keep_dtype_and_shape():
    def cast(x):
        n = np.argsort(x)
        n += 0.5
        return n

    def grow(x):
        y = np.sin(x)
        y += np.ones((2, 4))
        return y

    for f, error in ((cast, TypeError), (grow, ValueError)):
        with pytest.raises(error):
            f(X)
        with pytest.raises(error):
            numpy_door(f)(jnp.asarray(X))


def test_in_place_operators_leave_the_callers_array_alone():
    def f(x):
        x *= 3
        return np.sum(x)

    x = jnp.asarray(X)
    np.testing.assert_allclose(jax.grad(numpy_door(f))(x), 3 * np.ones(4))
    np.testing.assert_array_equal(x, X)


def test_none_and_strings_equal_no_number():
    result = numpy_door(lambda x: [x[0] == None, x == "a", x != None, x[0] != "a"])(jnp.asarray(X))  # noqa: E711
    assert [np.asarray(one).tolist() for one in result] == [False, [False] * 4, [True] * 4, True]


def test_an_index_out_of_range_that_cannot_be_checked_gives_nan():
    result = numpy_door(lambda x: x[np.argmax(x) + 1])(jnp.asarray(X))
    assert np.isnan(result)


def test_scalars_are_numbers():
    def f(x):
        cache = {x[0]: 1}
        assert np.isscalar(x[0])
        assert f"{x[0]:.3f}" == str(x[0]) == repr(x[0])
        assert "float64" in np.array2string(x)
        assert x.flat[1].dtype == np.float64
        assert np.shape(x[0]) == ()
        return x[0] * len(cache)

    assert numpy_door(f)(jnp.asarray(X)) == X[0]


SHAPE = (3, 4, 2)


@settings(deadline=None, max_examples=20)
@given(arrays.basic_indices(SHAPE, allow_newaxis=True))
def test_basic_indices_are_those_of_numpy(index):
    x = np.arange(24.0).reshape(SHAPE)
    with jax.enable_x64(True):
        result = numpy_door(lambda x: x[index])(jnp.asarray(x))
    assert result.shape == np.shape(x[index])
    np.testing.assert_array_equal(result, x[index])


@settings(deadline=None, max_examples=20)
@given(
    st.one_of(
        arrays.integer_array_indices(SHAPE, result_shape=arrays.array_shapes(max_dims=2, max_side=4)),
        arrays.arrays(bool, SHAPE),
        arrays.arrays(bool, SHAPE[:1]),
        st.lists(st.integers(-4, 3), max_size=4),
        st.tuples(st.just(slice(None)), st.lists(st.integers(-4, 3), max_size=4), st.integers(-2, 2)),
    )
)
def test_fancy_indices_are_those_of_numpy(index):
    x = np.arange(24.0).reshape(SHAPE)
    with jax.enable_x64(True):
        try:
            expected = x[index]
        except IndexError:
            with pytest.raises(IndexError):
                numpy_door(lambda x: x[index])(jnp.asarray(x))
            return
        result = numpy_door(lambda x: x[index])(jnp.asarray(x))
    assert result.shape == expected.shape
    np.testing.assert_array_equal(result, expected)
