"""Networks of the zoo."""
from quantick._core import TCN, CrossTransformer, DeepLOB, ResNet, Transformer, causal_cnn

__all__ = ["TCN", "CrossTransformer", "DeepLOB", "ResNet", "Transformer", "causal_cnn"]
