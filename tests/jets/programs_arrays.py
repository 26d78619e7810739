"""Programs for ``test_programs.py``: reductions, contractions, indexing, sorting, transforms of arrays."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jet_oracle import Program

X = np.array([0.3, 0.7, 0.5])
W = np.array([-0.8, 1.2, 0.4])
A = np.array([[0.9, -0.4, 0.3], [0.2, 1.1, -0.7], [-0.5, 0.6, 0.8]])
B = np.array([[0.1, 0.5, -1.2], [0.7, -0.3, 0.4], [1.3, 0.2, 0.6]])
CUBE = np.random.default_rng(1).normal(size=(2, 3, 4))
IMAGE = np.random.default_rng(2).normal(size=(1, 2, 4, 4))
KERNEL = np.random.default_rng(3).normal(size=(2, 2, 2, 2))
GROUPED = np.random.default_rng(4).normal(size=(4, 1, 2, 2))
REPEATED = np.array([0, 2, 0])


def _layer_norm(x, scale):
    centred = x - jnp.mean(x)
    return scale * centred * lax.rsqrt(jnp.mean(centred**2) + 1e-5)


def _pooled(x):
    largest = lax.reduce_window(x, -jnp.inf, lax.max, (2, 2), (1, 1), "VALID")
    return largest * lax.reduce_window(jnp.sin(x), 0.0, lax.add, (2, 2), (1, 1), "VALID")


def _dynamic(a):
    start = jnp.argmax(a[:, 0])
    return lax.dynamic_slice(a, (start, 0), (2, 2)) * lax.dynamic_index_in_dim(a, 1, keepdims=False)[0]


def _updated(a, x):
    b = lax.dynamic_update_slice(a, jnp.sin(x)[None, :2], (1, 1))
    return b.at[0].set(x).at[REPEATED, 1].add(x**2) @ x


def _multiplied(a, x):
    column = a[:, 1] * jnp.stack([x[0] * x[2], 1.0, x[1]])
    return jnp.stack([a[:, 0], column, a[:, 2]], axis=1)


PROGRAMS = {
    "sums_and_means": Program(lambda a: jnp.sum(a**2, 0) * jnp.mean(jnp.exp(a), 1) + jnp.var(a), (A,)),
    "product": Program(lambda a: jnp.prod(a, axis=1) + jnp.prod(a), (A,)),
    "product_with_zero": Program(lambda x: jnp.prod(x), (np.array([0.0, 0.7, 0.5]),)),
    "extrema": Program(lambda a: jnp.max(a, 0) * jnp.min(a, 1) + jnp.ptp(a), (A,)),
    "cumulative_sum": Program(lambda a: jnp.cumsum(a**2, 0) + lax.cumsum(a, 1, reverse=True), (A,)),
    "cumulative_product": Program(lambda a: jnp.cumprod(a, 1) + lax.cumprod(a, 0, reverse=True), (A,)),
    "cumulative_extrema": Program(lambda a: lax.cummax(a, 0) * lax.cummin(a, 1, reverse=True), (A,)),
    "cumulative_log_sum_exp": Program(lambda a: lax.cumlogsumexp(a, 1), (A,)),
    "log_sum_exp": Program(lambda a: jax.nn.logsumexp(a, 1) * jax.nn.logmeanexp(a, 0), (A,)),
    "weighted_log_sum_exp": Program(lambda x, w: jax.scipy.special.logsumexp(x, b=w**2), (X, W)),
    "softmax": Program(lambda a: jax.nn.softmax(a, 1) * jax.nn.log_softmax(a, 0), (A,)),
    "layer_norm": Program(_layer_norm, (X, W)),
    "norms": Program(lambda x: jnp.linalg.norm(x) + jnp.linalg.norm(x, 3) + jnp.linalg.norm(x, 1), (W,)),
    "dot_products": Program(lambda x, w: jnp.dot(x, w) * jnp.vdot(x, x) + jnp.inner(w, w**2), (X, W)),
    "matrix_products": Program(lambda a, b: a @ b @ a - b.T @ a, (A, B)),
    "einsum_trilinear": Program(lambda a, b, x: jnp.einsum("ij,jk,k->i", a, b, x), (A, B, X)),
    "einsum_batched": Program(lambda c: jnp.einsum("bij,bkj->bik", c, jnp.sin(c)), (CUBE,)),
    "outer_and_kron": Program(lambda x, w: jnp.outer(x, w) @ jnp.kron(x, w)[:3], (X, W)),
    "bilinear_form_one_constant": Program(lambda x: x @ B @ jnp.sin(x), (X,)),
    "convolution_1d": Program(lambda x, w: jnp.convolve(x, jnp.exp(w), mode="same") + jnp.correlate(x, w), (X, W)),
    "convolution_2d": Program(lambda i, k: lax.conv_general_dilated(i, k, (2, 1), "SAME"), (IMAGE, KERNEL)),
    "convolution_grouped": Program(
        lambda i, k: lax.conv_general_dilated(i, k, (1, 1), "VALID", rhs_dilation=(2, 1), feature_group_count=2),
        (IMAGE, GROUPED),
    ),
    "convolution_transposed": Program(
        lambda i: lax.conv_transpose(i, jnp.ones((2, 2, 4, 1)), (2, 2), "SAME"), (IMAGE,)
    ),
    "pooling": Program(_pooled, (A,)),
    "reduce_custom": Program(lambda a: lax.reduce(a, 1.0, lax.mul, (0,)), (A,)),
    "static_index": Program(lambda a: a[1] * a[::-1, 2] + a[-1, -1] ** 2, (A,)),
    "gather": Program(lambda a: jnp.sin(a)[np.array([2, 0, 2]), np.array([0, 1, 1])], (A,)),
    "gather_computed": Program(lambda x: x[jnp.argsort(jnp.sin(5 * x))] * x, (X,)),
    "gather_filled": Program(lambda x: x.at[np.array([0, 5])].get(mode="fill", fill_value=2.0) ** 2, (X,)),
    "dynamic_slices": Program(_dynamic, (A,)),
    "updates": Program(_updated, (A, X)),
    "scatter_multiply": Program(lambda a, x: a.at[np.array([2, 0, 1]), 1].multiply(x, unique_indices=True), (A, X)),
    "scatter_extrema": Program(lambda a, x: a.at[REPEATED, 0].max(x) * a.at[REPEATED, 1].min(x), (A, X)),
    "scatter_power_and_divide": Program(lambda x: x.at[1].power(3.0).at[0].divide(x[2]), (X,)),
    "segment_sum": Program(lambda x: jax.ops.segment_sum(x**2, REPEATED, 3) * x, (X,)),
    "take_along_axis": Program(lambda a: jnp.take_along_axis(a**2, jnp.argsort(a, 1), 1), (A,)),
    "scatter_multiply_repeated": Program(
        lambda a, x: a.at[REPEATED, 1].multiply(x),
        (A, X),
        like=_multiplied,
    ),
    "segment_products": Program(
        lambda x: jax.ops.segment_prod(x**2, REPEATED, 3) * x,
        (X,),
        like=lambda x: jnp.stack([x[0] ** 2 * x[2] ** 2, 1.0, x[1] ** 2]) * x,
    ),
    "window_products": Program(
        lambda a: lax.reduce_window(a, 1.0, lax.mul, (2, 2), (1, 1), "VALID"),
        (A,),
        like=lambda a: a[:-1, :-1] * a[1:, :-1] * a[:-1, 1:] * a[1:, 1:],
    ),
    "window_sums_and_minima": Program(
        lambda a: (
            lax.reduce_window(a, 0.0, lax.add, (2, 2), (1, 2), "SAME")
            * lax.reduce_window(a, jnp.inf, lax.min, (2, 2), (1, 2), "SAME")
        ),
        (A,),
    ),
    "gradient_of_pooling": Program(jax.grad(lambda a: jnp.sum(_pooled(a) ** 2)), (A,)),
    "norms_squared": Program(lambda x: jnp.linalg.norm(x) ** 2 * jnp.linalg.norm(jnp.sin(x)) ** 4, (W,)),
    "sort": Program(lambda a: jnp.sort(a**2, axis=0) * np.arange(3.0), (A,)),
    "sort_several": Program(lambda x, w: lax.sort((x, w * x, w), num_keys=1)[1:], (X, W)),
    "top_k": Program(lambda a: lax.top_k(jnp.sin(a), 2)[0], (A,)),
    "median_and_quantile": Program(lambda a: jnp.median(a, 0) * jnp.quantile(a, 0.3, axis=1), (A,)),
    "argmax_selects": Program(lambda x: jnp.exp(x)[jnp.argmax(jnp.cos(x))] * x, (X,)),
    "interpolate": Program(lambda x, y: jnp.interp(x, np.array([0.0, 0.4, 1.0]), y**2), (X, W)),
    "interpolate_nodes": Program(lambda x, n: jnp.interp(x, n, W), (X, np.array([0.1, 0.6, 1.1]))),
    "fourier": Program(lambda x: jnp.abs(jnp.fft.fft(x)) ** 2 + jnp.real(jnp.fft.ifft(jnp.exp(1j * x))), (X,)),
    "fourier_real": Program(lambda a: jnp.fft.irfft(jnp.fft.rfft(a, axis=1) ** 2, n=3, axis=1), (A,)),
    "fourier_2d": Program(lambda a: jnp.imag(jnp.fft.fft2(jnp.sin(a))) + jnp.fft.fftshift(a), (A,)),
    "rearranged": Program(lambda a: jnp.roll(a, 1, 0) * jnp.flip(a, 1) + jnp.rot90(a).T.reshape(3, 3) ** 2, (A,)),
    "padding": Program(lambda x: jnp.pad(x, 2, mode="reflect") * jnp.pad(x, 2, constant_values=2.0), (X,)),
    "interior_padding": Program(lambda x, w: lax.pad(x, w[0], ((1, -1, 2),)) ** 2, (X, W)),
    "joined_and_split": Program(
        lambda x, w: jnp.split(jnp.concatenate([x, w**2]), 3)[1] * jnp.stack([x, w])[1, :2], (X, W)
    ),
    "triangles_and_diagonals": Program(lambda a: jnp.tril(a) @ jnp.triu(a, 1) + jnp.diag(jnp.diag(a) ** 2), (A,)),
    "trace_and_repeat": Program(lambda a: jnp.trace(a @ a) * jnp.repeat(a[0], 2) * jnp.tile(a[1], 2), (A,)),
    "finite_differences": Program(lambda x: jnp.gradient(x**2) * jnp.diff(jnp.sin(x), prepend=0.0), (X,)),
    "polynomial_values": Program(lambda c, x: jnp.polyval(c, x) + jnp.vander(x)[:, 0], (W, X)),
    "one_hot_product": Program(lambda a: jax.nn.one_hot(jnp.array([2, 0]), 3) @ jnp.sin(a), (A,)),
    "associative_scan": Program(lambda x: lax.associative_scan(lambda p, q: p * q + q, x), (X,)),
    "masked_mean": Program(lambda x: jnp.mean(jnp.exp(x), where=np.array([True, False, True])), (X,)),
    "covariance": Program(lambda a: jnp.cov(a) + jnp.corrcoef(a), (A,)),
    "distances": Program(lambda a: jnp.sum(jnp.exp(-jnp.sum((a[:, None] - a[None]) ** 2, -1)), 0), (A,)),
}
