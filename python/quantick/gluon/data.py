"""Datasets, samplers and the loader of batches, with Gluon's names.

train.fit has datasets of its own (quantick.train): these are for loops written by hand.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from typing import Any

from quantick import nd
from quantick._checks import expect, whole
from quantick._core import NDArray, PanelDataset

__all__ = ["ArrayDataset", "BatchSampler", "DataLoader", "Dataset", "FilterSampler", "IntervalSampler", "RandomSampler",
           "Sampler", "SequentialSampler", "SimpleDataset", "WindowDataset", "default_batchify_fn"]


class Dataset:
    """Samples by number: subclasses write __getitem__ and __len__."""

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"[{type(self).__name__}] has no __getitem__")

    def __len__(self) -> int:
        raise NotImplementedError(f"[{type(self).__name__}] has no __len__")

    def transform(self, fn: Callable[..., Any], lazy: bool = True) -> Dataset:
        """fn(*sample) in place of each sample: at each access, or once with lazy=False."""

        def applied(sample: Any) -> Any:
            return fn(*sample) if isinstance(sample, tuple) else fn(sample)

        if lazy:
            return _Lazy(self, applied)
        return SimpleDataset([applied(self[i]) for i in range(len(self))])

    def transform_first(self, fn: Callable[[Any], Any], lazy: bool = True) -> Dataset:
        """fn of the first element of each sample, the others as they are."""
        return self.transform(lambda first, *rest: (fn(first), *rest) if rest else fn(first), lazy)

    def filter(self, fn: Callable[[Any], bool]) -> Dataset:
        """Samples for which fn is true."""
        return SimpleDataset([self[i] for i in range(len(self)) if fn(self[i])])

    def shard(self, num_shards: int, index: int) -> Dataset:
        """The index-th of num_shards parts, which differ in size by at most one sample."""
        if not 0 <= index < num_shards:
            raise ValueError(f"[dataset] shard, was {index}, expected 0 .. {num_shards - 1}")
        size, extra = divmod(len(self), num_shards)
        start = size * index + min(index, extra)
        return SimpleDataset([self[i] for i in range(start, start + size + (index < extra))])

    def take(self, count: int | None) -> Dataset:
        """The first samples; all where None."""
        wanted = len(self) if count is None else min(count, len(self))
        return SimpleDataset([self[i] for i in range(wanted)])

    def sample(self, sampler: Sampler) -> Dataset:
        """Samples in the order of a sampler."""
        return SimpleDataset([self[i] for i in sampler])


class _Lazy(Dataset):
    def __init__(self, data: Dataset, fn: Callable[[Any], Any]) -> None:
        self._data, self._fn = data, fn

    def __len__(self) -> int:
        return len(self._data)

    def __getitem__(self, index: int) -> Any:
        return self._fn(self._data[index])


class SimpleDataset(Dataset):
    """A list as a dataset."""

    def __init__(self, data: Sequence[Any]) -> None:
        self._data = data

    def __len__(self) -> int:
        return len(self._data)

    def __getitem__(self, index: int) -> Any:
        return self._data[index]


class ArrayDataset(Dataset):
    """Sample i is the i-th row of each array, a tuple; of one array, the row."""

    def __init__(self, *args: Any) -> None:
        if not args:
            raise ValueError("[dataset] arrays, was none, expected at least one")
        sizes = [len(expect(array, Sized, "[dataset] arrays", "arrays or lists")) for array in args]
        if len(set(sizes)) > 1:
            raise ValueError(f"[dataset] lengths of the arrays, was {sizes}, expected one length")
        self._arrays = args

    def __len__(self) -> int:
        return len(self._arrays[0])

    def __getitem__(self, index: int) -> Any:
        row = tuple(array[index] for array in self._arrays)
        return row[0] if len(row) == 1 else row


class WindowDataset(Dataset):
    """Windows of a panel: sample i is (x (window, features), y), features (dates, instruments, features) and labels
    (dates, instruments) being NumPy arrays, NaN where something is missing. Dates are those in first .. last - 1 (-1:
    all); a sample has a finite label, and `window` complete bars up to its date. `places[i]` is its date and instrument.

    train.PanelDataset holds the same samples for train.fit.
    """

    def __init__(self, features: Any, labels: Any, window: int, first: int = 0, last: int = -1) -> None:
        self._features, self._labels, self._window = features, labels, window
        self.places: list[tuple[int, int]] = PanelDataset(features, labels, window, first, last).places().tolist()

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> Any:
        date, instrument = self.places[index]
        return self._features[date - self._window + 1:date + 1, instrument], self._labels[date, instrument]


class Sampler:
    """Numbers of samples in an order: subclasses write __iter__ and __len__."""

    def __iter__(self) -> Iterator[int]:
        raise NotImplementedError(f"[{type(self).__name__}] has no __iter__")

    def __len__(self) -> int:
        raise NotImplementedError(f"[{type(self).__name__}] has no __len__")


class SequentialSampler(Sampler):
    """start, start + 1, ..."""

    def __init__(self, length: int, start: int = 0) -> None:
        self._length, self._start = length, start

    def __iter__(self) -> Iterator[int]:
        return iter(range(self._start, self._start + self._length))

    def __len__(self) -> int:
        return self._length


class RandomSampler(Sampler):
    """Another order at each pass; passes of samplers of one seed are the same."""

    def __init__(self, length: int, seed: int = 0) -> None:
        self._length, self._seed, self._passes = length, seed, 0

    def __iter__(self) -> Iterator[int]:
        import random

        order = list(range(self._length))
        random.Random(f"{self._seed} {self._passes}").shuffle(order)
        self._passes += 1
        return iter(order)

    def __len__(self) -> int:
        return self._length


class FilterSampler(Sampler):
    """Numbers of the samples for which fn(sample) is true."""

    def __init__(self, fn: Callable[[Any], bool], dataset: Dataset) -> None:
        self._indices = [i for i in range(len(dataset)) if fn(dataset[i])]

    def __iter__(self) -> Iterator[int]:
        return iter(self._indices)

    def __len__(self) -> int:
        return len(self._indices)


class IntervalSampler(Sampler):
    """0, interval, 2 interval, ..., then with rollover from 1 on, and so forth."""

    def __init__(self, length: int, interval: int, rollover: bool = True) -> None:
        if not 0 < whole(interval, "[sampler] interval") <= whole(length, "[sampler] length"):
            raise ValueError(f"[sampler] interval, was {interval}, expected 1 .. {length}")
        self._length, self._interval, self._rollover = length, interval, rollover

    def __iter__(self) -> Iterator[int]:
        for start in range(self._interval if self._rollover else 1):
            yield from range(start, self._length, self._interval)

    def __len__(self) -> int:
        return self._length if self._rollover else len(range(0, self._length, self._interval))


class BatchSampler(Sampler):
    """Lists of numbers. last_batch: what does not fill a batch is kept ("keep"), left out ("discard"), or begins the
    next pass ("rollover")."""

    def __init__(self, sampler: Sampler, batch_size: int, last_batch: str = "keep") -> None:
        if whole(batch_size, "[sampler] batch_size") < 1:
            raise ValueError(f"[sampler] batch_size, was {batch_size}, expected > 0")
        if last_batch not in ("keep", "discard", "rollover"):
            raise ValueError(f"[sampler] last_batch, was {last_batch}, expected keep, discard or rollover")
        self._sampler, self._batch_size, self._last_batch = sampler, batch_size, last_batch
        self._left: list[int] = []

    def __iter__(self) -> Iterator[Any]:
        batch, self._left = self._left, []
        for i in self._sampler:
            batch.append(i)
            if len(batch) == self._batch_size:
                yield batch
                batch = []
        if batch and self._last_batch == "keep":
            yield batch
        elif batch and self._last_batch == "rollover":
            self._left = batch

    def __len__(self) -> int:
        count = len(self._sampler) + len(self._left)
        return -(-count // self._batch_size) if self._last_batch == "keep" else count // self._batch_size


def default_batchify_fn(data: Sequence[Any]) -> Any:
    """Samples stacked along a new first axis; of tuples, element by element."""
    data = list(expect(data, Iterable, "[data_loader] samples", "a list of samples"))
    if not data:
        raise ValueError("[data_loader] samples, were none, expected one or more")
    if isinstance(data[0], tuple):
        return [default_batchify_fn(column) for column in zip(*data, strict=True)]
    if isinstance(data[0], NDArray):
        return nd.stack(list(data), axis=0)
    import numpy

    return nd.array(numpy.asarray(data))


class DataLoader:
    """Batches of a dataset: for x, y in DataLoader(dataset, 32, shuffle=True, seed=1): ...

    batch_sampler takes the place of batch_size, shuffle, sampler and last_batch. batchify_fn makes a batch of a list of
    samples. The pass over the data runs in this thread: num_workers and what follows it change nothing.
    """

    def __init__(self, dataset: Any, batch_size: int | None = None, shuffle: bool = False,
                 sampler: Sampler | None = None, last_batch: str | None = None,
                 batch_sampler: BatchSampler | None = None, batchify_fn: Callable[[Sequence[Any]], Any] | None = None,
                 seed: int = 0, *, num_workers: int = 0, pin_memory: bool = False, pin_device_id: int = 0,
                 prefetch: int | None = None, thread_pool: bool = False, timeout: int = 120,
                 auto_reload: bool = False) -> None:
        if batch_sampler is None:
            if batch_size is None:
                raise ValueError("[data_loader] batch_size, was None, expected a number beside no batch_sampler")
            if shuffle and sampler is not None:
                raise ValueError("[data_loader] shuffle and sampler, expected one of them")
            chosen = sampler
            if chosen is None:
                expect(dataset, Sized, "[data_loader] dataset", "a Dataset or a list")
                chosen = RandomSampler(len(dataset), seed) if shuffle else SequentialSampler(len(dataset))
            batch_sampler = BatchSampler(chosen, batch_size, last_batch or "keep")
        elif batch_size is not None or shuffle or sampler is not None or last_batch is not None:
            raise ValueError("[data_loader] batch_sampler, expected it alone, without batch_size, shuffle, sampler and "
                             "last_batch")
        self._dataset, self._batch_sampler = dataset, batch_sampler
        self._batchify = batchify_fn or default_batchify_fn

    def __iter__(self) -> Iterator[Any]:
        for batch in self._batch_sampler:
            yield self._batchify([self._dataset[i] for i in batch])

    def __len__(self) -> int:
        return len(self._batch_sampler)
