"""Half precision is refused by name, with float32 as the way on."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import pytest

from osculate._arguments import point
from osculate._errors import WrongType
from osculate._jets.half import refuse_half_precision


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
def test_half_precision_is_refused(dtype: Any) -> None:
    with pytest.raises(WrongType) as caught:
        refuse_half_precision(point("osculate.jet", jnp.sin, (jnp.ones(3, dtype),)))
    text = str(caught.value)
    assert text.startswith("osculate.jet: the point is ")
    assert jnp.dtype(dtype).name in text
    assert "x.astype(jnp.float32)" in text


def test_one_leaf_of_several_arguments_is_enough() -> None:
    with pytest.raises(WrongType, match="argument 1 is float16"):
        refuse_half_precision(
            point(
                "osculate.jet",
                lambda x, y: x * y["a"],
                (jnp.ones(()), {"a": jnp.ones((), jnp.float16)}),
                argnums=(0, 1),
            )
        )


def test_single_precision_passes_whatever_the_function_does_inside() -> None:
    function = lambda x: x.astype(jnp.float16).astype(jnp.float32)  # noqa: E731
    here = point("osculate.jet", function, (jnp.ones(3, jnp.float32),))
    refuse_half_precision(here)
    assert here.primals[0].dtype == jnp.float32
