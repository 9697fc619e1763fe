"""How the error travels upstream, other than by backpropagation: through fixed random feedback weights."""

from imc_grapes.transport.base import ErrorTransport, attached_transport
from imc_grapes.transport.dfa import DirectFeedbackAlignment
from imc_grapes.transport.fa import FeedbackAlignment

__all__ = [
    "DirectFeedbackAlignment",
    "ErrorTransport",
    "FeedbackAlignment",
    "attached_transport",
]
