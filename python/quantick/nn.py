"""quantick.gluon.nn under its short name."""
from quantick.gluon.nn import *
from quantick.gluon.nn import __all__ as __all__
