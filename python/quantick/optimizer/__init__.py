"""Optimizers, with MXNet's names and defaults.

An optimizer updates a weight in place from its gradient: update(index, weight, grad, state), state from
create_state(index, weight). gluon.Trainer does that for all parameters. Gradients are multiplied by rescale_grad (the
trainer sets 1 / batch size), then clipped to +-clip_gradient; `wd` is an L2 penalty. SGD, Adam and AdamW are the core's:
train.fit takes the same classes by name, and the same steps give the same bits.
"""
from __future__ import annotations

from quantick.optimizer.base import Optimizer, create, register
from quantick.optimizer.catalogue import (
    DCASGD, FTML, LAMB, LARS, LBSGD, NAG, SGLD, AdaBelief, AdaDelta, AdaGrad, Adamax, Ftrl, Nadam, RMSProp, Signum,
    Test, ccSGD)
from quantick.optimizer.core import SGD, Adam, AdamW
from quantick.optimizer.updater import Updater, get_updater

__all__ = ["DCASGD", "FTML", "LAMB", "LARS", "NAG", "SGD", "SGLD", "AdaBelief", "AdaDelta", "AdaGrad", "Adam", "AdamW",
           "Adamax", "Ftrl", "LBSGD", "Nadam", "Optimizer", "RMSProp", "Signum", "Test", "Updater", "ccSGD", "create",
           "get_updater", "register"]
