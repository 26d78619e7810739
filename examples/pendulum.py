"""The period of a pendulum as a power series of its amplitude, read from a loop.

T(θ) = T₀ / agm(1, cos(θ/2)) with Gauss's arithmetic-geometric mean, which is a loop of unknown length. Its Taylor
coefficients are known: 1 + θ²/16 + 11 θ⁴/3072 + 173 θ⁶/737280 + … . Run: python examples/pendulum.py
"""

import jax
import jax.numpy as jnp

import osculate


def period(amplitude):
    """T(θ)/T₀: the two means are repeated until they agree to rounding."""

    def differ(means):
        a, g = means
        return jnp.abs(a - g) > 1e-8 * a

    def next_means(means):
        a, g = means
        return (a + g) / 2, jnp.sqrt(a * g)

    # The start takes three steps at any amplitude: at 0 the means agree already, but their series do not yet.
    means = 1.0 + 0 * amplitude, jnp.cos(amplitude / 2)
    for _ in range(3):
        means = next_means(means)
    a, g = jax.lax.while_loop(differ, next_means, means)
    return 2 / (a + g)


def main():
    """Print the series beside the known one."""
    series = osculate.taylor(period, 8)(0.0)
    known = {0: 1.0, 2: 1 / 16, 4: 11 / 3072, 6: 173 / 737280, 8: 22931 / 1321205760}
    print("T(θ)/T₀ =", series)
    for k, exact in known.items():
        print(f"  θ^{k}: {float(series.coefficients[k]):.15f}, known {exact:.15f}")
    return series


if __name__ == "__main__":
    main()
