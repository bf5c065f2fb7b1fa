"""What is not real is refused by name: NumPy drops imaginary parts with a warning, and reads texts as numbers."""

import numpy as np
import pytest

from preactivations.activations.registry import by_name
from preactivations.edge_of_chaos.curves import chi_map, eoc_curve
from preactivations.edge_of_chaos.maps import chi, correlation_map, variance_map, variance_slope
from preactivations.heavy_tails.scales import clt_mean_variance, sigma
from preactivations.kernels.maps import angle_between, angular_map, gram, kernel
from preactivations.pairs.factor import GaussianFactor
from preactivations.pairs.gaussian import GaussianPair
from preactivations.propagation.output_laws import relu_output_cdf
from preactivations.quadrature import gauss_legendre
from preactivations.relu_law.chain import NormChain
from preactivations.relu_law.norm_factor import NormFactor
from preactivations.relu_law.stationary import eigenvalue
from preactivations.relu_law.two_inputs import mean_correlation
from preactivations.special import log_gamma_ratio
from preactivations.weights import SymmetricWeibull

LAW = SymmetricWeibull(4)
CHAIN = NormChain(3, [3, 3])
BIASED = NormChain(3, [3, 3], bias_variance=0.1)

FUNCTIONS = {
    "activation": lambda x: by_name("tanh").phi(x),
    "variance_map": lambda x: variance_map("tanh", x),
    "variance_slope": lambda x: variance_slope("tanh", x),
    "chi": lambda x: chi("tanh", x),
    "correlation_map": lambda x: correlation_map("tanh", x, 1.0),
    "chi_map": lambda x: chi_map("tanh", x, 0.1),
    "eoc_curve": lambda x: eoc_curve("tanh", 5, variances=x),
    "sigma": lambda x: sigma(x, 10),
    "sigma, width": lambda x: sigma(1.0, x),
    "clt_mean_variance": lambda x: clt_mean_variance(x, 10),
    "kernel": lambda x: kernel(x, x),
    "gram": lambda x: gram(np.reshape(x, (1, -1))),
    "angle_between": lambda x: angle_between(x, x),
    "angular_map": angular_map,
    "factor.cdf": GaussianFactor(LAW).cdf,
    "factor.ppf": GaussianFactor(LAW).ppf,
    "factor.isf": GaussianFactor(LAW).isf,
    "phi": GaussianPair(LAW).phi,
    "derivatives": GaussianPair(LAW).derivatives,
    "table": GaussianPair(LAW).table().phi,
    "relu_output_cdf": lambda x: relu_output_cdf(x, [3, 3]),
    "gauss_legendre": lambda x: gauss_legendre(x, 3),
    "chain.moment": CHAIN.moment,
    "chain.moment with biases": BIASED.moment,
    "chain, weight_variance": lambda x: NormChain(3, [3, 3], weight_variance=x),
    "law.cdf": CHAIN.law().cdf,
    "law.ppf": CHAIN.law().ppf,
    "factor of a norm": NormFactor(3).pdf,
    "eigenvalue": lambda x: eigenvalue(3, x),
    "mean_correlation": lambda x: mean_correlation(3, x),
    "log_gamma_ratio": lambda x: log_gamma_ratio(x, 1.0),
    "survival": LAW.survival,
    "small_ball": LAW.small_ball,
    "density": LAW.density,
}
NOT_REAL = {
    "complex": np.array([0.1 + 0.1j, 0.5]),
    "text": np.array(["0.1", "0.5"]),
    "objects": np.array([0.1, None], dtype=object),
}


@pytest.mark.parametrize("values", NOT_REAL.values(), ids=NOT_REAL)
@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_what_is_not_real_is_refused(function, values):
    with pytest.raises(TypeError, match=r"\w+ must be real numbers, got dtype"):
        function(values)
