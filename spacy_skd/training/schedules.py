"""Schedules of the interpolation weight lambda (`kd_weight`) over the steps of a run."""

from dataclasses import dataclass

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
