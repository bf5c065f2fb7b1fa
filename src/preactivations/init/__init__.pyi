from .mirrored import mirrored_gaussian_ as mirrored_gaussian_
from .mirrored import mirrored_orthogonal_ as mirrored_orthogonal_
from .mirrored_network import mirror_constant as mirror_constant
from .mirrored_network import mirror_network_ as mirror_network_
from .tensors import fractional_moment_ as fractional_moment_
from .tensors import spherical_ as spherical_
from .tensors import weibull_ as weibull_
