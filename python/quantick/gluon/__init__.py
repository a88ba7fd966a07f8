"""Networks and their training, with the names of MXNet's Gluon."""
from quantick.gluon import data, loss, model_zoo, nn, rnn, utils
from quantick.gluon.block import Block, HybridBlock
from quantick.gluon.parameter import Constant, Parameter, ParameterDict
from quantick.gluon.trainer import Trainer

__all__ = ["Block", "Constant", "HybridBlock", "Parameter", "ParameterDict", "Trainer", "data", "loss",
           "model_zoo", "nn", "rnn", "utils"]
