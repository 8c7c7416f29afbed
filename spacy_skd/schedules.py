"""Schedules over the steps of a run: the interpolation weight `kd_weight`, the learning rate."""

import re
from array import array
from dataclasses import dataclass
from itertools import islice
from typing import Any, Callable, Dict, Iterator, Optional, Union

from spacy import registry

from .errors import Errors, SkdError
from .settings import check_number

Schedule = Callable[[int], float]

# So many steps a copy of a generator's values knows; later ones have the last of these.
HORIZON = 100_000


@dataclass(frozen=True)
class Weight:
    """The weight at each step, in [0, 1]: a function that is pickled and copied if `schedule` is.

    Raises `SkdError` when the schedule gives anything else.
    """

    schedule: Schedule

    def __call__(self, step: int) -> float:
        try:
            value = self.schedule(step)
        except (ArithmeticError, TypeError, ValueError) as error:
            raise SkdError(Errors.SKD032.format(step=step, reason=error)) from error
        check_number(f"kd_weight at step {step}", value, 0, 1)
        return float(value)


def make_weight(kd_weight: Union[float, Schedule, Iterator[float]]) -> Weight:
    """The weight from what a config can give: a number, a function of the step, or the values of
    the steps one after the other, as thinc's schedules give them. Raises `SkdError` for anything
    else, and where the first value is not in [0, 1].
    """
    if isinstance(kd_weight, Iterator):
        schedule: Schedule = IteratedSchedule(kd_weight)
    elif callable(kd_weight):
        schedule = kd_weight
    else:
        check_number("kd_weight", kd_weight, 0, 1)
        schedule = LinearSchedule(kd_weight, kd_weight, 1)
    weight = Weight(schedule)
    weight(0)
    return weight


class IteratedSchedule:
    """The values of an iterator as a function of the step; after its end the last one stays.

    A pipeline that carries one is pickled and copied, which a generator cannot be: a copy has the
    values of the first `HORIZON` steps.
    """

    def __init__(self, values: Iterator[float]) -> None:
        self._rest = values
        self._drawn = array("d")

    def __call__(self, step: int) -> float:
        self._draw(step + 1)
        return self._drawn[min(step, len(self._drawn) - 1)]

    def __getstate__(self) -> Dict[str, Any]:
        self._draw(HORIZON)
        return {"_drawn": self._drawn, "_rest": iter(())}

    def _draw(self, size: int) -> None:
        self._drawn.extend(islice(self._rest, max(0, size - len(self._drawn))))
        if not self._drawn:
            raise ValueError("it has no value")


@dataclass(frozen=True)
class LinearSchedule:
    """From `initial` at step 0 in a straight line to `final` at `total_steps`, then constant."""

    initial: float
    final: float
    total_steps: int

    def __call__(self, step: int) -> float:
        done = min(step / self.total_steps, 1.0)
        return self.initial + (self.final - self.initial) * done


@registry.schedules("spacy-skd.Linear.v1")
def make_linear(total_steps: int, initial: float = 1.0, final: float = 0.0) -> LinearSchedule:
    """Teacher annealing (Wang et al. 2020, section 3.3): the teachers at first, gold at last.

    total_steps (int): Steps of the run, usually ${training.max_steps}.
    initial (float): Weight of the distillation loss at step 0, in [0, 1].
    final (float): Weight at `total_steps`, in [0, 1].
    Raises `SkdError` for weights outside [0, 1] or fewer steps than 1.
    """
    check_number("initial of spacy-skd.Linear.v1", initial, 0, 1)
    check_number("final of spacy-skd.Linear.v1", final, 0, 1)
    check_number("total_steps of spacy-skd.Linear.v1", total_steps, 1, whole=True)
    return LinearSchedule(initial, final, total_steps)


# What a setting is where its block is resolved without the rest of the config.
VARIABLE = re.compile(r"\$\{[\w.:-]+\}")

LEARNING_RATES = (1e-12, 1000)


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
    """The learning rate of thinc's `warmup_linear.v1`, also for pipelines trained on by hand.

    `nlp.create_optimizer()`, which `nlp.update`, `resume_training` and `initialize` rest on,
    resolves [training.optimizer] alone, where no variable has a value; thinc's schedule makes an
    error of that. How long such a training goes on nobody knows, and whoever calls `nlp.update`
    seldom steps the schedules, which would leave the rate at the 0 of the warm-up. So it is level.

    initial_rate (float): The highest rate, above 0.
    warmup_steps (int): Steps on the way up, from 0 up.
    total_steps (Union[int, str]): The step at which the rate is 0, usually ${training.max_steps}.
    Raises `SkdError` for anything out of range.
    """
    schedule = "spacy-skd.WarmupLinear.v1"
    check_number(f"initial_rate of {schedule}", initial_rate, *LEARNING_RATES)
    check_number(f"warmup_steps of {schedule}", warmup_steps, 0, whole=True)
    if isinstance(total_steps, str) and VARIABLE.fullmatch(total_steps):
        return WarmupLinear(initial_rate, warmup_steps, None)
    # Training by epochs has max_steps = 0.
    check_number(f"total_steps of {schedule} (training.max_steps)", total_steps, 1, whole=True)
    return WarmupLinear(initial_rate, warmup_steps, int(total_steps))
