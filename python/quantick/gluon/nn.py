"""quantick.nn under its Gluon name."""
from quantick.nn import *
from quantick.nn import __all__ as __all__
