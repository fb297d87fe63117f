"""A probit model with crossed random effects of readers and images, fitted by the Laplace approximation.

References:
    Breslow, Clayton (1993), Approximate inference in generalized linear mixed models, JASA 88:9-25 (section 2.1).
    Kristensen et al. (2016), TMB: automatic differentiation and Laplace approximation, J Stat Softw 70(5) (the gradient
        of the approximation through the inner optimum).
    Rue, Martino, Chopin (2009), Approximate Bayesian inference for latent Gaussian models, J R Stat Soc B 71:319-392.
    Bates et al. (2015), Fitting linear mixed-effects models using lme4, J Stat Softw 67(1).
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg, optimize, sparse
from scipy.special import log_ndtr

from turing.statistics.errors import NotFitted

LEAST_LOG_SD, MOST_LOG_SD = np.log(0.01), np.log(5.0)
INNER_STEPS, OUTER_STEPS = 60, 60
CLOSE = 1e-11  # of the gradient, for each answer


@dataclass(frozen=True)
class Fit:
    """A fitted model.

    It holds the coefficients (q,) of all columns, fixed effects first, their covariance (q, q), and the standard
    deviations of the groups (G,).
    """

    coefficients: np.ndarray
    covariance: np.ndarray
    sd: np.ndarray
    log_likelihood: float


class Probit:
    """The model P(y = 1) = Phi(A b), where b holds fixed effects and G groups of independent normal effects.

    Each group has a standard deviation sd. Fixed effects have a flat prior and are integrated over together with the
    random ones, as in restricted maximum likelihood. This way standard deviations are not too small with few readers.
    The Laplace approximation of the likelihood of the standard deviations is

        l(b) - sum_k (q_k log sd_k + |b_k|^2 / 2 sd_k^2) - log det H / 2,    H = A' W A + diag(1 / sd^2),

    at the b that maximises its first two parts, where W is the curvature of -l. The mode of b alone lies some per cent
    too near zero. So `fit` moves the coefficients to the mean of their approximate distribution, by - H^-1 A' (a' H^-1
    a dW/d eta) / 2 (Rue, Martino, Chopin 2009, first order).

    Args:
        design: (n, q) sparse, with the same number of stored entries in each row.
        y: (n,) 0 or 1.
        fixed: the number of leading columns without a prior.
        groups: the number of columns of each group of random effects, in order.

    Raises:
        ValueError: if rows have unequal numbers of entries.
    """

    def __init__(self, design: sparse.csr_matrix, y: np.ndarray, fixed: int, groups: list[int]):
        self.design, self.fixed, self.groups = design, fixed, groups
        self.sign = np.where(y, 1.0, -1.0)
        self.of_group = np.repeat(np.arange(len(groups)), groups)
        self.start = np.zeros(design.shape[1])
        # The same by rows: each row has one entry in every fixed column and one in every group.
        entries = np.diff(design.indptr)
        if (entries != entries[0]).any():
            raise ValueError("each row of the design needs as many entries")
        self.columns = design.indices.reshape(len(y), -1).T.copy()  # (entries, n)
        self.values = design.data.reshape(len(y), -1).T.copy()

    def fit(self) -> Fit:
        """Fit the model. Raises `NotFitted` if it does not converge."""
        begin = np.full(len(self.groups), np.log(0.4))
        bounds = [(LEAST_LOG_SD, MOST_LOG_SD)] * len(self.groups)
        found = optimize.minimize(
            lambda at: tuple(-value for value in self._evaluate(at)[:2]),
            begin,
            jac=True,
            bounds=bounds,
            method="L-BFGS-B",
            options={"maxiter": OUTER_STEPS, "ftol": 1e-12, "gtol": 1e-6},
        )
        log_sd = self._polished(found.x)
        value, _, mode, factor = self._evaluate(log_sd)
        covariance = linalg.cho_solve((factor, True), np.eye(len(mode)))
        coefficients = mode - 0.5 * self._pull(mode, covariance)
        if not np.isfinite(value) or (log_sd >= MOST_LOG_SD - 1e-3).any():
            raise NotFitted("the model does not settle: readers or images differ too much for it")
        sd = np.where(log_sd > LEAST_LOG_SD + 1e-9, np.exp(log_sd), 0.0)  # at the bound: the data show no such effect
        return Fit(coefficients, covariance, sd, float(value))

    def _polished(self, log_sd: np.ndarray) -> np.ndarray:
        """Newton's steps on the gradient. The optimiser's own end is only good to 1e-6 and differs between machines."""
        step = 1e-4
        for _ in range(4):
            free = np.flatnonzero(log_sd > LEAST_LOG_SD + 0.05)
            if not len(free):
                return log_sd
            gradient = self._evaluate(log_sd)[1]
            if np.abs(gradient[free]).max() < 1e-9:
                return log_sd
            curvature = np.empty((len(free), len(free)))
            for column, index in enumerate(free):
                moved = np.zeros(len(log_sd))
                moved[index] = step
                change = self._evaluate(log_sd + moved)[1] - self._evaluate(log_sd - moved)[1]
                curvature[:, column] = change[free] / (2 * step)
            move = linalg.solve(curvature, -gradient[free])
            if np.abs(move).max() > 0.2:  # a flat part of the likelihood, not near a maximum
                return log_sd
            log_sd = log_sd.copy()
            log_sd[free] += move
        return log_sd

    def _evaluate(self, log_sd: np.ndarray) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
        """The approximate log likelihood, its gradient (G,), the coefficients (q,), and the Cholesky factor of H."""
        precision = np.zeros(len(self.start))
        precision[self.fixed :] = np.exp(-2 * log_sd)[self.of_group]
        b, factor = self._mode(precision)
        inverse = linalg.cho_solve((factor, True), np.eye(len(b)))
        log_likelihood = log_ndtr(self.sign * (self.design @ b)).sum()
        value = log_likelihood - 0.5 * precision @ b**2 - np.array(self.groups) @ log_sd
        value -= np.log(np.diag(factor)).sum()
        pull = self._pull(b, inverse)  # W changes as b moves with the standard deviations
        gradient = np.empty(len(self.groups))
        for group in range(len(self.groups)):
            at = self.fixed + np.flatnonzero(self.of_group == group)
            own = precision[at]
            direct = own @ b[at] ** 2 - self.groups[group] + own @ np.diag(inverse)[at]
            gradient[group] = direct - pull[at] @ (own * b[at])
        return float(value), gradient, b, factor

    def _pull(self, b: np.ndarray, inverse: np.ndarray) -> np.ndarray:
        """H^-1 times the gradient (q,) of log det H with respect to b, through each answer's a' H^-1 a."""
        third = self._derivatives(b)[2]
        leverage = np.zeros(len(third))
        for column, value in zip(self.columns, self.values, strict=True):
            for other, factor in zip(self.columns, self.values, strict=True):
                leverage += value * factor * inverse[column, other]
        return inverse @ (self.design.T @ (leverage * third))

    def _mode(self, precision: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The coefficients that maximise the penalised likelihood, by Newton's method, and the Cholesky factor of H."""

        def objective(b: np.ndarray) -> float:
            return float(log_ndtr(self.sign * (self.design @ b)).sum() - 0.5 * precision @ b**2)

        b = self.start
        value, tolerance = objective(b), CLOSE * len(self.sign)
        for _ in range(INNER_STEPS):
            slope, weight, _ = self._derivatives(b)
            gradient = self.design.T @ slope - precision * b
            factor = self._factor(weight, precision)
            if np.abs(gradient).max() < tolerance:
                self.start = b
                return b, factor
            move, length = linalg.cho_solve((factor, True), gradient), 1.0
            while (reached := objective(b + length * move)) < value - 1e-9 * abs(value) and length > 1e-6:
                length /= 2
            b, value = b + length * move, reached
        raise NotFitted("the model's effects do not settle")

    def _factor(self, weight: np.ndarray, precision: np.ndarray) -> np.ndarray:
        weighted = self.design.multiply(weight[:, None]).tocsr()
        hessian = (self.design.T @ weighted).toarray()
        hessian[np.diag_indices_from(hessian)] += precision
        try:
            return linalg.cholesky(hessian, lower=True)
        except linalg.LinAlgError:
            raise NotFitted("an effect is not determined by the answers") from None

    def _derivatives(self, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Derivatives of each answer's log likelihood with respect to its linear predictor.

        Returns the slope, the negative curvature, and the slope of that.
        """
        t = self.sign * (self.design @ b)
        ratio = np.exp(-0.5 * t**2 - 0.5 * np.log(2 * np.pi) - log_ndtr(t))  # phi / Phi
        weight = ratio * (t + ratio)
        # d ratio / dt = -weight
        third = -weight * (t + ratio) + ratio * (1 - weight)
        return self.sign * ratio, weight, self.sign * third
