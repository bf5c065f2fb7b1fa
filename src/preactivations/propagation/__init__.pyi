from .engine import simulate as simulate
from .engine import simulate_layers as simulate_layers
from .output_laws import output_cdf as output_cdf
from .output_laws import relu_output_cdf as relu_output_cdf
from .statistics import Estimate as Estimate
from .statistics import LayerStatistics as LayerStatistics
