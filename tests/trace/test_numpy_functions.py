"""More than a hundred plain NumPy functions, read through the door, against NumPy itself and its differences."""

import copy
import functools
import math

import jax
import jax.extend.core
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from osculate._trace.numpy_door import numpy_door

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
def readings(group, quickly):
    """Value and slope of each function of a group, traced one by one and compiled in one program."""
    x, v = jnp.asarray(X), jnp.asarray(DIRECTION)
    traced, failed = {}, {}
    for name, f in GROUPS[group].items():
        try:
            program = jax.make_jaxpr(lambda x, v, f=f: jax.jvp(numpy_door(f), (x,), (v,)))(x, v)
            traced[name] = jax.extend.core.jaxpr_as_fun(program)
        except Exception as error:
            failed[name] = error
    return quickly(lambda x, v: {name: program(x, v) for name, program in traced.items()}, x, v) | failed


@pytest.mark.parametrize(("group", "name"), FUNCTIONS)
def test_value_and_derivative_are_those_of_numpy(group, name, quickly):
    f, read = GROUPS[group][name], readings(group, quickly)[name]
    if isinstance(read, Exception):
        raise read
    value, derivative = read
    assert (value.shape, value.dtype) == ((), np.float64)
    np.testing.assert_allclose(value, f(X.copy()), rtol=1e-13)
    np.testing.assert_allclose(derivative, slope(f, X, DIRECTION), rtol=1e-8, atol=1e-8)
