"""Programs for ``test_programs.py``: linear algebra, factorisations, implicit solves."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import jax.scipy.linalg as scipy_linalg
import numpy as np
from jax import lax
from jet_oracle import Program

X = np.array([0.3, 0.7, 0.5])
A = np.array([[1.9, -0.4, 0.3], [0.2, 1.1, -0.7], [-0.5, 0.6, 1.8]])
SYMMETRIC = np.array([[2.1, 0.4, -0.3], [0.4, 3.2, 0.5], [-0.3, 0.5, 4.4]])
TALL = np.array([[0.9, -0.4], [0.2, 1.1], [-0.5, 0.6]])
FOUR = np.random.default_rng(5).normal(size=(4, 4)) + 2 * np.eye(4)


def _definite(x):
    return jnp.outer(x, x) + jnp.diag(jnp.exp(x) + 1) + SYMMETRIC


def _gaussian_process(x, scale):
    kernel = jnp.exp(-((x[:, None] - x[None]) ** 2) / (2 * scale**2)) + 0.1 * jnp.eye(3)
    factor = jnp.linalg.cholesky(kernel)
    return jnp.sum(scipy_linalg.solve_triangular(factor, jnp.sin(x), lower=True) ** 2) + jnp.sum(
        jnp.log(jnp.diag(factor))
    )


def _own_linear_solve(a, b):
    def solve(matvec, rhs):
        return jnp.linalg.solve(jax.jacobian(matvec)(jnp.zeros(3)), rhs)

    return lax.custom_linear_solve(lambda v: a @ v, b, solve, transpose_solve=solve)


def _own_root(a):
    def newton(f, start):
        return lax.fori_loop(0, 25, lambda _, y: y - f(y) / (3 * y**2 + 1), start)

    return lax.custom_root(lambda y: y**3 + y - a, 0.5 * a, newton, lambda g, b: b / g(jnp.ones_like(b)))


def _real_root(a):
    """Cardano's formula for y³ + y = a, which nested jvp reads."""
    root = jnp.sqrt(a**2 / 4 + 1 / 27)
    return jnp.cbrt(root + a / 2) - jnp.cbrt(root - a / 2)


def _eig(a):
    """What ``jnp.linalg.eig`` gives, with the option that lets JAX differentiate it."""
    return lax.linalg.eig(a, compute_left_eigenvectors=False, enable_eigvec_derivs=True)


PROGRAMS = {
    "solve": Program(lambda a, x: jnp.linalg.solve(a, jnp.sin(x)), (A, X)),
    "solve_many": Program(lambda a: jnp.linalg.solve(a, SYMMETRIC), (A,)),
    "solve_batched": Program(lambda a, x: jax.vmap(lambda s: jnp.linalg.solve(a * s, x))(x), (A, X)),
    "inverse": Program(lambda a: jnp.linalg.inv(a) @ a[:, 0] ** 2, (A,)),
    "determinant": Program(lambda a: jnp.linalg.det(a), (A,)),
    "determinant_2": Program(lambda a: jnp.linalg.det(a[:2, :2]), (A,)),
    "determinant_4": Program(lambda a: jnp.linalg.det(jnp.sin(a)), (FOUR,)),
    "determinant_of_permutation": Program(jnp.linalg.det, (np.array([[0.0, 1.0, 0], [1.0, 0, 0], [0, 0, 2.0]]),)),
    "sign_and_log_determinant": Program(lambda a: jnp.linalg.slogdet(a)[1], (A,)),
    "cholesky": Program(lambda x: jnp.linalg.cholesky(_definite(x)), (X,)),
    "cholesky_solve": Program(lambda x: scipy_linalg.cho_solve(scipy_linalg.cho_factor(_definite(x)), x), (X,)),
    "triangular_solve": Program(lambda a, x: scipy_linalg.solve_triangular(a, x, lower=True), (A, X)),
    "triangular_solve_transposed": Program(
        lambda a, x: scipy_linalg.solve_triangular(a, jnp.outer(x, x), trans=1, unit_diagonal=True), (A, X)
    ),
    "lu": Program(lambda a: scipy_linalg.lu(a)[1:], (A,)),
    "qr": Program(lambda a: jnp.linalg.qr(a), (TALL,), rtol=1e-8),
    "eigenvalues": Program(lambda x: jnp.linalg.eigvalsh(_definite(x)), (X,), rtol=1e-8),
    "eigenvectors": Program(lambda x: jnp.linalg.eigh(_definite(x))[1], (X,), rtol=1e-7),
    "general_eigenvalues": Program(jnp.linalg.eigvals, (A,), like=lambda a: _eig(a)[0], rtol=1e-8),
    "general_eigenvectors": Program(jnp.linalg.eig, (FOUR,), like=_eig, rtol=1e-7),
    "spectral_radius": Program(
        lambda a: jnp.max(jnp.abs(jnp.linalg.eigvals(a))), (A,), like=lambda a: jnp.max(jnp.abs(_eig(a)[0])), rtol=1e-8
    ),
    "qr_of_square_and_wide": Program(lambda a: (jnp.linalg.qr(a), jnp.linalg.qr(a[:2])), (A,), rtol=1e-8),
    "lu_of_tall": Program(lambda a: scipy_linalg.lu(a)[1:], (TALL,)),
    "factor_updated": Program(
        lambda x: lax.linalg.cholesky_update(jnp.linalg.cholesky(_definite(x)).T, x),
        (X,),
        like=lambda x: jnp.linalg.cholesky(_definite(x) + jnp.outer(x, x)).T,
    ),
    "determinant_of_rank_one": Program(
        lambda x: jnp.linalg.det(jnp.outer(x, x) + jnp.diag(x - X)),
        (X,),
        like=lambda x: jnp.prod(x - X) + sum(x[i] ** 2 * jnp.prod(jnp.delete(x - X, i)) for i in range(3)),
    ),
    "singular_values": Program(lambda a: jnp.linalg.svd(a, compute_uv=False), (TALL,), rtol=1e-8),
    "singular_vectors": Program(lambda a: jnp.linalg.svd(a, full_matrices=False)[::2], (TALL,), rtol=1e-7),
    "nuclear_norm": Program(lambda a: jnp.linalg.norm(a, "nuc"), (TALL,), rtol=1e-8),
    "pseudo_inverse": Program(jnp.linalg.pinv, (TALL,), rtol=1e-7),
    "least_squares": Program(lambda a, x: jnp.linalg.lstsq(a, x)[0], (TALL, X), rtol=1e-7),
    "matrix_exponential": Program(lambda a: scipy_linalg.expm(0.3 * a), (A,)),
    "matrix_power": Program(lambda a: jnp.linalg.matrix_power(a, 5) + jnp.linalg.matrix_power(a, -1), (A,)),
    "tridiagonal_solve": Program(
        lambda x: lax.linalg.tridiagonal_solve(x, jnp.exp(x) + 2, jnp.sin(x), x[:, None]), (X,)
    ),
    "conjugate_gradients": Program(
        lambda x: jax.scipy.sparse.linalg.cg(lambda v: _definite(x) @ v, x, tol=1e-14, maxiter=10)[0],
        (X,),
        like=lambda x: jnp.linalg.solve(_definite(x), x),
        rtol=1e-8,
    ),
    "gaussian_process": Program(_gaussian_process, (X, np.array(0.8))),
    "custom_linear_solve": Program(_own_linear_solve, (A, X), like=lambda a, b: jnp.linalg.solve(a, b)),
    "custom_root": Program(_own_root, (X,), like=_real_root),
    "multi_dot_and_cross": Program(lambda a, x: jnp.cross(jnp.linalg.multi_dot([a, a, x]), x), (A, X)),
}
