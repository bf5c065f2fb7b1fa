"""The paper's density family and its fit: steps 1 and 2 of `fitted`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import scipy.special as sc
from numpy.typing import ArrayLike, NDArray

from preactivations.real import real_array
from preactivations.weights import SymmetricWeibull

if TYPE_CHECKING:
    from torch import Tensor

Array = NDArray[np.float64]
_T_START, _T_END, _T_PANELS, _T_ORDER = 1e-7, 12.0, 190, 12  # composite Gauss rule in log t


class FitError(ValueError):
    """A fit that went wrong; `losses` is its loss curve.

    Parameters
    ----------
    message : str
    losses : list of float
        Kept as an attribute.
    """

    def __init__(self, message: str, losses: list[float]) -> None:
        super().__init__(message)
        self.losses = losses


class DensitySettings(NamedTuple):
    """Hyper-parameters of `fit_density`; defaults as published.

    Attributes
    ----------
    epochs, ramp : int
        Steps of the optimizer, and those in which theta' grows.
    learning_rate : float
    start : (float, float, float, float)
        First alpha, lambda1, lambda2, gamma.
    z_max : float
    z_points : int
        The loss is a maximum over z_points equidistant z in [0, z_max].
    plateau_factor, plateau_patience, plateau_threshold, plateau_cooldown : float, int, float, int
        As for `torch.optim.lr_scheduler.ReduceLROnPlateau`.
    """

    epochs: int = 600
    ramp: int = 300  # epochs in which theta' grows; then optimizer and schedule restart
    learning_rate: float = 0.01
    start: tuple[float, float, float, float] = (3.0, 1.0, 1.0, 1.0)  # alpha, lambda1, lambda2, gamma
    z_max: float = 5.0
    z_points: int = 200
    plateau_factor: float = 10 ** (-1 / 3)
    plateau_patience: int = 20
    plateau_threshold: float = 0.01
    plateau_cooldown: int = 20


@dataclass(frozen=True)
class DensityFit:
    """A member of the density family; not normalized.

    Parameters
    ----------
    theta : float
        Greater than 2 (at 2 the conjugate exponent is infinite).
    alpha, lambda1, lambda2, gamma : float
        Positive: two shapes and scales (lambda), the weight of the first term (gamma).

    Raises
    ------
    ValueError, TypeError
        For theta that is not a finite real number > 2.
    """

    theta: float
    alpha: float
    lambda1: float
    lambda2: float
    gamma: float

    def __post_init__(self) -> None:
        if not SymmetricWeibull(self.theta).theta > 2:
            raise ValueError("the density family needs theta > 2: at 2 the conjugate exponent is infinite")

    @property
    def conjugate(self) -> float:
        """theta' = 2 theta / (theta - 2)."""
        return 2 * self.theta / (self.theta - 2)

    @property
    def _height(self) -> float:
        return math.sqrt(2 / math.pi) / math.gamma(1 - 1 / self.theta)

    def pdf(self, y: ArrayLike) -> Array:
        """g(y), elementwise, y >= 0, float or array."""
        y = real_array("y", y)
        with np.errstate(over="ignore", under="ignore"):
            first = self.gamma * self.alpha / self.lambda1 * (y / self.lambda1) ** (self.alpha - 1)
            first = first * np.exp(-((y / self.lambda1) ** self.alpha))
            return first + self._height * np.exp(-((y / self.lambda2) ** self.conjugate))

    def sf(self, y: ArrayLike) -> Array:
        """int_y^inf g, in closed form, elementwise, y >= 0, float or array; the mass at y = 0."""
        y = real_array("y", y)
        k = 1 / self.conjugate
        with np.errstate(over="ignore", under="ignore"):
            second = (
                self._height
                * self.lambda2
                * math.gamma(1 + k)
                * sc.gammaincc(k, (y / self.lambda2) ** self.conjugate)
            )
            return np.asarray(self.gamma * np.exp(-((y / self.lambda1) ** self.alpha)) + second)

    @property
    def mass(self) -> float:
        """int g; 1 for a density."""
        return float(self.sf(0.0))

    def moment(self, s: float) -> float:
        """int y^s g(y) dy, finite (and meaningful) for s > -min(alpha, 1)."""
        first = self.gamma * self.lambda1**s * math.gamma(1 + s / self.alpha)
        k = (s + 1) / self.conjugate
        return first + self._height * self.lambda2 ** (s + 1) * math.gamma(k) / self.conjugate

    def isf(self, log_p: ArrayLike, *, normalize: bool = True) -> Array:
        """y with int_y^inf g = exp(log_p) mass: quantiles of the normalized density, -600 <= log_p <= -1e-7.

        Elementwise, `log_p` float or array; 0 for log_p = 0. Values below 1e-8 are not resolved. Without `normalize`
        int_y^inf g is exp(log_p), and y is 0 where the mass is less.
        """
        target, mass = real_array("log_p", log_p), self.mass if normalize else 1.0
        log_y = np.linspace(math.log(1e-8), math.log(100.0), 8000)
        with np.errstate(divide="ignore"):
            table = np.log(self.sf(np.exp(log_y)) / mass)
        table = np.minimum.accumulate(table)
        start = np.interp(-target, -table, log_y)
        for _ in range(4):  # Newton on log sf against log y
            y = np.exp(start)
            sf = self.sf(y)
            with np.errstate(divide="ignore", invalid="ignore"):
                step = (np.log(sf / mass) - target) * sf / (y * self.pdf(y))
            start = start + np.where(np.isfinite(step), np.clip(step, -0.1, 0.1), 0.0)
        return np.where(
            np.isnan(target), np.nan, np.where(target < math.log(self.mass / mass), np.exp(start), 0.0)
        )


def _nodes() -> tuple[Array, Array]:
    """Nodes and weights in t, graded: exp(-(z/t)^theta) changes at t = z, however small z is.

    Not by `quadrature`, which rounds otherwise: the fit turns a rounding error into 1e-7 of its parameters.
    """
    x, w = np.polynomial.legendre.leggauss(_T_ORDER)
    edges = np.linspace(math.log(_T_START), math.log(_T_END), _T_PANELS + 1)
    h = edges[1] - edges[0]
    t = np.exp((edges[:-1, None] + 0.5 * h * (x + 1)).ravel())
    return t, np.tile(0.5 * h * w, _T_PANELS) * t


def _density(t: Tensor, parameters: Tensor, theta: float, conjugate: float) -> Tensor:
    alpha, lambda1, lambda2, gamma = parameters
    height = math.sqrt(2 / math.pi) / math.gamma(1 - 1 / theta)
    first = gamma * alpha / lambda1 * (t / lambda1) ** (alpha - 1) * (-((t / lambda1) ** alpha)).exp()
    return first + height * (-((t / lambda2) ** conjugate)).exp()


def product_survival(z: Array, theta: float, parameters: Tensor, conjugate: float) -> Tensor:
    """S(z) = int_0^inf exp(-(z/t)^theta) g(t) dt, differentiable in the parameters.

    Composite Gauss rule in log t up to t = 12, 190 panels of 12 nodes; error below 1e-6 (tests/library/pairs).

    Parameters
    ----------
    z : array, shape (n,)
        At least 0.
    theta : float
    parameters : Tensor, shape (4,), float64
        alpha, lambda1, lambda2, gamma.
    conjugate : float
        theta', which the fit lets grow.

    Returns
    -------
    Tensor, shape (n,)
    """
    kernel, t = _kernel(z, theta)
    return kernel @ _density(t, parameters, theta, conjugate)


def _kernel(z: Array, theta: float) -> tuple[Tensor, Tensor]:
    import torch

    t, w = _nodes()
    with np.errstate(over="ignore", under="ignore"):
        return torch.from_numpy(np.exp(-((z[:, None] / t) ** theta)) * w), torch.from_numpy(t)


def fit_density(
    theta: float, settings: DensitySettings | None = None, bound: float = math.inf
) -> tuple[DensityFit, DensityFit, list[float]]:
    """Fit the density family as published (steps 1 and 2 of `fitted`).

    Parameters
    ----------
    theta : float
        Greater than 2.
    settings : DensitySettings, optional
    bound : float
        A last loss above it, or one that is not finite, is refused.

    Returns
    -------
    last, best : DensityFit
        The last iterate, which is the result of the published procedure, and the best one of the second phase.
    losses : list of float
        Before every step, and after the last: epochs + 1 values.

    Raises
    ------
    FitError
        With the loss curve: for a last loss above the bound, or one that is not finite at any step.
    ValueError
        For theta <= 2.
    """
    import torch

    settings = settings or DensitySettings()
    final = DensityFit(theta, *settings.start).conjugate
    z = np.linspace(0, settings.z_max, settings.z_points)
    target = torch.from_numpy(sc.erfc(z / math.sqrt(2)))
    kernel, t = _kernel(z, theta)
    parameters = torch.tensor(settings.start, dtype=torch.float64, requires_grad=True)

    def loss_of(conjugate: float) -> Tensor:
        return (kernel @ _density(t, parameters, theta, conjugate) - target).abs().max()

    losses: list[float] = []
    best, best_loss = settings.start, math.inf
    optimizer: Any = None
    schedule: Any = None
    for epoch in range(settings.epochs):
        if epoch in (0, settings.ramp):
            optimizer = torch.optim.Adam([parameters], lr=settings.learning_rate)
            schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
                optimizer,
                factor=settings.plateau_factor,
                patience=settings.plateau_patience,
                threshold=settings.plateau_threshold,
                cooldown=settings.plateau_cooldown,
            )
        share = min(1.0, epoch / settings.ramp) if settings.ramp else 1.0
        loss = loss_of(2 + (final - 2) * share)
        losses.append(loss.item())
        if not math.isfinite(losses[-1]):
            raise FitError(
                f"theta = {theta:g}: the loss of the density is {losses[-1]} at epoch {epoch}", losses
            )
        if epoch >= settings.ramp and losses[-1] < best_loss:
            best, best_loss = tuple(parameters.tolist()), losses[-1]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step(losses[-1])
    losses.append(loss_of(final).item())
    last = DensityFit(theta, *parameters.tolist())
    if losses[-1] < best_loss:
        best = tuple(parameters.tolist())
    if not losses[-1] <= bound:
        raise FitError(
            f"theta = {theta:g}: the loss of the density ends at {losses[-1]:.3g}, above {bound:.3g}", losses
        )
    return last, DensityFit(theta, *best), losses


def improve_density(
    fit: DensityFit, settings: DensitySettings | None = None, restarts: int = 10
) -> tuple[DensityFit, float]:
    """A lower minimum of the same loss, by the method of Nelder and Mead from `fit`; not part of the published route.

    The loss is a maximum of absolute values, which Adam does not minimize to the end. A local search too: the true
    minimum may be lower still.

    Parameters
    ----------
    fit : DensityFit
        With positive parameters.
    settings : DensitySettings, optional
        Only the points z are used.
    restarts : int
        Runs of the method, at most 2000 evaluations each.

    Returns
    -------
    improved : DensityFit
    loss : float
        At most that of `fit`.
    """
    from scipy.optimize import minimize

    settings = settings or DensitySettings()
    z = np.linspace(0, settings.z_max, settings.z_points)
    t, w = _nodes()
    with np.errstate(over="ignore", under="ignore"):
        kernel = np.exp(-((z[:, None] / t) ** fit.theta)) * w
    target = sc.erfc(z / math.sqrt(2))

    def loss(log_parameters: Array) -> float:
        with np.errstate(over="ignore", invalid="ignore"):
            g = DensityFit(fit.theta, *map(float, np.exp(log_parameters))).pdf(t)
        return float(np.nan_to_num(np.max(np.abs(kernel @ g - target)), nan=math.inf))

    at = np.log([fit.alpha, fit.lambda1, fit.lambda2, fit.gamma])
    for _ in range(restarts):  # a fresh simplex gets out of a collapsed one
        at = minimize(
            loss, at, method="Nelder-Mead", options={"maxfev": 2000, "xatol": 1e-7, "fatol": 1e-9}
        ).x
    return DensityFit(fit.theta, *map(float, np.exp(at))), loss(at)
