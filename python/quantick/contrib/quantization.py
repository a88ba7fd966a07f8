"""Post-training quantization: a float network becomes a fixed-bits program.

    quantizer = Quantizer(model=net, quantized_dtype="auto", exclude_layers=["fc_final"])
    qnet = quantizer.quantize()          # no data: scales at run time, per row and step, from the past alone
    qnet = quantizer.quantize(data)      # scales from calibration data
    y = qnet.predict(x)
    print(qnet.report)

Names and defaults are MXNet's where it had them; docs/quantization.md says what each setting does.
"""
from __future__ import annotations

import itertools
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from quantick import _core, nd
from quantick._core import (
    Block,
    CorrectionNote,
    FloatNode,
    Histogram,
    LayerPlan,
    NDArray,
    Observer,
    Program,
    QuantizationConfig,
    QuantizationReport,
    Session,
    ShapeError,
    Stream,
    TensorReport,
    UnsupportedError,
    WalkForwardWindow,
    batch_axis,
    choose_format,
    correction_names,
    cosine_similarity,
    make_observer,
    observer_names,
    quantize,
    sqnr_db,
    wrap,
)

__all__ = [
    "CalibrationCollector",
    "CorrectionNote",
    "FloatNode",
    "Histogram",
    "LayerPlan",
    "Observer",
    "QuantizationConfig",
    "QuantizationReport",
    "QuantizedNet",
    "Quantizer",
    "TensorReport",
    "WalkForwardWindow",
    "choose_format",
    "correction_names",
    "cosine_similarity",
    "make_observer",
    "observer_names",
    "plan",
    "quantize_net",
    "quantize_walk_forward",
    "sqnr_db",
    "walk_forward_windows",
]

Progress = Callable[[int, "int | None"], object]


def _float32(value: Any) -> NDArray:
    """An NDArray on `value`'s memory; float64 is rounded to float32, for a quantized input is coarser than both."""
    if hasattr(value, "__dlpack__"):
        array = value if isinstance(value, NDArray) else wrap(value)
    else:  # a frame, a list
        array = nd.array(value)
    return array.astype("float32") if array.dtype == "float64" else array


def _feature_names(value: Any) -> list[str]:
    """Those of a frame, or none."""
    names = getattr(value, "column_names", None) or getattr(value, "columns", None)
    if names is None or isinstance(names, str) or callable(names):
        return []
    names = list(names)
    return names if all(isinstance(name, str) for name in names) else []


def _is_array(value: Any) -> bool:
    return hasattr(value, "__dlpack__") or hasattr(value, "__array__")


def _batches(data: Any) -> Iterator[NDArray]:
    """One array, or an iterable of arrays or of (inputs, labels, ...), as a DataLoader gives them."""
    if _is_array(data):
        yield _float32(data)
        return
    if isinstance(data, (str, bytes, Mapping)) or not isinstance(data, Iterable):
        raise TypeError(f"[quantize] calibration data, was a {type(data).__name__}, expected an array or an iterable "
                        "of batches")
    for batch in data:
        if isinstance(batch, (tuple, list)) and batch and _is_array(batch[0]):
            batch = batch[0]
        yield _float32(batch)


def _joined(network: Block, config: QuantizationConfig, data: Any) -> NDArray | None:
    """Held-out data, as calibration data comes, in one array."""
    if data is None:
        return None
    batches = list(_batches(data))
    if not batches:
        raise ValueError("[quantize] no held_out data: the iterable is empty")
    if len(batches) == 1:
        return batches[0]
    return nd.concat(batches, axis=batch_axis(network, config, batches[0].shape))


def _check_network(network: Any) -> None:
    if isinstance(network, QuantizedNet):
        raise TypeError("[quantize] network, was a QuantizedNet, expected the float Block that it was made of")
    if not isinstance(network, Block):
        raise TypeError(f"[quantize] network, was a {type(network).__name__}, expected a Block")


def _collect(network: Block, config: QuantizationConfig, data: Any, batches: int | None,
             examples: int | None) -> list[NDArray]:
    """At most `batches` batches; whole ones until there are `examples` samples."""
    if data is None:
        return []
    for name, limit in (("num_calib_batches", batches), ("num_calib_examples", examples)):
        if limit is not None and limit < 1:
            raise ValueError(f"[quantize] {name}, was {limit}, expected at least 1")
    collected: list[NDArray] = []
    seen = 0
    for batch in itertools.islice(_batches(data), batches):
        collected.append(batch)
        if examples is not None:
            seen += batch.shape[batch_axis(network, config, batch.shape)]
            if seen >= examples:
                break
    if not collected:
        raise ValueError("[quantize] no calibration data: the iterable is empty")
    return collected


class Collector(Protocol):
    """What quantize_net(LayerOutputCollector=...) takes."""

    def collect(self, name: str, op_name: str, arr: NDArray) -> None: ...

    def post_collect(self) -> Mapping[str, tuple[float, float]]: ...


class CalibrationCollector:
    """Base of observers written in Python, as MXNet has it: quantize_net(..., LayerOutputCollector=collector).

        class Peaks(CalibrationCollector):
            def collect(self, name, op_name, arr):
                peak = float(abs(arr.asnumpy()).max())
                low, high = self.min_max_dict.get(name, (0.0, 0.0))
                self.min_max_dict[name] = (min(low, -peak), max(high, peak))

    Ranges stand for whatever calibration would choose a range for; what they leave out gets calib_mode naive's.
    """

    def __init__(self) -> None:
        self.min_max_dict: dict[str, tuple[float, float]] = {}

    def collect(self, name: str, op_name: str, arr: NDArray) -> None:
        """Sees each float32 tensor of each batch: "input", "fc.output", ..., the operator that makes it ("" for the
        input), and a copy of its values."""
        raise NotImplementedError(f"{type(self).__name__}.collect(name, op_name, arr)")

    def post_collect(self) -> Mapping[str, tuple[float, float]]:
        """After all batches: (low, high) by the names that collect() was given."""
        return self.min_max_dict


class QuantizedNet:
    """A quantized network: its program, and the report of what quantization cost."""

    def __init__(self, program: Program, report: QuantizationReport) -> None:
        self.program = program
        self.report = report
        self._session: Session | None = None

    @property
    def session(self) -> Session:
        """The program with its weights packed; made at the first call."""
        if self._session is None:
            self._session = Session(self.program)
        return self._session

    def predict(self, x: Any) -> NDArray:
        """The program's output for x, float32 [steps, batch, features], or [batch, features] where the network reads
        single rows; float64 is rounded. The bits are those of streams, of other machines and of other batches.

        Columns of a frame must have the names that the program's input has, where it has some. Raises ValueError.
        """
        expected, names = self.program.columns, _feature_names(x)
        if expected and names and names != expected:
            raise ValueError(f"[quantized net] columns of the frame, were {', '.join(names)}, expected "
                             f"{', '.join(expected)}")
        return self.session.run(_float32(x))

    __call__ = predict

    def stream(self, instruments: int = 1, window: int = 0) -> Stream:
        """Steps tick by tick, on the same packed weights."""
        return Stream(self.session, instruments=instruments, window=window)

    def sqnr_db(self, x: Any, reference: Any, remove_mean: bool = False) -> float:
        """Signal to noise in dB of predict(x) against `reference`: the float outputs, or the float network itself."""
        x = _float32(x)
        expected = reference(x) if callable(reference) else reference
        return sqnr_db(_float32(expected), self.predict(x), remove_mean)

    def save(self, path: str | os.PathLike[str]) -> str:
        """Writes the program's file; returns its SHA-256 identity."""
        return self.program.save(path)

    def __getstate__(self) -> tuple[Program, QuantizationReport]:
        return self.program, self.report

    def __setstate__(self, state: tuple[Program, QuantizationReport]) -> None:
        self.program, self.report = state
        self._session = None

    def __repr__(self) -> str:
        return f"QuantizedNet({self.program!r})"

    def _repr_html_(self) -> str:
        return str(getattr(self.report, "_repr_html_")())  # stubs leave out names with an underscore


class Quantizer:
    """Post-training quantization of a whole network.

    quantized_dtype: activations between layers: auto, int8, uint8, int16, int4
    calib_mode: range of activations where there is data: naive, moving_average, percentile, entropy, mse
    quantize_mode: full (every layer) or smart (layers that multiply integers)
    quantize_granularity: scales of weights: channel-wise, tensor-wise, group-wise
    exclude_layers, exclude_layers_match, exclude_operators: what stays float, by name, pattern and operator
    settings: any other field of QuantizationConfig
    """

    def __init__(
        self,
        model: Block,
        quantized_dtype: str = "auto",
        calib_mode: str = "naive",
        quantize_mode: str = "full",
        quantize_granularity: str = "channel-wise",
        exclude_layers: Sequence[str] = (),
        exclude_layers_match: Sequence[str] = (),
        exclude_operators: Sequence[str] = (),
        **settings: Any,
    ) -> None:
        _check_network(model)
        self.model = model
        self._config = QuantizationConfig(
            quantized_dtype=quantized_dtype,
            calib_mode=calib_mode,
            quantize_mode=quantize_mode,
            quantize_granularity=quantize_granularity,
            exclude_layers=exclude_layers,
            exclude_layers_match=exclude_layers_match,
            exclude_operators=exclude_operators,
            **settings,
        )

    def config(self) -> QuantizationConfig:
        """A copy of the settings, to change and hand to quantize_net()."""
        return self._config.copy()

    def quantize(self, data: Any = None, *, held_out: Any = None, progress: Progress | None = None) -> QuantizedNet:
        """Without data: causal dynamic quantization; the network must have been called once. With data: static.

        data: an array, a list of batches, a DataLoader, or any iterable of batches or of (inputs, labels). The arrays
        are [steps, batch, features] or [batch, features], float32 (float64 is rounded). A frame's column names become
        those of the program's input.
        held_out: what the report compares on, in the same forms; rows of the data where it is None.
        progress: called with the number of batches observed and their total.
        Raises UnsupportedError, which names every layer and reason, where a layer cannot be in a program.
        """
        config = self.config()
        if data is None:
            config.calib_mode = "none"
        return _quantize(self.model, config, data, held_out, progress=progress)


def _quantize(
    network: Block,
    config: QuantizationConfig,
    data: Any,
    held_out: Any,
    *,
    data_shapes: Any = None,
    num_calib_batches: int | None = None,
    num_calib_examples: int | None = None,
    progress: Progress | None = None,
    logger: logging.Logger | None = None,
    collector: Collector | None = None,
) -> QuantizedNet:
    _check_network(network)
    if progress is not None and not callable(progress):
        raise TypeError(f"[quantize] progress, was a {type(progress).__name__}, expected a callable")
    batches = _collect(network, config, data, num_calib_batches, num_calib_examples)
    held = _joined(network, config, held_out)

    def on_batch(done: int) -> None:
        if progress is not None:
            progress(done, len(batches))

    last = _core.last_input_shapes(network)
    try:
        program, report = quantize(network, config, batches, held, _input_shape(data_shapes),
                                   None if progress is None else on_batch,
                                   None if collector is None else collector.collect,
                                   None if collector is None else lambda: dict(collector.post_collect()))
    except ShapeError as error:  # of a forward() written in Python: the core says it for its own blocks
        if not batches or "calibration data" in str(error) or "held_out" in str(error):
            raise
        raise ShapeError(f"{error}; calibration data, was {batches[0].shape}"
                         + ("" if last in ([], [batches[0].shape]) else f", the model was last called with {last[0]}")
                         ) from error
    except TypeError as error:
        if len(last) < 2:
            raise
        raise UnsupportedError(f"[quantize] inputs of the network, were {len(last)} at its last call, expected one: join "
                               "them along the last axis, and let forward() slice them") from error
    if names := _feature_names(data):
        program.columns = names
    if logger is not None:
        logger.info("quantized %s, calibrated on %d rows", program, report.calibration_rows)
        for warning in report.warnings:
            logger.warning("%s", warning)
    return QuantizedNet(program, report)


def _input_shape(data_shapes: Any) -> tuple[int, ...] | None:
    """MXNet's data_shapes: a shape, or a list with one shape or one (name, shape)."""
    if data_shapes is None:
        return None
    shapes = list(data_shapes)
    if all(isinstance(extent, int) for extent in shapes):
        return tuple(shapes)
    if len(shapes) != 1:
        raise ValueError(f"[quantize] data_shapes, were {len(shapes)}, expected one: a network has one input")
    shape = getattr(shapes[0], "shape", shapes[0])
    if len(shape) == 2 and isinstance(shape[0], str):
        shape = shape[1]
    return tuple(int(extent) for extent in shape)


def quantize_net(
    network: Block,
    quantized_dtype: str | QuantizationConfig | Mapping[str, Any] | None = None,
    quantize_mode: str | None = None,
    quantize_granularity: str | None = None,
    exclude_layers: Sequence[str] | None = None,
    exclude_layers_match: Sequence[str] | None = None,
    exclude_operators: Sequence[str] | None = None,
    calib_data: Any = None,
    data_shapes: Any = None,
    calib_mode: str | None = None,
    num_calib_batches: int | None = None,
    ctx: Any = None,
    LayerOutputCollector: Any = None,  # noqa: N803, MXNet's name
    logger: logging.Logger | None = None,
    *,
    config: QuantizationConfig | Mapping[str, Any] | None = None,
    held_out: Any = None,
    progress: Progress | None = None,
    device: Any = None,
    num_calib_examples: int | None = None,
    **settings: Any,
) -> QuantizedNet:
    """Quantization with every setting: arguments in MXNet's order, then any field of QuantizationConfig by name.

    `config` (also in second place) gives settings that the other arguments change. Without them the defaults are
    QuantizationConfig's: scales per channel, and ranges by calib_mode "naive" where there is calibration data.

    calib_data: as Quantizer.quantize takes it. None: dynamic quantization; the network was called once, or data_shapes
    gives its input's shape.
    num_calib_batches: of calib_data, at most. num_calib_examples: batches until there are so many samples.
    held_out: what the report compares on; rows of the calibration data where it is None.
    progress: called with the number of batches observed and their total.
    logger: hears one line, and the report's warnings.
    ctx, device: the CPU.
    LayerOutputCollector: a CalibrationCollector, or what has its two methods, that chooses the ranges (calib_mode
    "custom"). Raises UnsupportedError with the correction bias_correction, which calibrates several times.
    """
    if isinstance(quantized_dtype, (QuantizationConfig, Mapping)):
        if config is not None:
            raise TypeError("[quantize] config is given twice, by place and by name")
        config, quantized_dtype = quantized_dtype, None
    for name, value in (("ctx", ctx), ("device", device)):
        if value is not None and not str(value).startswith("cpu"):
            raise ValueError(f"[quantize] {name}, was {value}, expected the CPU")
    if LayerOutputCollector is not None:
        for name in ("collect", "post_collect"):
            if not callable(getattr(LayerOutputCollector, name, None)):
                raise TypeError(f"[quantize] LayerOutputCollector, was a {type(LayerOutputCollector).__name__} without "
                                f"{name}(), expected a CalibrationCollector")
        if calib_data is None:
            raise ValueError("[quantize] LayerOutputCollector watches calibration, but calib_data was None")
    values = config.to_dict() if isinstance(config, QuantizationConfig) else dict(config or {})
    given = dict(
        settings,
        quantized_dtype=quantized_dtype,
        quantize_mode=quantize_mode,
        quantize_granularity=quantize_granularity,
        exclude_layers=exclude_layers,
        exclude_layers_match=exclude_layers_match,
        exclude_operators=exclude_operators,
        calib_mode=calib_mode,
    )
    values.update((name, value) for name, value in given.items() if value is not None)
    if LayerOutputCollector is not None:
        if calib_mode is None and values.get("calib_mode", "naive") == "naive":  # the default
            values["calib_mode"] = "custom"
        if values.get("calib_mode") != "custom":
            raise ValueError(f"[quantize] calib_mode, was {values['calib_mode']}, expected custom where a "
                             "LayerOutputCollector chooses the ranges")
    method = values.get("method", "auto")
    if calib_data is None and "calib_mode" not in values and method in (None, "auto"):
        values["calib_mode"] = "none"
    return _quantize(network, QuantizationConfig(**values), calib_data, held_out, data_shapes=data_shapes,
                     num_calib_batches=num_calib_batches, num_calib_examples=num_calib_examples, progress=progress,
                     logger=logger, collector=LayerOutputCollector)


def plan(
    network: Block,
    config: QuantizationConfig | Mapping[str, Any] | None = None,
    *,
    data_shapes: Any = None,
    **settings: Any,
) -> list[LayerPlan]:
    """What quantization would do with each operation of the network, before any data is run: names for rules, methods,
    widths, and what stays float or cannot be in a program, with reasons.

    config, settings: as quantize_net takes them; methods are those with calibration data, or with calib_mode="none"
    those without. data_shapes: the input's shape; None: that of the network's last call.
    Raises ValueError for names and patterns in the settings that meet nothing.
    """
    _check_network(network)
    values = config.to_dict() if isinstance(config, QuantizationConfig) else dict(config or {})
    values.update((name, value) for name, value in settings.items() if value is not None)
    shape = _input_shape(data_shapes) or next(iter(_core.last_input_shapes(network)), None)
    if shape is None:
        raise ValueError("[quantize] the network's input is not known: call it once, or pass data_shapes")
    return _core.plan_layers(network, QuantizationConfig(**values), shape)


# ---- in time order

def _row_times(times: Any) -> list[int]:
    import numpy as np

    if isinstance(times, int):
        return list(range(times))
    if getattr(times, "tz", None) is not None:
        times = times.tz_convert(None)
    values = np.asarray(times)
    if values.ndim != 1:
        raise ValueError(f"[walk forward] times, were of shape {values.shape}, expected one per row")
    if values.dtype.kind in "OUM":
        try:
            values = values.astype("datetime64[ns]")
        except (TypeError, ValueError) as error:
            raise TypeError(f"[walk forward] times, were {times!r:.80}, expected dates or whole numbers") from error
        if np.isnat(values).any():
            raise ValueError(f"[walk forward] time of row {int(np.isnat(values).argmax())} is missing")
    elif values.dtype.kind not in "iu":
        raise TypeError(f"[walk forward] times, were {values.dtype}, expected dates or whole numbers")
    return [int(value) for value in values.astype(np.int64)]


def walk_forward_windows(times: Any, window: int, step: int, embargo: int = 0) -> list[WalkForwardWindow]:
    """Which rows calibrate and which may use the result, so that no range knows the future.

    times: that of each row, ascending: dates (NumPy, pandas, datetime, ISO texts), whole numbers, or the number of rows
    where each has a time of its own. Rows of one time stay together.
    window, step, embargo: in distinct times: calibrated on are `window` (0: all from the start, and `step` at first),
    left out the next `embargo`, valid the `step` after those.
    """
    return _core.walk_forward_windows(_row_times(times), window, step, embargo)


def quantize_walk_forward(
    network: Block,
    data: Any,
    windows: Iterable[WalkForwardWindow],
    config: QuantizationConfig | Mapping[str, Any] | None = None,
    **settings: Any,
) -> list[QuantizedNet]:
    """A quantized network for each window, calibrated on the window's rows of `data` alone.

    data: one array, rows along the batch's axis ([steps, rows, features] or [rows, features]).
    config, settings: as quantize_net takes them; also held_out, logger and LayerOutputCollector's class or function,
    which is called for each window.
    Raises ShapeError where a window leaves the data.
    """
    _check_network(network)
    rows = _float32(data)
    collector = settings.pop("LayerOutputCollector", None)
    values = config.to_dict() if isinstance(config, QuantizationConfig) else dict(config or {})
    layout = settings.get("layout") or values.get("layout") or "auto"
    axis = batch_axis(network, QuantizationConfig(layout=layout), rows.shape)
    out = []
    for window in windows:
        if not isinstance(window, WalkForwardWindow):
            raise TypeError(f"[walk forward] window, was a {type(window).__name__}, expected a WalkForwardWindow")
        if not 0 <= window.first < window.last <= rows.shape[axis]:
            raise ShapeError(f"[walk forward] window, was rows {window.first} to {window.last}, expected within "
                             f"{rows.shape[axis]} rows")
        part = rows[window.first:window.last] if axis == 0 else rows[:, window.first:window.last]
        out.append(quantize_net(network, values, calib_data=part,
                                LayerOutputCollector=None if collector is None else collector(), **settings))
    return out
