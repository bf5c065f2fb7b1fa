from . import activations as activations
from . import datasets as datasets
from . import edge_of_chaos as edge_of_chaos
from . import gaussianity as gaussianity
from . import heavy_tails as heavy_tails
from . import init as init
from . import kernels as kernels
from . import pairs as pairs
from . import propagation as propagation
from . import relu_law as relu_law
from . import rows as rows
from . import streams as streams
from . import training as training
from . import weights as weights
from .activations.gaussian import GaussianActivation as GaussianActivation
from .activations.modules import Oscillating as Oscillating
from .activations.registry import Activation as Activation
from .pairs.constraints import check_pair as check_pair
from .pairs.factor import GaussianFactor as GaussianFactor
from .pairs.gaussian import GaussianPair as GaussianPair
from .pairs.table import TabulatedActivation as TabulatedActivation
from .streams import Stream as Stream
from .weights import Normal as Normal
from .weights import SphericalMarginal as SphericalMarginal
from .weights import SymmetricWeibull as SymmetricWeibull

__version__: str
