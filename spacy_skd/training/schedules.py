"""Schedules over the steps of a run: the learning rate, and the interpolation weight `kd_weight`."""

import re
from dataclasses import dataclass
from typing import Optional, Union

from spacy import registry

from ..errors import Errors, SkdError


@dataclass(frozen=True)
class LinearSchedule:
    """From `initial` at the first step in a straight line to `final` at `total_steps`, then constant.

    A picklable function of the step and not, as thinc's own schedules are, a generator: pipelines
    that carry one are pickled and copied.
    """

    initial: float
    final: float
    total_steps: int

    def __call__(self, step: int) -> float:
        done = min(step / self.total_steps, 1.0)
        return self.initial + (self.final - self.initial) * done


@registry.schedules("spacy-skd.Linear.v1")
def make_linear(total_steps: int, initial: float = 1.0, final: float = 0.0) -> LinearSchedule:
    """Teacher annealing (Wang et al. 2020, section 3.3): only the teachers at first, only gold at last.

    total_steps (int): Steps of the run, usually ${training.max_steps}.
    initial (float): Weight of the distillation loss at step 0, in [0, 1].
    final (float): Weight at `total_steps`, in [0, 1].
    Raises `SkdError` for weights outside [0, 1] or fewer steps than 1.
    """
    for name, value in (("initial", initial), ("final", final)):
        if not 0 <= value <= 1:
            raise SkdError(Errors.SKD025.format(name=f"kd_weight.{name}", value=value))
    if total_steps < 1:
        raise SkdError(Errors.SKD026.format(value=total_steps))
    return LinearSchedule(initial, final, total_steps)


def make_constant(value: float) -> LinearSchedule:
    """The same weight at every step: a line that is level."""
    return make_linear(total_steps=1, initial=value, final=value)


# What a setting is where its block is resolved without the rest of the config.
VARIABLE = re.compile(r"\$\{[\w.:-]+\}")


@dataclass
class WarmupLinear:
    """Learning rates, one for each step: from 0 to `initial_rate` in `warmup_steps`, then in a
    straight line to 0 at `total_steps`; where that is None, `initial_rate` throughout.

    An iterator and not, as thinc's own schedules are, a generator: pipelines keep their optimizer,
    and are pickled and copied.
    """

    initial_rate: float
    warmup_steps: int
    total_steps: Optional[int]
    step: int = 0

    def __iter__(self) -> "WarmupLinear":
        return self

    def __next__(self) -> float:
        step, self.step = self.step, self.step + 1
        if self.total_steps is None:
            return self.initial_rate
        if step < self.warmup_steps:
            return self.initial_rate * step / self.warmup_steps
        left = (self.total_steps - step) / max(1, self.total_steps - self.warmup_steps)
        return self.initial_rate * max(0.0, left)


@registry.schedules("spacy-skd.WarmupLinear.v1")
def make_warmup_linear(
    initial_rate: float, warmup_steps: int, total_steps: Union[int, str]
) -> WarmupLinear:
    """The learning rate of thinc's `warmup_linear.v1`, for pipelines that are trained on by hand too.

    `nlp.create_optimizer()`, which `nlp.update`, `nlp.resume_training` and `nlp.initialize` rest on,
    resolves [training.optimizer] alone, where no variable has a value; thinc's schedule makes an
    error of that. How long such a training goes on nobody knows, and whoever calls `nlp.update`
    seldom steps the schedules, which would leave the rate at the 0 of the warm-up. So it is level.

    initial_rate (float): The highest rate, above 0.
    warmup_steps (int): Steps on the way up, from 0 up.
    total_steps (Union[int, str]): The step at which the rate is 0, usually ${training.max_steps}.
    Raises `SkdError` for anything out of range.
    """
    if isinstance(total_steps, str) and VARIABLE.fullmatch(total_steps):
        total_steps = None
    elif isinstance(total_steps, str) or total_steps < 1:
        raise rate_error("total_steps", total_steps, "a whole number from 1 up")
    if not 0 < initial_rate < float("inf"):
        raise rate_error("initial_rate", initial_rate, "a number above 0")
    if warmup_steps < 0:
        raise rate_error("warmup_steps", warmup_steps, "a whole number from 0 up")
    return WarmupLinear(initial_rate, warmup_steps, total_steps)


def rate_error(name: str, value: object, expected: str) -> SkdError:
    return SkdError(Errors.SKD048.format(name=name, value=value, expected=expected))
