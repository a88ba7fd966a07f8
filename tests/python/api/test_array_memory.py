"""A hundred thousand arrays, views, borrowed memories, round trips and tapes come and go in flat memory."""
import gc
import os
import subprocess
import sys

import numpy as np
import pytest

import quantick
from quantick import autograd, nd

CYCLES = 100_000
#: Bytes that the process may grow by over the last four fifths: less than one of a hundred bytes per cycle.
ALLOWED = 2 << 20
PAGE = os.sysconf("SC_PAGE_SIZE")


def resident():
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * PAGE


SOURCE = np.arange(12, dtype=np.float32).reshape(3, 4)
ARRAY, VARIABLE = nd.array(SOURCE), nd.array(SOURCE)
VARIABLE.attach_grad()


def tape():
    with autograd.record():
        loss = (VARIABLE * 2).sum()
    loss.backward()


def abandoned_tape():
    with autograd.record():
        VARIABLE[0].tanh()


def refusal():
    try:
        nd.add(ARRAY, SOURCE[:, :3])
    except quantick.ShapeError:
        pass


CYCLE = {
    "arrays": lambda: nd.zeros(100), "copies": ARRAY.copy, "views": lambda: ARRAY[1:, ::2].T,
    "picked": lambda: ARRAY[[0, 2]], "assigned": lambda: ARRAY.__setitem__((slice(None), 1), 5),
    "from_numpy": lambda: nd.from_numpy(SOURCE), "to NumPy": lambda: np.asarray(ARRAY), "asnumpy": ARRAY.asnumpy,
    "DLPack": lambda: nd.from_dlpack(np.from_dlpack(nd.from_dlpack(SOURCE))), "capsules": ARRAY.__dlpack__,
    "buffers": lambda: nd.from_numpy(memoryview(SOURCE)), "arithmetic": lambda: SOURCE + ARRAY * 2 - 1,
    "operators": lambda: nd.sum(SOURCE, axes=1), "in place": lambda: ARRAY.__imul__(1),
    "items": lambda: ARRAY[0, 0].item(),
    "tapes": tape, "tapes without a pass": abandoned_tape, "gradients": lambda: nd.ones(3).attach_grad(),
    "errors": refusal, "random": lambda: nd.random.uniform(shape=3),
}


@pytest.mark.memory
@pytest.mark.parametrize("kind", CYCLE)
def test_memory_is_flat(kind):
    cycle = CYCLE[kind]
    for _ in range(CYCLES // 5):
        cycle()
    gc.collect()
    before = resident()
    for _ in range(CYCLES - CYCLES // 5):
        cycle()
    gc.collect()
    grown = resident() - before
    assert grown < ALLOWED, f"{grown} bytes more after {CYCLES} cycles"


DAEMON = """
import threading
import numpy as np
from quantick import autograd, nd
x = nd.from_numpy(np.arange(6.0))
x.attach_grad()
autograd.record().__enter__()
y, view = (x * 2).sum(), np.asarray(x)

def compute():
    while True:
        nd.add(nd.ones(50_000), 1)
threading.Thread(target=compute, daemon=True).start()
nd.ones((300, 300)) @ nd.ones((300, 300))
"""


def test_the_end_is_quiet_whatever_is_still_alive():
    """Arrays of NumPy's memory, a tape, and a daemon thread that asks for Python's lock while the interpreter ends."""
    for _ in range(5):
        done = subprocess.run([sys.executable, "-c", DAEMON], capture_output=True, text=True, timeout=60,
                              env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.memory
def test_a_leak_would_be_seen():
    kept, before = [], resident()
    for _ in range(CYCLES - CYCLES // 5):
        kept.append(nd.zeros(3))
    assert resident() - before > 2 * ALLOWED
