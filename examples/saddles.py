"""All five critical points of the Müller–Brown surface: three minima and the two saddles between them.

The surface is the classic test of chemistry for finding transition states (Müller and Brown, Theor. Chim. Acta 53,
1979). Plain NumPy; Newton's method goes to whatever critical point is near, and ``classify`` says which kind it is.
Run: python examples/saddles.py
"""

import numpy as np

import osculate

A = np.array([-200.0, -100.0, -170.0, 15.0])
a = np.array([-1.0, -1.0, -6.5, 0.7])
b = np.array([0.0, 0.0, 11.0, 0.6])
c = np.array([-10.0, -10.0, -6.5, 0.7])
X0 = np.array([1.0, 0.0, -0.5, -1.0])
Y0 = np.array([0.0, 0.5, 1.5, 1.0])


def energy(p):
    """The Müller–Brown potential."""
    x, y = p[0] - X0, p[1] - Y0
    return np.sum(A * np.exp(a * x**2 + b * x * y + c * y**2))


def newton(p):
    """Newton's method for ∇f = 0, whatever the kind of point."""
    slope, bend = osculate.gradient(energy), osculate.hessian(energy)
    for _ in range(20):
        p = p - np.linalg.solve(bend(p), slope(p))
    return p


def main():
    """Find and classify the five points."""
    found = []
    for start in [(-0.55, 1.45), (0.62, 0.03), (-0.05, 0.47), (-0.82, 0.62), (0.21, 0.29)]:
        point = newton(np.array(start))
        verdict = osculate.classify(energy)(point)
        found.append((point, verdict))
        print(f"({point[0]:+.4f}, {point[1]:+.4f})  energy {energy(point):9.3f}  {verdict}")
    return found


if __name__ == "__main__":
    main()
