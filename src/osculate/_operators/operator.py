"""A symmetric curvature matrix known by its products."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from osculate._arguments import refuse_tracers
from osculate._errors import OsculateError, WrongInput, WrongType
from osculate._linear import memory_in_bytes
from osculate._results import Estimate
from osculate._spectrum.diagonal import diagonal as estimated_diagonal
from osculate._spectrum.trace import trace as estimated_trace
from osculate._trace import Precision, at_top_level, is_traced

from .factorised import Factorised
from .product import HostProduct, Product
from .solve import solve

if TYPE_CHECKING:
    from scipy.sparse.linalg import LinearOperator

_ASKED = "CurvatureOperator"


@dataclass(frozen=True, eq=False)
class CurvatureOperator(Factorised):
    """A symmetric n × n matrix known by its products with vectors, in SciPy's conventions.

    Made by ``hessian_operator`` and its kin, or by ``from_product`` around a product written in any framework.

    Attributes
    ----------
    shape : tuple of int
        (n, n).
    dtype : numpy.dtype
        What products are computed in. An operator made at a point of Python's or NumPy's floats computes in float64
        and answers in NumPy arrays; one made at JAX arrays follows JAX's setting and answers in JAX arrays.
    value : scalar or None
        The function's value at the point.
    gradient : array of shape (n,) or None
        Its gradient there, flat.
    name : str
        What it is the matrix of.

    Notes
    -----
    ``op @ v`` takes a flat vector (n,), a matrix (n, m) whose columns are multiplied side by side in bounded memory, or
    a pytree shaped like the point, and answers in the same form.

    Examples
    --------
    The Hessian of x² + y² + xy is [[2, 1], [1, 2]]:

    >>> import numpy as np, osculate
    >>> H = osculate.hessian_operator(lambda x: x[0] ** 2 + x[1] ** 2 + x[0] * x[1])(np.array([0.3, -0.7]))
    >>> H @ np.array([1.0, 0.0])
    array([2., 1.])
    >>> H.matrix()
    array([[2., 1.],
           [1., 2.]])
    """

    shape: tuple[int, int]
    dtype: np.dtype[Any]
    product: Product | HostProduct = field(repr=False)
    like: Any = field(default=None, repr=False)
    precision: Precision = field(default=Precision(double=False, host=True), repr=False)
    value: Any = field(default=None, repr=False)
    gradient: Any = field(default=None, repr=False)
    name: str = "matrix"
    source: Any = field(default=None, repr=False)

    # NumPy's @ then leaves ``array @ operator`` to ``__rmatmul__`` instead of looking for numbers in the operator.
    __array_ufunc__ = None

    @staticmethod
    def from_product(
        matvec: Callable[[Any], Any], shape: tuple[int, int], dtype: Any, *, name: str = "matrix"
    ) -> CurvatureOperator:
        """Wrap a product with a symmetric matrix that was written elsewhere.

        Parameters
        ----------
        matvec : callable
            Takes a flat NumPy vector of shape (n,) and ``dtype``; returns the product, of shape (n,).
        shape : tuple of int
            (n, n).
        dtype : numpy.dtype or str
            A real floating-point type.
        name : str
            What it is the matrix of, for printing.

        Raises
        ------
        WrongInput, WrongType
            For a shape that is not square or a dtype that is not real floating point.

        Examples
        --------
        >>> import numpy as np, osculate
        >>> A = osculate.CurvatureOperator.from_product(lambda v: 2 * v, (3, 3), "float64")
        >>> A @ np.ones(3)
        array([2., 2., 2.])
        """
        asked = f"{_ASKED}.from_product"
        sizes = tuple(shape)
        if len(sizes) != 2 or sizes[0] != sizes[1]:
            raise WrongInput(asked, f"shape is {sizes}, and a symmetric matrix is square", remedy="pass shape=(n, n)")
        if not jnp.issubdtype(np.dtype(dtype), np.floating):
            raise WrongType(asked, f"dtype is {np.dtype(dtype)}, not a real one", remedy='dtype="float64" or "float32"')
        product = HostProduct(matvec, int(sizes[0]), np.dtype(dtype))
        return CurvatureOperator((int(sizes[0]), int(sizes[0])), np.dtype(dtype), product, name=name)

    def __matmul__(self, v: Any) -> Any:
        """Product with a flat vector (n,), a matrix (n, m), or a pytree shaped like the point."""
        asked, n = f"{_ASKED} @ v", self.shape[0]
        self._refuse_tracing(asked, v)
        with self.precision.context():
            if self._is_like_point(v):
                return self.unravel(self.precision.answer(self.product.vector(self._numbers(asked, self.ravel(v)))))
            array = self._numbers(asked, v)
            if array.shape == (n,):
                return self.precision.answer(self.product.vector(array))
            if array.ndim == 2 and array.shape[0] == n:
                return self.precision.answer(self.product.matrix(array))
        raise self._wrong_shape(asked, array, f"pass a vector of shape ({n},), a matrix of shape ({n}, m)")

    def __rmatmul__(self, v: Any) -> Any:
        """``v @ op``: the matrix is symmetric, so that is ``(op @ v.T).T``."""
        return (self @ v.T).T

    def trace(self, products: int = 98, key: Any = 0) -> Estimate:
        """Trace, estimated by XTrace from ``products`` products, with its standard error.

        Exact where n products are within the budget, and where ``form`` has been read (Epperly, Tropp and Webber,
        "XTrace: making the most of every sample in stochastic trace estimation", *SIAM J. Matrix Anal. Appl.* 45
        (2024), section 2).
        """
        exact = self._read_diagonal()
        if exact is not None:
            return Estimate(float(exact.sum()), 0.0, "exact: the sum of the diagonal", 0)
        return estimated_trace(self, products, key)

    def diagonal(self, products: int = 98, key: Any = 0) -> Estimate:
        """Diagonal, flat, estimated by XDiag from ``products`` products, with a standard error for each entry.

        Exact where n products are within the budget, and where ``form`` has been read (Epperly, Tropp and Webber
        2024, section 4).
        """
        exact = self._read_diagonal()
        if exact is not None:
            return Estimate(exact, np.zeros_like(exact), "exact: read from the structure", 0)
        return estimated_diagonal(self, products, key)

    def matrix(self, memory: int | str | None = None) -> Any:
        """The whole (n, n) matrix, exact, by n products; ``memory`` bounds the temporary bytes (256 MiB by default)."""
        asked = f"{_ASKED}.matrix"
        budget = memory_in_bytes(memory, asked)
        self._refuse_tracing(asked)
        with self.precision.context():
            return self.precision.answer(self.product.whole(budget))

    def solve(
        self,
        v: Any,
        damping: float = 0.0,
        tolerance: float | None = None,
        products: int | None = None,
        *,
        method: str = "auto",
    ) -> Estimate:
        """Solve (H + damping·I) x = v, also where H has negative eigenvalues.

        By the factorisation that the structure of H allows, or by MINRES from products.

        Parameters
        ----------
        v : array of shape (n,) or pytree shaped like the point
            The right-hand side.
        damping : float
            Added to each eigenvalue.
        tolerance : float, optional
            Bound on ‖v − (H + damping·I) x‖ / ‖v‖; the square root of the dtype's epsilon by default.
        products : int, optional
            How many products MINRES may spend; 5n by default. Given one, ``"auto"`` is MINRES.
        method : {"auto", "direct", "minres"}
            ``"auto"`` factorises where H has a sparse form, or up to 500 variables.

        Returns
        -------
        Estimate
            ``value``: x, in the form of ``v``. ``error``: the norm of the true residual, computed from x by one more
            product. ``how``: the method; it begins with ``exact`` for factorisations, which only round.

        Raises
        ------
        OsculateError
            If the residual does not reach the tolerance within the budget.

        Notes
        -----
        Paige and Saunders, "Solution of sparse indefinite systems of linear equations", *SIAM J. Numer. Anal.* 12
        (1975), section 4; SciPy's implementation, restarted on the true residual. Factorisations are refined by the
        residual (Higham 2002, section 12.1); see ``form``.

        Examples
        --------
        >>> import numpy as np, osculate
        >>> H = osculate.hessian_operator(lambda x: 2 * x[0] ** 2 - x[1] ** 2)(np.zeros(2))
        >>> H.solve(np.array([4.0, 2.0])).value.round(12)
        array([ 1., -1.])
        """
        asked, n = f"{_ASKED}.solve", self.shape[0]
        refuse_tracers(asked, v, self.gradient)
        tree = self._is_like_point(v)
        right = self._numbers(asked, self.ravel(v) if tree else v)
        if right.shape != (n,):
            raise self._wrong_shape(asked, right, f"pass a vector of shape ({n},)")
        x, residual, spent, how = self._solved(np.asarray(right, np.float64), damping, tolerance, products, method)
        with self.precision.context():
            answer = np.asarray(x, self.dtype) if self.precision.host else jnp.asarray(x, self.dtype)
        return Estimate(self.unravel(answer) if tree else answer, residual, how, spent)

    def _solved(
        self, right: Any, damping: float, tolerance: float | None, products: int | None, method: str
    ) -> tuple[Any, float, int, str]:
        """The solution, its residual, the products spent and how."""
        asked = f"{_ASKED}.solve"
        if method not in ("auto", "direct", "minres"):
            raise WrongInput(asked, f"method={method!r} is not known", remedy='method="auto", "direct" or "minres"')
        valid = np.isfinite(damping) and (tolerance is None or tolerance > 0) and np.isfinite(right).all()
        form = None
        if valid and method == "direct":
            form = self._required(asked)
        elif valid and method == "auto" and products is None:
            form = self._cheap()
        if form is not None:
            from .direct import solved  # loads SciPy's factorisations, which a lean start does not need

            x, residual, factor = solved(self, form, right, damping)
            allowed = float(np.finfo(self.dtype).eps) ** 0.5 if tolerance is None else tolerance
            if residual <= allowed * float(np.linalg.norm(right)):
                return x, residual, 1, f"exact: {factor.how}, residual {residual:.1e}"
            if method == "direct":
                raise OsculateError(
                    asked,
                    f"the {self.name} is singular to rounding: {factor.how} leaves a residual of {residual:.2g}",
                    remedy='damping=1e-6 makes it regular; method="minres" solves what has a solution',
                )
        return (
            *solve(self, right, damping, tolerance, products),
            "estimate ± residual bound: MINRES, error is ‖v − (H + damping·I) x‖",
        )

    def _read_diagonal(self) -> Any:
        """The diagonal where the form is at hand."""
        found = self.__dict__.get("_form_or_why")
        return None if found is None or isinstance(found, str) else found.diagonal().astype(self.dtype)

    def to_scipy(self) -> LinearOperator:
        """The same matrix as SciPy's own ``LinearOperator``, in and out in NumPy arrays."""

        def many(V: Any) -> Any:
            return np.asarray(self @ np.asarray(V, self.dtype))

        def one(v: Any) -> Any:
            return many(np.reshape(v, self.shape[0]))

        from scipy.sparse.linalg import LinearOperator  # takes long to load, and a lean start does not need it

        made: Any = LinearOperator  # its stub knows the constructor of its subclasses only
        return made(shape=self.shape, matvec=one, rmatvec=one, matmat=many, rmatmat=many, dtype=self.dtype)

    def blocks(self) -> dict[str, CurvatureOperator]:
        """Diagonal blocks: for each leaf of the point, by its path in the pytree, the operator of that leaf alone.

        Each product with a block costs one product with the whole. A point that is a bare array has one block, ``"x"``.

        Examples
        --------
        >>> import numpy as np, osculate
        >>> point = {"a": np.ones(2), "b": np.ones(1)}
        >>> H = osculate.hessian_operator(lambda x: (x["a"] ** 2).sum() + 3 * (x["b"] ** 2).sum())(point)
        >>> {name: block.matrix().tolist() for name, block in H.blocks().items()}
        {"['a']": [[2.0, 0.0], [0.0, 2.0]], "['b']": [[6.0]]}
        """
        if self.like is None or isinstance(self.product, HostProduct):
            raise WrongInput(
                f"{_ASKED}.blocks",
                "this operator was made from a product of flat vectors, so it has no named parts",
                remedy="make it with osculate.hessian_operator(f)(x), x a pytree",
            )
        blocks: dict[str, CurvatureOperator] = {}
        start = 0
        for path, leaf in jax.tree_util.tree_leaves_with_path(self.like):
            place, stop = jax.tree_util.keystr(path) or "x", start + leaf.size
            blocks[place] = CurvatureOperator(
                shape=(leaf.size, leaf.size),
                dtype=self.dtype,
                product=self.product.block(start, stop),
                like=leaf,
                precision=self.precision,
                value=self.value,
                gradient=None if self.gradient is None else self.gradient[start:stop],
                name=f"{self.name}, block {place}",
            )
            start = stop
        return blocks

    def ravel(self, tree: Any) -> Any:
        """A pytree shaped like the point as a flat vector (n,), in the order of the matrix."""
        if self.like is None:
            return tree
        leaves = [leaf if isinstance(leaf, jax.Array) else np.asarray(leaf) for leaf in jax.tree.leaves(tree)]
        array = jnp if any(isinstance(leaf, jax.Array) for leaf in leaves) else np
        return array.concatenate([array.ravel(leaf) for leaf in leaves])

    def unravel(self, vector: Any) -> Any:
        """A flat vector (n,) as a pytree shaped like the point."""
        if self.like is None:
            return vector
        leaves, structure = jax.tree.flatten(self.like)
        ends = np.cumsum([leaf.size for leaf in leaves])[:-1]
        parts = (jnp if isinstance(vector, jax.Array) else np).split(vector, ends)
        shaped = [part.reshape(leaf.shape).astype(leaf.dtype) for part, leaf in zip(parts, leaves, strict=True)]
        return jax.tree.unflatten(structure, shaped)

    def __repr__(self) -> str:
        leaves = len(jax.tree.leaves(self.like))
        parts = f", {leaves} arrays" if leaves > 1 else ""
        return f"<CurvatureOperator: {self.name}, {self.shape[0]} × {self.shape[0]}, {self.dtype}{parts}>"

    def _is_like_point(self, v: Any) -> bool:
        if self.like is None or jax.tree.structure(v) != jax.tree.structure(self.like):
            return False
        return all(np.shape(a) == b.shape for a, b in zip(jax.tree.leaves(v), jax.tree.leaves(self.like), strict=True))

    def _numbers(self, asked: str, v: Any) -> Any:
        """``v`` as an array of the operator's own kind and dtype; what is not real numbers is refused."""
        if isinstance(v, (dict, tuple)) or (isinstance(v, list) and any(map(np.ndim, v))):
            raise WrongInput(
                asked,
                f"v is a {type(v).__name__} whose structure or shapes differ from those of the point",
                remedy="pass a pytree shaped like the point, or a flat vector: op.ravel(tree) makes one",
            )
        array = v if isinstance(v, jax.Array) else np.asarray(v)
        if not (jnp.issubdtype(array.dtype, np.floating) or jnp.issubdtype(array.dtype, np.integer)):
            raise WrongType(
                asked, f"v is {array.dtype}{list(array.shape)}, not real numbers", remedy="pass real numbers"
            )
        return (np if self.precision.host else jnp).asarray(array, self.dtype)

    def _wrong_shape(self, asked: str, array: Any, remedy: str) -> WrongInput:
        tree = ", or a pytree shaped like the point" if self.like is not None else ""
        return WrongInput(
            asked,
            f"v has shape {list(array.shape)}, but this is the {self.name} of {self.shape[0]} variables",
            remedy=remedy + tree,
        )

    def _refuse_tracing(self, asked: str, *values: Any) -> None:
        """Inside a transformation of JAX an operator that answers in NumPy has no way to answer."""
        if self.precision.host and (is_traced(*values) or not at_top_level()):
            raise WrongType(
                asked,
                f"this operator answers in NumPy arrays ({self.dtype}), so it cannot be used inside jit, vmap or grad",
                remedy="make it at JAX arrays: osculate.hessian_operator(f)(jnp.asarray(x))",
            )
