"""Qlib's workflow files: what they name is read, and the model part runs here.

A block that Qlib does not have says how to quantize::

    quantize:
      quantized_dtype: auto
"""
from __future__ import annotations

import dataclasses
import math
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from quantick.qlib import handlers
from quantick.qlib.data import BinData

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from quantick.contrib.quantization import QuantizedNet
    from quantick.nn import HybridSequential
    from quantick.train import Dataset, History

# What calibration sees at most: rows spread over the training segment.
CALIBRATION_ROWS = 4096
BATCH = 4096

_SEGMENTS = ("train", "valid", "test")
# Settings of Qlib's models that choose where the work runs, not what is computed.
_PLACES = {"GPU", "n_jobs", "device", "pt_model_uri"}


@dataclasses.dataclass
class Workflow:
    """What a workflow file says, checked."""

    provider_uri: str
    freq: str
    market: str | list[str]
    handler: str
    start: Any
    end: Any
    label: tuple[str, str]
    infer: list[handlers.Processor]
    learn: list[handlers.Processor]
    segments: dict[str, tuple[Any, Any]]
    step_len: int  #: 0: rows as the handler has them
    model: str
    model_settings: dict[str, Any]
    quantize: dict[str, Any] | None
    notes: list[str]


def _need(block: Mapping[str, Any], key: str, where: str) -> Any:
    if not isinstance(block, Mapping) or key not in block:
        raise ValueError(f"[qlib] {where}.{key} is missing")
    return block[key]


def _processors(blocks: Sequence[Mapping[str, Any]] | None, usual: list[dict[str, Any]],
                fit: dict[str, Any]) -> list[handlers.Processor]:
    out = []
    for block in usual if blocks is None else blocks:
        kwargs = dict(block.get("kwargs") or {})
        name = str(_need(block, "class", "processor"))
        if name in ("ZScoreNorm", "RobustZScoreNorm", "MinMaxNorm"):
            kwargs = fit | kwargs
        out.append(handlers.Processor(name, kwargs))
    return out


def read_workflow(path: str | pathlib.Path | Mapping[str, Any], provider_uri: str | pathlib.Path | None = None) -> Workflow:
    """Reads a workflow file, or takes one that is read already. `provider_uri` stands in for the file's.

    Raises ValueError that names what is missing and UnsupportedError for classes that are not here.
    """
    from quantick import UnsupportedError
    if isinstance(path, Mapping):
        config: Mapping[str, Any] = path
    else:
        import yaml
        text = pathlib.Path(path).read_text()
        if "{{" in text or "{%" in text:
            raise UnsupportedError(f"[qlib] {path} is a Jinja template; render it first")
        config = yaml.safe_load(text)
    for key in ("BASE_CONFIG_PATH", "sys"):
        if key in config:
            raise UnsupportedError(f"[qlib] key {key}, which loads other code or files; put its content into one file")
    task = _need(config, "task", "workflow")
    dataset, model = _need(task, "dataset", "task"), _need(task, "model", "task")
    kwargs = _need(dataset, "kwargs", "task.dataset")
    handler = _need(kwargs, "handler", "task.dataset.kwargs")
    name = str(_need(handler, "class", "handler"))
    if name not in handlers.HANDLERS:
        raise UnsupportedError(f"[qlib] handler {name}, expected one of {', '.join(handlers.HANDLERS)}")
    settings = dict(_need(handler, "kwargs", "handler"))
    if settings.get("filter_pipe"):
        raise UnsupportedError("[qlib] filter_pipe of the handler is not here; filter the instruments file")
    known = {"start_time", "end_time", "fit_start_time", "fit_end_time", "instruments", "infer_processors",
             "learn_processors", "label", "freq", "filter_pipe"}
    if unknown := sorted(set(settings) - known):
        raise UnsupportedError(f"[qlib] handler settings {', '.join(unknown)}, expected some of {', '.join(sorted(known))}")
    fit = {key: settings[key] for key in ("fit_start_time", "fit_end_time") if settings.get(key) is not None}
    plain_infer: list[dict[str, Any]] = [{"class": "ProcessInf"}, {"class": "ZScoreNorm"}, {"class": "Fillna"}]
    plain_learn: list[dict[str, Any]] = [{"class": "DropnaLabel"}, {"class": "CSZScoreNorm", "kwargs": {"fields_group": "label"}}]
    label = settings.get("label") or [handlers.LABEL[0]]
    label = [label] if isinstance(label, str) else list(label)
    if len(label) != 1:
        raise UnsupportedError(f"[qlib] labels, were {len(label)}, expected one")
    segments = _need(kwargs, "segments", "task.dataset.kwargs")
    sets = str(_need(dataset, "class", "task.dataset"))
    if sets not in ("DatasetH", "TSDatasetH"):
        raise UnsupportedError(f"[qlib] dataset {sets}, expected DatasetH or TSDatasetH")
    notes = [] if sets == "DatasetH" else [
        "windows are of days in a row on which an instrument belongs to the market; Qlib fills shorter ones up, also "
        "from later days"]
    quantize = config.get("quantize", {})
    init = config.get("qlib_init") or {}
    uri = provider_uri or init.get("provider_uri")
    if uri is None:
        raise ValueError("[qlib] qlib_init.provider_uri is missing, expected the folder of the data")
    return Workflow(
        provider_uri=str(uri), freq=str(settings.get("freq", "day")), market=settings.get("instruments", "csi300"),
        handler=name, start=settings.get("start_time"), end=settings.get("end_time"), label=(label[0], handlers.LABEL[1]),
        infer=_processors(settings.get("infer_processors"), plain_infer if name == "Alpha360" else [], fit),
        learn=_processors(settings.get("learn_processors"), plain_learn, fit),
        segments={key: tuple(_need(segments, key, "segments")) for key in _SEGMENTS},
        step_len=int(kwargs.get("step_len", 30)) if sets == "TSDatasetH" else 0,
        model=str(_need(model, "class", "task.model")), model_settings=dict(model.get("kwargs") or {}),
        quantize=None if quantize is None or quantize is False else dict(quantize), notes=notes)


# --- models -----------------------------------------------------------------------------------------------------------

def _recurrent(kind: str) -> Callable[[dict[str, Any]], HybridSequential]:
    def build(settings: dict[str, Any]) -> HybridSequential:
        from quantick import nn
        layer = nn.LSTM if kind == "LSTM" else nn.GRU
        net = nn.HybridSequential()
        width = int(settings.pop("hidden_size", 64))
        net.add(layer(width, num_layers=int(settings.pop("num_layers", 2)), dropout=float(settings.pop("dropout", 0.0)),
                      input_size=int(settings.pop("d_feat", 0))), nn.SequenceLast(), nn.Dense(1, in_units=width))
        return net
    return build


def _dense(settings: dict[str, Any]) -> HybridSequential:
    from quantick import nn
    inner = dict(settings.pop("pt_model_kwargs", {}))
    net, width = nn.HybridSequential(), int(inner.pop("input_dim", 0))
    net.add(nn.SequenceLast())
    for units in inner.pop("layers", (256,)):
        net.add(nn.Dense(int(units), activation="relu", in_units=width))
        width = int(units)
    net.add(nn.Dense(1, in_units=width))
    if inner:
        raise ValueError(f"[qlib] pt_model_kwargs {', '.join(sorted(inner))}, expected input_dim and layers")
    return net


# Each takes its settings out of those of the model.
_MODELS: dict[str, Callable[[dict[str, Any]], HybridSequential]] = {
    "LSTM": _recurrent("LSTM"), "GRU": _recurrent("GRU"), "DNNModelPytorch": _dense}

# Qlib's names for settings of train.fit.
_FIT_NAMES = {"n_epochs": "epochs", "batch_size": "batch_size", "early_stop": "patience",
              "early_stop_rounds": "patience", "seed": "seed"}
_MONITORS = {"": "loss", "loss": "loss", "mse": "loss", "ic": "ic", "rank_ic": "rank_ic"}
_OPTIMIZERS = {"adam": "Adam", "gd": "SGD", "sgd": "SGD", "adamw": "AdamW"}


def _fit_options(settings: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    """Options of train.fit from what is left of a model's settings; the rest is refused by name."""
    options: dict[str, Any] = {"batch_size": 2000}
    for key in sorted(_PLACES & set(settings)):
        notes.append(f"model setting {key} = {settings.pop(key)!r} is not used: one machine's CPU")
    for key, name in _FIT_NAMES.items():
        if settings.get(key) is not None:
            options[name] = int(settings.pop(key))
    metric = str(settings.pop("metric", ""))
    if metric not in _MONITORS:
        raise ValueError(f"[qlib] metric, was {metric!r}, expected one of {', '.join(k for k in _MONITORS if k)}")
    options["monitor"] = _MONITORS[metric]
    optimizer = str(settings.pop("optimizer", "adam")).lower()
    if optimizer not in _OPTIMIZERS:
        raise ValueError(f"[qlib] optimizer, was {optimizer!r}, expected one of {', '.join(_OPTIMIZERS)}")
    options["optimizer"] = _OPTIMIZERS[optimizer]
    options["optimizer_params"] = {"learning_rate": float(settings.pop("lr", 0.001)),
                                   "wd": float(settings.pop("weight_decay", 0.0))}
    loss = settings.pop("loss", "mse")
    if loss != "mse":
        raise ValueError(f"[qlib] loss, was {loss!r}, expected mse")
    if settings:
        raise ValueError(f"[qlib] model settings {', '.join(sorted(settings))} are not known here")
    return options


# --- data -------------------------------------------------------------------------------------------------------------

class _Rows:
    """Samples that are rows of the handler's table; Alpha360's are windows of 60 days already."""

    def __init__(self, table: dict[str, pd.DataFrame], steps: int) -> None:
        self._table, self._steps = table, steps

    def __len__(self) -> int:
        return len(self.index)

    @property
    def index(self) -> pd.MultiIndex:
        return self._table["feature"].index

    @property
    def features(self) -> int:
        return int(self._table["feature"].shape[1]) // self._steps

    def inputs(self, begin: int, end: int, stride: int = 1) -> NDArray[np.float32]:
        """(steps, rows, features) of some rows."""
        import numpy as np
        rows = self._table["feature"].to_numpy(dtype=np.float32)[begin:end:stride]
        # Columns run field by field, each from the oldest day to the newest.
        return np.ascontiguousarray(rows.reshape(len(rows), self.features, self._steps).transpose(2, 0, 1))

    def dataset(self) -> Dataset:
        import numpy as np

        from quantick import train
        x = np.ascontiguousarray(self.inputs(0, len(self)).transpose(1, 0, 2))
        days = self.index.get_level_values("datetime")
        return train.ArrayDataset(x, self._table["label"].to_numpy(dtype=np.float32)[:, 0],
                                  groups=days.factorize()[0].astype(np.int64))


class _Windows:
    """Samples that are windows of days in a row, on a table of days by instruments."""

    def __init__(self, past: dict[str, pd.DataFrame], table: dict[str, pd.DataFrame], calendar: pd.DatetimeIndex,
                 step_len: int) -> None:
        import numpy as np
        import pandas as pd

        from quantick import train
        features = pd.concat([past["feature"], table["feature"]]) if len(past["feature"]) else table["feature"]
        days = calendar[(calendar >= features.index[0][0]) & (calendar <= features.index[-1][0])]
        names = sorted(features.index.get_level_values("instrument").unique())
        at = (days.get_indexer(features.index.get_level_values("datetime")),
              pd.Index(names).get_indexer(features.index.get_level_values("instrument")))
        self._panel = np.full((len(days), len(names), features.shape[1]), np.nan, np.float32)
        self._panel[at] = features.to_numpy(dtype=np.float32)
        labels = np.full((len(days), len(names)), np.nan, np.float32)
        own = len(features) - len(table["feature"])
        values = table["label"].to_numpy(dtype=np.float32)[:, 0]
        labels[at[0][own:], at[1][own:]] = values
        self._steps = step_len
        self._data = train.PanelDataset(self._panel, labels, step_len)
        self._places = np.asarray(self._data.places())
        self.index = pd.MultiIndex.from_arrays([days[self._places[:, 0]], [names[i] for i in self._places[:, 1]]],
                                               names=["datetime", "instrument"])

    def __len__(self) -> int:
        return len(self._places)

    @property
    def features(self) -> int:
        return int(self._panel.shape[2])

    def inputs(self, begin: int, end: int, stride: int = 1) -> NDArray[np.float32]:
        import numpy as np
        places = self._places[begin:end:stride]
        ages = np.arange(self._steps - 1, -1, -1)
        return np.ascontiguousarray(self._panel[places[:, 0] - ages[:, None], places[:, 1]])

    def dataset(self) -> Dataset:
        return self._data


# --- the run ----------------------------------------------------------------------------------------------------------

@dataclasses.dataclass
class WorkflowResult:
    """What a workflow gave. Predictions and labels are Series over (datetime, instrument) of the test segment, as
    Qlib's pred.pkl and label.pkl."""

    workflow: Workflow
    net: HybridSequential
    history: History
    pred: pd.Series[float]  #: of the network in float32
    label: pd.Series[float]  #: raw, NaN where there is none
    quantized: QuantizedNet | None
    pred_quantized: pd.Series[float] | None
    metrics: dict[str, dict[str, float]]  #: by "float32" and "int8": IC, ICIR, Rank IC, Rank ICIR over the test days

    def __str__(self) -> str:
        rows = [f"{'':10s}" + "".join(f"{name:>12s}" for name in next(iter(self.metrics.values())))]
        rows += [f"{key:10s}" + "".join(f"{v:12.4f}" for v in values.values()) for key, values in self.metrics.items()]
        return "\n".join(rows + [f"note: {note}" for note in self.workflow.notes])


def signal_metrics(pred: pd.Series[float], label: pd.Series[float]) -> dict[str, float]:
    """Qlib's SigAnaRecord: means of the daily correlations of predictions with labels, and means over deviations."""
    from quantick import backtest
    out = {}
    for name, daily in (("IC", backtest.ic), ("Rank IC", backtest.rank_ic)):
        summary = backtest.summarize(daily(pred, label))
        out[name], out[name.replace("IC", "ICIR")] = summary.mean, summary.ratio
    return out


def _chunks(samples: _Rows | _Windows) -> Iterator[NDArray[np.float32]]:
    for begin in range(0, len(samples), BATCH):
        yield samples.inputs(begin, begin + BATCH)


def run_workflow(path: str | pathlib.Path | Mapping[str, Any], provider_uri: str | pathlib.Path | None = None,
                 callbacks: Sequence[Any] = (), seed: int = 0) -> WorkflowResult:
    """Data, features, training, quantization and signal analysis of a workflow file.

    `provider_uri` stands in for the file's; `callbacks` go to train.fit; `seed` where the model has none.
    """
    import numpy as np
    import pandas as pd

    from quantick import UnsupportedError, train
    from quantick.contrib.quantization import quantize_net
    from quantick.gluon.loss import L2Loss

    workflow = read_workflow(path, provider_uri)
    if workflow.model not in _MODELS:
        raise UnsupportedError(f"[qlib] model {workflow.model}, expected one of {', '.join(_MODELS)}")
    settings = dict(workflow.model_settings)
    net = _MODELS[workflow.model](settings)
    max_steps = settings.pop("max_steps", None)
    options = {"seed": seed} | _fit_options(settings, workflow.notes)

    data = BinData(workflow.provider_uri, workflow.freq)
    wanted = handlers.HANDLERS[workflow.handler]()
    if workflow.infer and workflow.infer[0].name == "FilterCol":  # what it leaves out need not be computed
        kept = workflow.infer[0].kwargs.get("col_list", [])
        wanted = {name: text for name, text in wanted.items() if name in kept}
    features, labels = handlers.load(data, workflow.market, wanted, {workflow.label[1]: workflow.label[0]},
                                     workflow.start, workflow.end)
    raw_labels = labels.iloc[:, 0]
    inferred = {"feature": features, "label": labels}
    for processor in workflow.infer:
        inferred = processor.apply(inferred)
    learned = inferred
    for processor in workflow.learn:
        learned = processor.apply(learned)

    def part(table: dict[str, pd.DataFrame], segment: str) -> dict[str, pd.DataFrame]:
        begin, end = (pd.Timestamp(d) for d in workflow.segments[segment])
        days = table["feature"].index.get_level_values("datetime")
        rows = {key: value[(days >= begin) & (days <= end)] for key, value in table.items()}
        if len(rows["feature"]) == 0:
            raise ValueError(f"[qlib] segment {segment} from {begin.date()} to {end.date()} has no rows")
        return rows

    def samples(table: dict[str, pd.DataFrame], segment: str, known: bool) -> _Rows | _Windows:
        rows = part(table, segment)
        if not known:  # predictions are made with and without a label
            rows = rows | {"label": rows["label"] * 0 + 0.0}
            rows["label"] = rows["label"].fillna(0.0)
        if workflow.step_len == 0:
            steps = 60 if workflow.handler == "Alpha360" and workflow.model != "DNNModelPytorch" else 1
            return _Rows(rows, steps)
        first = rows["feature"].index[0][0]
        before = data.calendar[max(0, data.calendar.get_loc(first) - workflow.step_len + 1)]
        days = inferred["feature"].index.get_level_values("datetime")
        past = {"feature": inferred["feature"][(days >= before) & (days < first)]}
        return _Windows(past, rows, data.calendar, workflow.step_len)

    training, validation, test = (samples(learned, "train", True), samples(learned, "valid", True),
                                  samples(inferred, "test", False))
    if not all(np.isfinite(chunk).all() for chunk in _chunks(training)):
        raise ValueError("[qlib] features of the train segment have missing values; add Fillna to infer_processors")
    if max_steps is not None:  # Qlib counts steps where train.fit counts passes
        options["epochs"] = math.ceil(int(max_steps) * options["batch_size"] / len(training))
    net.initialize("xavier", seed=options["seed"])
    history = train.fit(net, L2Loss(), training.dataset(), validation=validation.dataset(),
                        callbacks=callbacks, **options)

    def predictions(model: Callable[[NDArray[np.float32]], Any]) -> pd.Series[float]:
        values = np.concatenate([np.asarray(model(chunk)).reshape(-1) for chunk in _chunks(test)])
        return pd.Series(values, index=test.index, name="score")

    label = raw_labels.reindex(test.index)
    pred = predictions(net)
    quantized, pred_quantized = None, None
    metrics = {"float32": signal_metrics(pred, label)}
    if workflow.quantize is not None:
        stride = -(-len(training) // CALIBRATION_ROWS)
        quantized = quantize_net(net, calib_data=training.inputs(0, len(training), stride), **workflow.quantize)
        pred_quantized = predictions(quantized.predict)
        metrics["int8"] = signal_metrics(pred_quantized, label)
    return WorkflowResult(workflow, net, history, pred, label, quantized, pred_quantized, metrics)
