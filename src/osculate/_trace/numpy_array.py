"""The thin arrays that plain NumPy code computes with while it is read: each wraps one JAX array.

NumPy hands its functions over to them (``__array_ufunc__``, ``__array_function__``), and they hand them to JAX. There
are two classes, because NumPy must see scalars without a length: only then ``np.array([x[0], x[1]])`` becomes an array
of objects, which is stacked again wherever it meets the door.
"""

from __future__ import annotations

import numbers
import sys
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from .numpy_functions import STATIC, VIEWS, function_reading, map_arguments, name_set
from .numpy_indexing import is_view, item
from .numpy_refusals import plain_number, refusal, truth, written_in_place
from .numpy_ufuncs import method_ufunc, read_ufunc

_METHODS = name_set(
    "all any argmax argmin argpartition argsort clip compress cumprod cumsum diagonal dot max mean min nonzero prod"
    " ptp ravel repeat round searchsorted squeeze std sum swapaxes take trace var"
)
_REFUSED_METHODS = {
    "fill": "np.full_like(x, value)",
    "itemset": "np.where(mask, value, x)",
    "partition": "np.partition(x, kth)",
    "put": "np.where(mask, value, x)",
    "resize": "np.resize(x, shape)",
    "setfield": "np.where(mask, value, x)",
    "sort": "np.sort(x)",
    "tobytes": "the values themselves",
    "tofile": "the values themselves",
    "view": "x.astype(dtype) or np.real(x)",
}


class _Door(NDArrayOperatorsMixin):
    """What both classes share."""

    __slots__ = ("has_views", "traced")
    __array_priority__ = 1000.0

    def __init__(self, value: Any) -> None:
        self.traced = value
        self.has_views = False

    # --- what NumPy asks for ---

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **keywords: Any) -> Any:
        targets = keywords.pop("out", (None,))
        target = targets[0]
        if any(one is not None for one in targets) and not (isinstance(target, _Door) and len(targets) == 1):
            raise written_in_place("a NumPy array")
        if all(loop.strip("->O") == "" for loop in ufunc.types) and method == "__call__":
            return ufunc(*map(_as_objects, inputs), **keywords)  # made by np.frompyfunc
        where = keywords.get("where", True)
        if method == "__call__" and where is not True and target is None:
            raise refusal(
                f"`where=` without `out=` leaves numpy.{ufunc.__name__} undefined", "use np.where(mask, a, b)"
            )
        if method == "__call__":
            keywords.pop("where", None)
        result = read_ufunc(ufunc, method, [operand(one) for one in inputs], _operands(keywords))
        if target is None:
            return wrap(result)
        if where is not True:
            result = jnp.where(operand(where), result, target.traced)
        return target._overwritten(result)

    def __array_function__(self, function: Any, types: Any, args: Any, keywords: Any) -> Any:
        name = function.__name__
        if name in STATIC and name != "full_like":
            return function(*_stand_ins(args), **_stand_ins(keywords))
        reading = function_reading(function)
        converted, named = map_arguments(function, args, keywords, operand)
        if name in VIEWS:
            _mark_views((args, keywords))
        try:
            result = wrap(reading(*converted, **named))
        except (jax.errors.ConcretizationTypeError, jax.errors.NonConcreteBooleanIndexError) as error:
            raise refusal(
                f"the size of what {function.__module__}.{name} returns, or an option of it, depends on the input",
                "use np.where(mask, x, 0) instead of selecting, and options that do not depend on the input",
            ) from error
        if name in VIEWS:
            _mark_views(result)
        return result

    def __jax_array__(self) -> Any:
        return self.traced

    # --- what cannot be read ---

    def __bool__(self) -> bool:
        if self.size > 1:
            raise ValueError(
                "The truth value of an array with more than one element is ambiguous. Use a.any() or a.all()"
            )
        raise truth()

    def __float__(self) -> float:
        raise plain_number("float")

    def __int__(self) -> int:
        raise plain_number("int")

    def __index__(self) -> int:
        raise refusal(
            "a value that depends on the input is used as an index or a count",
            "make it independent of the input, or index with jax.numpy: jnp.asarray(data)[i]",
        )

    def __complex__(self) -> complex:
        raise plain_number("complex")

    def __eq__(self, other: Any) -> Any:
        if other is None or isinstance(other, str):  # for NumPy no number equals them
            return np.zeros(self.shape, bool)[()]
        return np.equal(self, other)  # pyright: ignore[reportArgumentType, reportCallIssue]

    def __ne__(self, other: Any) -> Any:
        return np.logical_not(self == other)

    def __setitem__(self, index: Any, value: Any) -> None:
        raise written_in_place("an item of an array")

    # --- what an array says of itself ---

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.traced.shape)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.traced.dtype)

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self.size * self.itemsize

    @property
    def T(self) -> Any:  # noqa: N802
        return np.transpose(self)  # pyright: ignore[reportArgumentType, reportCallIssue]

    @property
    def mT(self) -> Any:  # noqa: N802
        return np.matrix_transpose(self)  # pyright: ignore[reportArgumentType, reportCallIssue]

    @property
    def real(self) -> Any:
        return np.real(self)  # pyright: ignore[reportArgumentType, reportCallIssue]

    @property
    def imag(self) -> Any:
        return np.imag(self)  # pyright: ignore[reportArgumentType, reportCallIssue]

    @property
    def flat(self) -> Any:
        return np.ravel(self)  # pyright: ignore[reportArgumentType, reportCallIssue]

    def __repr__(self) -> str:
        return f"{type(self).__name__}(shape={self.shape}, dtype={self.dtype}, depends on the input)"

    def __format__(self, specification: str) -> str:
        return repr(self)  # there is no number yet to be formatted

    def __getattr__(self, name: str) -> Any:
        if name in _METHODS:
            return _bound(getattr(np, name), self)
        if not name.startswith("__") and (ufunc := method_ufunc(name)) is not None:
            return _bound(ufunc, self)
        if name in _REFUSED_METHODS:
            raise refusal(f"the array method {name}() cannot be read", f"write {_REFUSED_METHODS[name]}")
        kind = type(self).__name__ if hasattr(np.ndarray, name) else "numpy.ndarray"
        raise AttributeError(f"{kind!r} object has no attribute {name!r}")

    # --- methods whose arguments differ from those of the function of the same name ---

    def astype(self, dtype: Any, **layout: Any) -> Any:
        if np.dtype(dtype) == np.dtype(object):
            return _as_objects(self)
        return wrap(self.traced.astype(jax.dtypes.canonicalize_dtype(dtype)))

    def copy(self, order: str = "C") -> Any:
        return type(self)(self.traced)

    def __copy__(self) -> Any:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self.copy()

    def flatten(self, order: str = "C") -> Any:
        return wrap(jnp.ravel(self.traced, order=order))

    def reshape(self, *shape: Any, order: str = "C", copy: bool | None = None) -> Any:
        return np.reshape(self, shape[0] if len(shape) == 1 else shape, order=order)  # pyright: ignore

    def transpose(self, *axes: Any) -> Any:
        return np.transpose(self, axes[0] if len(axes) == 1 else axes or None)  # pyright: ignore

    def item(self, *index: Any) -> Any:
        if not index and self.size != 1:
            raise ValueError("can only convert an array of size 1 to a Python scalar")
        return self.flat[index[0] if index else 0] if len(index) < 2 else self[index]

    def tolist(self) -> Any:
        return self if self.ndim == 0 else [row.tolist() for row in self]

    def __getitem__(self, index: Any) -> Any:
        result = wrap(item(self.traced, index, operand))
        if is_view(index):
            _mark_views((self, result))
        return result

    def _overwritten(self, value: Any) -> Any:
        raise NotImplementedError


class DoorScalar(_Door):
    """A number that depends on the input: NumPy sees an object without length and items."""

    __slots__ = ()
    __iter__ = None
    __hash__ = object.__hash__  # pyright: ignore[reportAssignmentType]

    @property
    def dtype(self) -> np.dtype[Any]:
        if sys._getframe(1).f_globals.get("__name__", "").startswith("numpy."):  # pyright: ignore[reportPrivateUsage]
            raise AttributeError("dtype")  # np.mean and np.std of objects would make a plain float of it
        return np.dtype(self.traced.dtype)

    def __round__(self, digits: int | None = None) -> Any:
        return np.round(self, digits or 0)  # pyright: ignore[reportArgumentType, reportCallIssue]

    def __floor__(self) -> Any:
        return np.floor(self)  # pyright: ignore[reportArgumentType, reportCallIssue]

    def __ceil__(self) -> Any:
        return np.ceil(self)  # pyright: ignore[reportArgumentType, reportCallIssue]

    def __trunc__(self) -> Any:
        return np.trunc(self)  # pyright: ignore[reportArgumentType, reportCallIssue]

    def _overwritten(self, value: Any) -> Any:
        return wrap(value)  # NumPy's scalars cannot change: s += 1 binds the name s anew


class DoorArray(_Door):
    """An array of one dimension or more that depends on the input."""

    __slots__ = ()

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        for place in range(len(self)):
            row = wrap(jax.lax.index_in_dim(self.traced, place, keepdims=False))
            _mark_views((self, row))
            yield row

    def __contains__(self, value: Any) -> bool:
        raise truth()

    def _overwritten(self, value: Any) -> Any:
        """``x += …``: every name of this array sees the change, as in NumPy, so no view of it may be about."""
        if self.has_views:
            raise written_in_place("an array that shares its memory with another (a slice, a row, a reshape)")
        if not np.can_cast(value.dtype, self.dtype, "same_kind"):
            raise TypeError(
                f"Cannot cast ufunc output from {value.dtype} to {self.dtype} with casting rule 'same_kind'"
            )
        if value.shape != self.shape:
            raise ValueError(f"non-broadcastable output operand with shape {self.shape} for the shape {value.shape}")
        self.traced = value.astype(self.dtype)
        return self


numbers.Number.register(DoorScalar)  # np.isscalar(x[0]) is true


def wrap(tree: Any) -> Any:
    """Each JAX array of a pytree in a thin array."""

    def thin(leaf: Any) -> Any:
        if not isinstance(leaf, jax.Array):
            return leaf
        return DoorArray(leaf) if leaf.ndim else DoorScalar(leaf)

    return jax.tree.map(thin, tree)


def operand(value: Any) -> Any:
    """What JAX gets for an argument of a NumPy function: thin arrays unwrapped, lists and arrays of them stacked."""
    if isinstance(value, _Door):
        return value.traced
    if isinstance(value, np.ndarray) and value.dtype == object:
        return _stacked(value)
    if isinstance(value, (list, tuple)):
        array = np.array(value)
        return _stacked(array) if array.dtype == object else array
    if callable(value) and not isinstance(value, (type, np.dtype)):
        return lambda *args: jax.tree.map(operand, value(*wrap(args)), is_leaf=is_thin)
    return value


def is_thin(value: Any) -> bool:
    """Whether a leaf of a pytree is, or may hold, a thin array."""
    return isinstance(value, _Door)


def _stacked(array: np.ndarray[Any, Any]) -> Any:
    elements = array.ravel().tolist()
    if not elements or not all(isinstance(e, (DoorScalar, numbers.Number, np.generic, jax.Array)) for e in elements):
        strangers = sorted({type(e).__name__ for e in elements}) or ["nothing"]
        raise TypeError(f"an array of dtype('O') and shape {array.shape} that holds {', '.join(strangers)}")
    return jnp.stack([jnp.asarray(operand(element)) for element in elements]).reshape(array.shape)


def _operands(keywords: dict[str, Any]) -> dict[str, Any]:
    plain = ("axis", "axes", "dtype", "casting", "order", "subok")
    return {name: value if name in plain else operand(value) for name, value in keywords.items()}


def _as_objects(value: Any) -> Any:
    return np.array(value, dtype=object) if isinstance(value, _Door) else value


def _stand_ins(tree: Any) -> Any:
    """An array without memory in place of each thin one: NumPy answers from its shape and dtype."""
    return jax.tree.map(
        lambda leaf: np.broadcast_to(np.zeros((), leaf.dtype), leaf.shape) if is_thin(leaf) else leaf,
        tree,
        is_leaf=lambda leaf: is_thin(leaf) or leaf is None,
    )


def _mark_views(tree: Any) -> None:
    for leaf in jax.tree.leaves(tree, is_leaf=is_thin):
        if is_thin(leaf):
            leaf.has_views = True


def _bound(function: Callable[..., Any], first: Any) -> Callable[..., Any]:
    return lambda *args, **keywords: function(first, *args, **keywords)


def _rewrapped(_: None, children: tuple[Any, ...]) -> Any:
    child = children[0]
    return child if is_thin(child) else wrap(child) if isinstance(child, jax.Array) else DoorScalar(child)


# JAX's own functions accept thin arrays: `jit` takes them apart, `jax.numpy` asks for `__jax_array__`.
for _kind in (DoorScalar, DoorArray):
    jax.tree_util.register_pytree_node(_kind, lambda thin: ((thin.traced,), None), _rewrapped)
