import pytest
import torch

from xinc_lightning.canvas.precision import full_precision, one_thread


def test_full_precision_whatever_the_user_chose():
    torch.set_float32_matmul_precision("medium")
    try:
        with full_precision():
            assert torch.get_float32_matmul_precision() == "highest"
            assert not torch.backends.cudnn.allow_tf32
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")


def test_thread_count_is_restored_after_an_exception():
    def fail():
        with one_thread():
            assert torch.get_num_threads() == 1
            raise RuntimeError("on purpose")

    torch.set_num_threads(2)
    with pytest.raises(RuntimeError, match="on purpose"):
        fail()
    assert torch.get_num_threads() == 2
