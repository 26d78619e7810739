"""The sketch that XTrace and XDiag share: random vectors, their images, and what leaving one out means."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from osculate._spectrum.product import Floats, Product


@dataclass(frozen=True)
class Sketch:
    """Y = HΩ = QR for m random vectors, and HQ: 2m products in all.

    Attributes
    ----------
    probes : array (n, m)
        Ω.
    image : array (n, m)
        Y = HΩ.
    basis : array (n, m)
        Q, orthonormal.
    triangle : array (m, m)
        R = QᵀHΩ.
    basis_image : array (n, m)
        Z = HQ.
    projected : array (m, m)
        QᵀHQ.
    overlaps : array (m, m)
        QᵀΩ.
    removed : array (m, m)
        Unit columns sᵢ: without its i-th probe the sketch has the basis Q(I − sᵢsᵢᵀ), because sᵢ is orthogonal to all
        columns of R but the i-th (Epperly, Tropp and Webber 2024).
    """

    probes: Floats
    image: Floats
    basis: Floats
    triangle: Floats
    basis_image: Floats
    projected: Floats
    overlaps: Floats
    removed: Floats


def sketch(product: Product, probes: Floats) -> Sketch:
    """Sketch the operator with the columns of ``probes``, shape (n, m)."""
    image = product(probes)
    lengths = np.linalg.norm(probes, axis=0)
    crossed = probes.T @ image / np.outer(lengths, lengths)
    product.check_symmetry(float(np.max(np.abs(crossed - crossed.T))))
    basis, triangle = np.linalg.qr(image)
    basis_image = product(basis)
    projected = basis.T @ basis_image
    product.check_symmetry(float(np.max(np.abs(projected - projected.T))))
    return Sketch(
        probes=probes,
        image=image,
        basis=basis,
        triangle=triangle,
        basis_image=basis_image,
        projected=(projected + projected.T) / 2,
        overlaps=basis.T @ probes,
        removed=_left_out_directions(triangle, product),
    )


def _left_out_directions(triangle: Floats, product: Product) -> Floats:
    """Unit columns of R⁻ᵀ. Where H has a rank below m, R is singular, and the directions are those that carry noise."""
    left, values, right = np.linalg.svd(triangle)
    if values[0] == 0:
        return np.eye(len(triangle))
    # directions below rounding hold noise only: one floor makes them all equally removable
    columns = (left / np.maximum(values, product.size * product.precision * values[0])) @ right
    return columns / np.linalg.norm(columns, axis=0)


def student_widening(samples: int) -> float:
    """Factor that makes two standard errors from few samples cover what two cover for a normal: 95.45 %."""
    from scipy import special  # takes long to load, and a lean start does not need it

    return float(special.stdtrit(samples - 1, special.ndtr(2.0)) / 2)
