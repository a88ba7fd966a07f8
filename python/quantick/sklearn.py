"""A scikit-learn estimator whose predictions are those of the quantized program.

    model = QuantRegressor(hidden_sizes=(64, 32)).fit(X, y)
    model.predict(X)             # int8, the bits that a stream of model.quantized_ gives tick by tick
    print(model.report_)         # what quantization cost

Needs scikit-learn: ``pip install quantick[sklearn]``.
"""
from __future__ import annotations

import numbers
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from quantick import nn, train
from quantick.contrib.quantization import QuantizationReport, QuantizedNet, quantize_net
from quantick.gluon import loss as losses

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["QuantRegressor"]

_NETWORKS = ("mlp", "lstm", "gru")
# Rows that the calibration of activations sees, spread over the training rows.
_CALIBRATION_ROWS = 4096


class QuantRegressor(RegressorMixin, BaseEstimator):
    """Trains a network and quantizes it.

    X is (samples, features), or for windows (samples, steps, features); y (samples,) or (samples, outputs). Rows stand
    in time order: the last `validation_fraction` of them choose the best epoch, and nothing later than them is seen.

    network: "mlp" (dense layers on the flattened row), "lstm" or "gru" (stacked over the steps of a window).
    hidden_sizes: units of the hidden layers, or of the only one; recurrent networks need them equal.
    activation: of an mlp's hidden layers.
    dropout: rate between layers, in training.
    loss: a class of quantick.gluon.loss by name, or a callable of prediction and label.
    epochs, batch_size, optimizer, learning_rate, weight_decay: of the training.
    validation_fraction: share of rows held out at the end; 0, or too few rows: none, and all epochs run.
    patience: epochs without improvement on them before stopping; 0: never stop early.
    standardize: scales features and targets by mean and deviation of the training rows.
    quantize: predict with the fixed-bits program; else with the float network.
    quantization: further settings of quantick.contrib.quantization.quantize_net, such as
        {"quantized_dtype": "int16"}.
    random_state: whole number; the same number gives the same bits. None, or a numpy.random.RandomState: one is drawn.
    callbacks: of quantick.train.

    Attributes after fit: net_ (the float network), quantized_ (QuantizedNet or None), report_, history_,
    feature_mean_, feature_scale_, target_mean_, target_scale_, n_features_in_.
    """

    def __init__(
        self,
        network: str = "mlp",
        hidden_sizes: Sequence[int] | int = (64, 32),
        activation: str = "relu",
        *,
        dropout: float = 0.0,
        loss: str | Callable[..., Any] = "L2Loss",
        epochs: int = 100,
        batch_size: int = 64,
        optimizer: str = "Adam",
        learning_rate: float = 0.003,
        weight_decay: float = 0.0,
        validation_fraction: float = 0.1,
        patience: int = 20,
        standardize: bool = True,
        quantize: bool = True,
        quantization: dict[str, Any] | None = None,
        random_state: int | np.random.RandomState | None = 0,
        callbacks: Sequence[Any] = (),
    ) -> None:
        self.network = network
        self.hidden_sizes = hidden_sizes
        self.activation = activation
        self.dropout = dropout
        self.loss = loss
        self.epochs = epochs
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.standardize = standardize
        self.quantize = quantize
        self.quantization = quantization
        self.random_state = random_state
        self.callbacks = callbacks

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> QuantRegressor:  # noqa: N803
        """Trains and, where asked for, quantizes; calibration sees the training rows alone."""
        self._check()
        x, target = validate_data(self, X, y, multi_output=True, y_numeric=True, allow_nd=True,
                                  dtype=[np.float64, np.float32])
        if x.ndim > 3 or (x.ndim == 2 and self.network != "mlp"):
            raise ValueError(f"[QuantRegressor] X, was {x.shape}, expected (samples, steps, features)"
                             f"{' or (samples, features)' if self.network == 'mlp' else ''} for network {self.network!r}")
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, x, dtype=np.float32)
        self._single_output = target.ndim == 1
        targets = np.asarray(target, dtype=np.float64).reshape(len(target), -1)
        windows = x.reshape(len(x), 1, -1) if self.network == "mlp" else x

        held = int(len(x) * self.validation_fraction)
        rows = len(x) - held if held > 1 else len(x)
        self._fit_scales(windows[:rows], targets[:rows])
        inputs, outputs = self._inputs(windows), ((targets - self.target_mean_) / self.target_scale_).astype(np.float32)

        def dataset(begin: int, end: int) -> train.ArrayDataset:
            part = None if weights is None else weights[begin:end]
            return train.ArrayDataset(inputs[begin:end], outputs[begin:end], weights=part)
        training = dataset(0, rows)
        seed = self.random_state
        if not isinstance(seed, numbers.Integral):
            seed = check_random_state(seed).randint(np.iinfo(np.int32).max)
        self.net_ = self._build(windows.shape[2], outputs.shape[1])
        self.net_.initialize("xavier", seed=int(seed))
        self.history_ = train.fit(
            self.net_, getattr(losses, self.loss)() if isinstance(self.loss, str) else self.loss, training,
            validation=dataset(rows, len(x)) if rows < len(x) else None, callbacks=self.callbacks, epochs=self.epochs,
            batch_size=min(self.batch_size, rows), seed=int(seed), optimizer=self.optimizer,
            optimizer_params={"learning_rate": self.learning_rate, "wd": self.weight_decay},
            patience=self.patience if rows < len(x) else 0)
        self.quantized_: QuantizedNet | None = None
        if self.quantize:
            step = -(-rows // _CALIBRATION_ROWS)
            self.quantized_ = quantize_net(self.net_, calib_data=self._frames(inputs[:rows:step]),
                                           **(self.quantization or {}))
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """(samples,), or (samples, outputs) where y had outputs. A row's bits do not depend on the rows beside it."""
        check_is_fitted(self)
        x = validate_data(self, X, reset=False, allow_nd=True, dtype=[np.float64, np.float32])
        windows = x.reshape(len(x), 1, -1) if self.network == "mlp" else x
        if windows.ndim != 3 or windows.shape[2] != len(self.feature_mean_):
            raise ValueError(f"[QuantRegressor] X, was {x.shape}, expected {len(self.feature_mean_)} features")
        frames = self._frames(self._inputs(windows))
        outputs = (self.quantized_.predict(frames) if self.quantized_ is not None else self.net_(frames)).asnumpy()
        values: NDArray[np.float64] = outputs.astype(np.float64) * self.target_scale_ + self.target_mean_
        return values[:, 0] if self._single_output else values

    @property
    def report_(self) -> QuantizationReport:
        """What quantization cost, layer by layer. Raises AttributeError where the model is not quantized."""
        check_is_fitted(self)
        if self.quantized_ is None:
            raise AttributeError("[QuantRegressor] report_ of a model with quantize=False")
        return self.quantized_.report

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _check(self) -> None:
        if self.network not in _NETWORKS:
            raise ValueError(f"[QuantRegressor] network, was {self.network!r}, expected one of {', '.join(_NETWORKS)}")
        sizes = self._sizes()
        if len(sizes) == 0 and self.network != "mlp":
            raise ValueError(f"[QuantRegressor] hidden_sizes, was empty, expected a layer or more for {self.network!r}")
        if self.network != "mlp" and len(set(sizes)) > 1:
            raise ValueError(f"[QuantRegressor] hidden_sizes, was {sizes}, expected equal ones for "
                             f"{self.network!r}")
        if not 0 <= self.validation_fraction < 1:
            raise ValueError(f"[QuantRegressor] validation_fraction, was {self.validation_fraction}, expected at least 0 "
                             "and below 1")
        if isinstance(self.loss, str) and self.loss not in losses.__all__:
            raise ValueError(f"[QuantRegressor] loss, was {self.loss!r}, expected one of {', '.join(losses.__all__)}")

    def _sizes(self) -> tuple[int, ...]:
        sizes = self.hidden_sizes
        return (sizes,) if isinstance(sizes, int) else tuple(sizes)

    def _build(self, features: int, outputs: int) -> nn.HybridSequential:
        net = nn.HybridSequential()
        if self.network == "mlp":
            net.add(nn.SequenceLast())
            width = features
            for units in self._sizes():
                net.add(nn.Dense(units, activation=self.activation, in_units=width))
                if self.dropout > 0:
                    net.add(nn.Dropout(self.dropout))
                width = units
        else:
            layer = nn.LSTM if self.network == "lstm" else nn.GRU
            width = self._sizes()[0]
            net.add(layer(width, num_layers=len(self._sizes()), dropout=self.dropout, input_size=features),
                    nn.SequenceLast())
        net.add(nn.Dense(outputs, in_units=width))
        return net

    def _fit_scales(self, windows: NDArray[Any], targets: NDArray[np.float64]) -> None:
        width = windows.shape[2]
        if not self.standardize:
            self.feature_mean_, self.feature_scale_ = np.zeros(width), np.ones(width)
            self.target_mean_, self.target_scale_ = np.zeros(targets.shape[1]), np.ones(targets.shape[1])
            return
        values = windows.reshape(-1, width).astype(np.float64)
        self.feature_mean_, scale = values.mean(axis=0), values.std(axis=0)
        self.feature_scale_ = np.where(scale > 0, scale, 1.0)
        self.target_mean_, scale = targets.mean(axis=0), targets.std(axis=0)
        self.target_scale_ = np.where(scale > 0, scale, 1.0)

    def _inputs(self, windows: NDArray[Any]) -> NDArray[np.float32]:
        """(samples, steps, features), scaled."""
        scaled: NDArray[np.float32] = ((windows - self.feature_mean_) / self.feature_scale_).astype(np.float32)
        return scaled

    def _frames(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the network sees: (steps, samples, features)."""
        return np.ascontiguousarray(inputs.transpose(1, 0, 2))

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = dict(super().__getstate__())
        if "net_" in state:
            state["net_"] = {name: p.data().asnumpy() for name, p in self.net_.collect_params().items()}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "net_" in state:
            self.net_ = self._build(len(self.feature_mean_), len(self.target_mean_))
            for name, parameter in self.net_.collect_params().items():
                parameter.set_data(state["net_"][name])
