"""Memory shared with torch, both ways. Opt-in: torch is 5 GB and in no list of requirements."""
import numpy as np
import pytest

from quantick import nd

try:
    import torch
except ImportError:
    pytest.skip("torch is not installed: zero-copy to and from it is not shown", allow_module_level=True)

DTYPES = ("float32", "float64", "int8", "uint8", "int16", "int32", "int64", "bool")


@pytest.mark.parametrize("dtype", DTYPES)
def test_memory_is_shared_both_ways(dtype):
    tensor = torch.zeros((3, 4), dtype=getattr(torch, dtype))
    x = nd.from_dlpack(tensor)
    assert np.asarray(x).ctypes.data == tensor.data_ptr() and x.dtype == dtype
    x[1, 2] = 1
    assert tensor[1, 2] == 1
    back = torch.from_dlpack(x)
    assert back.data_ptr() == tensor.data_ptr() and back.dtype == tensor.dtype
    del tensor, back
    assert np.asarray(x)[1, 2] == 1


def test_views_keep_their_strides():
    tensor = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
    x = nd.from_dlpack(tensor.permute(2, 0, 1)[1:, :, ::2])
    np.testing.assert_array_equal(np.asarray(x), tensor.permute(2, 0, 1)[1:, :, ::2].numpy())
    assert torch.equal(torch.from_dlpack(x.T), torch.from_numpy(np.asarray(x).T))


def test_operators_take_tensors():
    a, b = torch.randn(5, 6), torch.randn(6, 7)
    np.testing.assert_allclose(np.asarray(nd.matmul(a, b)), (a @ b).numpy(), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(np.asarray(nd.from_dlpack(a) + a), (a + a).numpy())


def test_what_torch_does_not_share_is_refused():
    for tensor, text in ((torch.zeros(2, dtype=torch.bfloat16), r"\[array\] was of bfloat16, expected float32"),
                         (torch.zeros(2, requires_grad=True),
                          r"\[array\] a torch\.Tensor that requires a gradient, expected one")):
        with pytest.raises(TypeError, match=text):
            nd.from_dlpack(tensor)
