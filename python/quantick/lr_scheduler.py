"""Learning rates by update number, with MXNet's names and counting: scheduler(num_update), the first update is 1."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from quantick._checks import expect, number, whole
from quantick._core import CoreSchedule, make_schedule

__all__ = ["ConstantScheduler", "CosineScheduler", "FactorScheduler", "LRScheduler", "MultiFactorScheduler",
           "PolyScheduler"]


class LRScheduler:
    """Base of all schedules: subclasses write __call__(num_update). An optimizer sets base_lr to its own rate.

    From warmup_begin_lr at update 0, warmup_steps updates lead to base_lr in a line, or stay at the former with
    warmup_mode "constant".
    """

    def __init__(self, base_lr: float = 0.01, warmup_steps: int = 0, warmup_begin_lr: float = 0,
                 warmup_mode: str = "linear") -> None:
        self._keywords: dict[str, Any] = {"warmup_steps": whole(warmup_steps, "[lr_scheduler] warmup_steps"),
                                          "warmup_begin_lr": number(warmup_begin_lr, "[lr_scheduler] warmup_begin_lr"),
                                          "warmup_mode": warmup_mode}
        self.base_lr = base_lr

    def __call__(self, num_update: int) -> float:
        raise NotImplementedError(f"[{type(self).__name__}] has no __call__(num_update)")

    def __repr__(self) -> str:
        keywords = {"base_lr": self.base_lr, **self._keywords}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in keywords.items())})"


class _CoreScheduler(LRScheduler):
    """A schedule of the core: train.fit takes the same class by name with the same arguments."""

    _core: CoreSchedule | None = None

    def _make(self, **keywords: Any) -> None:
        self._keywords = {**keywords, **self._keywords}
        self._core = make_schedule(type(self).__name__, self._keywords)

    def __call__(self, num_update: int) -> float:
        assert self._core is not None
        return self._core(whole(num_update, "[lr_scheduler] num_update"), number(self.base_lr, "[lr_scheduler] base_lr"))


class ConstantScheduler(_CoreScheduler):
    """base_lr after the warm-up."""

    def __init__(self, base_lr: float = 0.01, warmup_steps: int = 0, warmup_begin_lr: float = 0,
                 warmup_mode: str = "linear") -> None:
        super().__init__(base_lr, warmup_steps, warmup_begin_lr, warmup_mode)
        self._make()


class FactorScheduler(_CoreScheduler):
    """base_lr * factor^floor((num_update - 1) / step), at least stop_factor_lr."""

    def __init__(self, step: int, factor: float = 1, stop_factor_lr: float = 1e-8, base_lr: float = 0.01,
                 warmup_steps: int = 0, warmup_begin_lr: float = 0, warmup_mode: str = "linear") -> None:
        super().__init__(base_lr, warmup_steps, warmup_begin_lr, warmup_mode)
        self._make(step=whole(step, "[lr_scheduler] step"), factor=number(factor, "[lr_scheduler] factor"),
                   stop_factor_lr=number(stop_factor_lr, "[lr_scheduler] stop_factor_lr"))


class MultiFactorScheduler(_CoreScheduler):
    """base_lr * factor^(number of the steps below num_update)."""

    def __init__(self, step: Sequence[int], factor: float = 1, base_lr: float = 0.01, warmup_steps: int = 0,
                 warmup_begin_lr: float = 0, warmup_mode: str = "linear") -> None:
        super().__init__(base_lr, warmup_steps, warmup_begin_lr, warmup_mode)
        self._make(step=[whole(s, "[lr_scheduler] step") for s in expect(step, Sequence, "[lr_scheduler] step", "a list")],
                   factor=number(factor, "[lr_scheduler] factor"))


class PolyScheduler(_CoreScheduler):
    """final_lr + (base_lr - final_lr) * (1 - s)^pwr, s the share of the max_update updates that is done."""

    def __init__(self, max_update: int, base_lr: float = 0.01, pwr: float = 2, final_lr: float = 0,
                 warmup_steps: int = 0, warmup_begin_lr: float = 0, warmup_mode: str = "linear") -> None:
        super().__init__(base_lr, warmup_steps, warmup_begin_lr, warmup_mode)
        self._make(max_update=whole(max_update, "[lr_scheduler] max_update"), pwr=number(pwr, "[lr_scheduler] pwr"),
                   final_lr=number(final_lr, "[lr_scheduler] final_lr"))


class CosineScheduler(_CoreScheduler):
    """final_lr + (base_lr - final_lr) * (1 + cos(pi s)) / 2, s as above (Loshchilov & Hutter 2017)."""

    def __init__(self, max_update: int, base_lr: float = 0.01, final_lr: float = 0, warmup_steps: int = 0,
                 warmup_begin_lr: float = 0, warmup_mode: str = "linear") -> None:
        super().__init__(base_lr, warmup_steps, warmup_begin_lr, warmup_mode)
        self._make(max_update=whole(max_update, "[lr_scheduler] max_update"),
                   final_lr=number(final_lr, "[lr_scheduler] final_lr"))
