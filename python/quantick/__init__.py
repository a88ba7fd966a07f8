"""Quantick: neural networks on market data, quantized to a fixed-bits program that trades the bits it was tested on."""
from quantick._core import __version__

__all__ = ["__version__"]
