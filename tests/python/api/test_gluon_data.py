"""Loaders, samplers and stores with Gluon's names."""
import numpy as np
import pytest

from quantick import kvstore, nd, optimizer, train
from quantick.gluon import data


def test_loader_gives_every_sample_once():
    x, y = np.arange(20, dtype=np.float32).reshape(10, 2), np.arange(10)
    loader = data.DataLoader(data.ArrayDataset(x, y), 4, shuffle=True, seed=3)
    passes = [[(a.asnumpy(), b.asnumpy()) for a, b in loader] for _ in range(2)]
    again = [[b.asnumpy() for _, b in loader] for loader in [data.DataLoader(data.ArrayDataset(x, y), 4, True, seed=3)]][0]
    assert [len(a) for a, _ in passes[0]] == [4, 4, 2] and len(loader) == 3
    for one in passes:
        assert sorted(np.concatenate([b for _, b in one]).tolist()) == list(range(10))
        assert all(np.array_equal(a, x[b.astype(int)]) for a, b in one)
    assert not all(np.array_equal(a[1], b[1]) for a, b in zip(*passes))
    assert all(np.array_equal(a[1], b) for a, b in zip(passes[0], again))


@pytest.mark.parametrize(("last", "lengths", "count"), [("keep", [4, 4, 2], 3), ("discard", [4, 4], 2)])
def test_last_batches(last, lengths, count):
    loader = data.DataLoader(np.arange(10), 4, last_batch=last)
    assert [len(b) for b in loader] == lengths and len(loader) == count


def test_rollover_begins_the_next_pass():
    sampler = data.BatchSampler(data.SequentialSampler(5), 3, "rollover")
    assert [list(sampler), len(sampler), list(sampler)] == [[[0, 1, 2]], 2, [[3, 4, 0], [1, 2, 3]]]


def test_samplers():
    assert list(data.SequentialSampler(3, 5)) == [5, 6, 7]
    assert list(data.IntervalSampler(7, 3)) == [0, 3, 6, 1, 4, 2, 5]
    assert list(data.IntervalSampler(7, 3, rollover=False)) == [0, 3, 6] and len(data.IntervalSampler(7, 3, False)) == 3
    assert list(data.FilterSampler(lambda v: v > 2, data.SimpleDataset([1, 3, 2, 4]))) == [1, 3]
    custom = data.DataLoader(data.SimpleDataset([5.0, 6.0, 7.0]), batch_sampler=data.BatchSampler(data.SequentialSampler(3), 2),
                             batchify_fn=list)
    assert list(custom) == [[5.0, 6.0], [7.0]]


def test_datasets():
    pairs = data.ArrayDataset(np.arange(5), np.arange(5) * 10)
    assert pairs[3] == (3, 30) and len(pairs) == 5
    assert pairs.transform(lambda a, b: a + b)[2] == 22
    assert pairs.transform_first(lambda a: -a, lazy=False)[4] == (-4, 40)
    assert data.SimpleDataset([1, 2]).transform_first(lambda a: a * 2)[1] == 4
    simple = data.SimpleDataset(list(range(7)))
    assert [list(simple.shard(3, i)) for i in range(3)] == [[0, 1, 2], [3, 4], [5, 6]]
    assert list(simple.filter(lambda v: v % 2)) == [1, 3, 5] and list(simple.take(2)) == [0, 1]
    assert list(simple.sample(data.SequentialSampler(2, 3))) == [3, 4]
    for make, text in ((lambda: data.ArrayDataset(), "was none"), (lambda: data.ArrayDataset([1], [1, 2]), "expected one length"),
                       (lambda: simple.shard(3, 3), "shard, was 3"), (lambda: data.DataLoader(simple), "batch_size, was None"),
                       (lambda: data.DataLoader(simple, 2, True, data.SequentialSampler(7)), "expected one of them"),
                       (lambda: data.BatchSampler(data.SequentialSampler(2), 0), "batch_size, was 0"),
                       (lambda: data.BatchSampler(data.SequentialSampler(2), 1, "drop"), "last_batch, was drop")):
        with pytest.raises(ValueError, match=text):
            make()


def test_batches_of_arrays_stay_arrays():
    rows = data.ArrayDataset(nd.array(np.eye(4, dtype=np.float32)), nd.arange(4))
    x, y = next(iter(data.DataLoader(rows, 3)))
    assert x.shape == (3, 4) and y.shape == (3,)


def test_windows_are_those_of_the_training_loop():
    rng = np.random.default_rng(1)
    features = rng.standard_normal((8, 3, 2)).astype(np.float32)
    labels = rng.standard_normal((8, 3)).astype(np.float32)
    features[2, 1, 0] = labels[7, 0] = np.nan
    windows = data.WindowDataset(features, labels, window=3, last=8)
    panel = train.PanelDataset(features, labels, 3)
    assert windows.places == panel.places().tolist() and len(windows) == len(panel)
    x, y = next(iter(data.DataLoader(windows, len(windows))))
    assert x.shape == (len(panel), 3, 2) and np.array_equal(y.asnumpy(), panel.labels().asnumpy())
    date, instrument = windows.places[5]
    assert np.array_equal(x.asnumpy()[5], features[date - 2:date + 1, instrument]) and np.isfinite(x.asnumpy()).all()


@pytest.mark.parametrize("name", ["local", "device"])
def test_store(name):
    store = kvstore.create(name)
    assert (store.type, store.rank, store.num_workers) == (name, 0, 1)
    store.init(["a", "b"], [nd.ones((2,)), nd.zeros((3,))])
    out = nd.zeros((2,))
    store.push("a", [nd.full((2,), 2), nd.full((2,), 3)])
    store.pull("a", out=out)
    assert out.asnumpy().tolist() == [5, 5]
    store.pushpull("b", nd.full((3,), 4), out=[nd.zeros((3,)), (held := nd.zeros((3,)))])
    assert held.asnumpy().tolist() == [4, 4, 4]
    store.broadcast("c", nd.ones((1,)), (one := nd.zeros((1,))))
    assert one.item() == 1
    store.set_updater(lambda key, pushed, stored: stored.__setitem__(slice(None), stored - pushed))
    store.push("a", nd.ones((2,)))
    store.pull("a", out)
    assert out.asnumpy().tolist() == [4, 4]
    for call, text in ((lambda: store.init("a", nd.ones((1,))), "there already"), (lambda: store.pull("z", out), "not there"),
                       (lambda: store.pull("a"), "out was None"), (lambda: store.save_optimizer_states("x"), "no optimizer")):
        with pytest.raises(ValueError, match=text):
            call()


def test_store_with_an_optimizer(tmp_path):
    def trained(split):
        store = kvstore.create()
        store.init([0, 1], [nd.ones((2,)), nd.zeros((1,))])
        store.set_optimizer(optimizer.Adam(learning_rate=0.1))
        store.push([0, 1], [nd.ones((2,)), nd.ones((1,))])
        if split:
            store.save_optimizer_states(tmp_path / "s.safetensors")
            store.set_optimizer(optimizer.Adam(learning_rate=0.1))
            store.load_optimizer_states(tmp_path / "s.safetensors")
        store.push([0, 1], [nd.full((2,), -3), nd.ones((1,))])
        store.pull(0, out := nd.zeros((2,)))
        return out.asnumpy()

    assert np.array_equal(trained(True), trained(False))


@pytest.mark.parametrize("keys", [["w", "layer.bias"], [9, 3]])
def test_a_store_keeps_states_under_its_keys(tmp_path, keys):
    def store(weights):
        made = kvstore.create()
        made.set_optimizer(optimizer.Adam(learning_rate=0.1))
        made.init(keys, weights)
        return made

    def pushed(made, times):
        for _ in range(times):
            made.push(keys, [nd.array([0.5]), nd.array([1.0, -1.0])])
        out = [nd.zeros((1,)), nd.zeros((2,))]
        made.pull(keys, out)
        return out

    start = [nd.array([1.0]), nd.array([2.0, 3.0])]
    first = store(start)
    second = store(pushed(first, 2))
    first.save_optimizer_states(tmp_path / "states")
    second.load_optimizer_states(tmp_path / "states")
    assert [w.tolist() for w in pushed(second, 1)] == [w.tolist() for w in pushed(store(start), 3)]
    other = kvstore.create()
    other.set_optimizer(optimizer.Adam())
    other.init("another", nd.array([1.0]))
    with pytest.raises(ValueError, match="expected those of another"):
        other.load_optimizer_states(tmp_path / "states")


def test_stores_of_several_processes_are_refused():
    for name in ("dist_sync", "dist_device_async", "nccl", "horovod"):
        with pytest.raises(NotImplementedError, match=f"store {name}: not here, expected local or device"):
            kvstore.create(name)
    with pytest.raises(ValueError, match="was locl"):
        kvstore.create("locl")
    with pytest.raises(TypeError, match="was a int"):
        kvstore.create(3)
    with pytest.raises(NotImplementedError, match="gradient compression"):
        kvstore.create().set_gradient_compression({})
    with pytest.raises(NotImplementedError, match="sparse rows"):
        kvstore.create().row_sparse_pull("a")
    assert kvstore.KVStoreBase.is_capable("optimizer") and not kvstore.KVStore.is_capable("compression")
