"""What MXNet keeps under `contrib`: quantization."""
from quantick.contrib import quantization

__all__ = ["quantization"]
