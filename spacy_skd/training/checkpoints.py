"""The state of a training: all that is needed, beside config and data, to go on as if nothing had
been.

Of the optimizer these are moments, averages and counts; its schedules, and the place in the data,
follow from the number of steps. Everything is named by component and place in its model: the
numbers that thinc gives to layers differ from process to process.
"""

import random
import sys
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple

import numpy as np
import srsly
from spacy.language import Language
from thinc.api import CupyOps, Model, Optimizer, PyTorchShim, get_current_ops

from ..pipeline.crf_pipe import CRFPipe
from ..records import Damaged, first_difference, make_manifest, read_record, write_record

RECORD = "checkpoint.json"
STATE = "checkpoint.{steps}.msgpack"
FILES = "checkpoint.*"
# Other releases may compute something else from the same state.
PACKAGES = ("spacy-skd", "spacy", "thinc", "numpy")

Key = Tuple[int, str]


@dataclass
class Progress:
    """How far a training has come.

    rows (List[Dict[str, Any]]): What the logger was told at each evaluation.
    losses (Dict[str, float]): Of each component, added up since the last evaluation.
    shuffles (List[Tuple[int, List[Any]]]): The step at which each epoch began, and the random state
        that spaCy shuffled its documents with; some components draw from the same generator.
    """

    steps: int = 0
    epoch: int = 0
    words: int = 0
    seconds: float = 0.0
    rows: List[Dict[str, Any]] = field(default_factory=list)
    losses: Dict[str, float] = field(default_factory=dict)
    shuffles: List[Tuple[int, List[Any]]] = field(default_factory=list)

    @property
    def results(self) -> List[Tuple[float, int]]:
        """(score, step) of each evaluation; the first step is 0."""
        return [(row["score"], row["step"]) for row in self.rows]

    def add_row(
        self, score: float, scores: Dict[str, Any], kd_weight: Optional[float]
    ) -> Dict[str, Any]:
        """What spaCy's loggers are told at an evaluation, and ours besides. Losses begin anew."""
        step = self.steps - 1
        row = {
            "epoch": self.epoch,
            "step": step,
            "score": score,
            "other_scores": scores,
            "losses": {name: float(loss) for name, loss in self.losses.items()},
            "checkpoints": [*self.results, (score, step)],
            "seconds": int(self.seconds),
            "words": self.words,
            "kd_weight": kd_weight,
        }
        self.rows.append(row)
        self.losses = {}
        return row


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training in the folder that it writes.

    folder (Path): Where model-best and model-last are, too.
    fingerprint (str): Of what the training is made from; states of another one are not taken up.
    """

    folder: Path
    fingerprint: str

    def found(self) -> Optional[str]:
        """The name of the file of an undamaged state of this training, if there is one."""
        record = undamaged(self.folder)
        if record is None or record != self._record(record["files"]):
            return None
        return next(iter(record["files"]))

    def save(self, nlp: Language, optimizer: Optimizer, progress: Progress) -> None:
        """Write the state in place of an earlier one."""
        rows = [{**row, "other_scores": plain_of(row["other_scores"])} for row in progress.rows]
        state = {
            "progress": asdict(replace(progress, rows=rows)),
            "components": {name: dump_component(pipe) for name, pipe in nlp.components},
            "optimizer": dump_optimizer(optimizer, parameter_names(nlp)),
            "random": random_states(),
        }
        path = self.folder / STATE.format(steps=progress.steps)
        srsly.write_msgpack(path, state)
        write_record(self.folder / RECORD, self._record(make_manifest(self.folder, [path])))
        for other in self.folder.glob(FILES):
            if other.name not in (path.name, RECORD):
                other.unlink()

    def load(
        self, nlp: Language, optimizer: Optimizer, skip: Callable[[Progress], None]
    ) -> Optional[Progress]:
        """Put a state into pipeline and optimizer, and the generators of random numbers.

        skip (Callable[[Progress], None]): Passes over the data that has been learned from.
        RETURNS (Optional[Progress]): How far the training had come; None if there is no state.
        """
        name = self.found()
        if name is None:
            return None
        state = srsly.read_msgpack(self.folder / name)
        progress = Progress(**state["progress"])
        skip(progress)  # first: it draws random numbers
        for name, pipe in nlp.components:
            load_component(pipe, state["components"][name])
        load_optimizer(optimizer, parameter_names(nlp), state["optimizer"])
        set_random_states(state["random"])
        return progress

    def files(self) -> List[Path]:
        """All that the state consists of, and what is left of others."""
        return sorted(self.folder.glob(FILES))

    def remove(self) -> None:
        """Remove the state."""
        for path in self.files():
            path.unlink()

    def _record(self, files: Any) -> Dict[str, Any]:
        versions = {package: version(package) for package in PACKAGES}
        return {"fingerprint": self.fingerprint, "versions": versions, "files": files}


def undamaged(folder: Path) -> Optional[Dict[str, Any]]:
    """The record of an undamaged state in a folder, whatever training it is of."""
    try:
        record = read_record(folder / RECORD)
    except (OSError, Damaged):
        return None
    files = record.get("files")
    return record if files and first_difference(folder, files) is None else None


def last_step(name: str) -> int:
    """The step at whose evaluation a state was saved, by the name of its file."""
    return int(name.split(".")[1]) - 1


def plain_of(scores: Dict[str, Any]) -> Dict[str, Any]:
    """Those that can be saved: a scorer of the user's may give anything, by any keys."""
    return {name: value for name, value in scores.items() if is_plain(value)}


def is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and is_plain(value[key]) for key in value)
    if isinstance(value, (list, tuple)):
        return all(map(is_plain, value))
    return value is None or isinstance(value, (str, int, float, np.generic))


def dump_component(pipe: Any) -> Dict[str, Any]:
    """All parameters, and the step that a component of ours counts for its schedule."""
    return {
        "parameters": {
            name: node.ops.to_numpy(node.get_param(parameter))
            for name, node, parameter in own_parameters(pipe)
        },
        "modules": {
            name: {key: value.cpu().numpy() for key, value in module.state_dict().items()}
            for name, _, module in torch_modules(pipe)
        },
        "scalers": {
            name: [scaler._scale.item(), scaler._growth_tracker.item()]
            for name, scaler in gradient_scalers(pipe)
        },
        "step": pipe.step if isinstance(pipe, CRFPipe) else None,
    }


def load_component(pipe: Any, state: Dict[str, Any]) -> None:
    for name, node, parameter in own_parameters(pipe):
        node.set_param(parameter, node.ops.asarray(np.array(state["parameters"][name])))
    for name, _, module in torch_modules(pipe):
        import torch

        values = state["modules"][name].items()
        module.load_state_dict({key: torch.tensor(np.array(value)) for key, value in values})
    for name, scaler in gradient_scalers(pipe):
        scale, growth = state["scalers"][name]
        scaler._scale.fill_(scale)
        scaler._growth_tracker.fill_(growth)
    if state["step"] is not None:
        pipe.step = state["step"]


def own_parameters(pipe: Any) -> Iterator[Tuple[str, Model, str]]:
    """(name, layer, name within the layer) of each parameter that thinc holds."""
    for i, node in enumerate(layers(pipe)):
        for name in node.param_names:
            if node.has_param(name):
                yield f"{i}/{name}", node, name


def torch_modules(pipe: Any) -> Iterator[Tuple[str, Any, Any]]:
    """(name, shim, module) of each module of PyTorch that is trained."""
    for i, node in enumerate(layers(pipe)):
        for j, shim in enumerate(node.shims):
            if hasattr(shim._model, "named_parameters"):
                yield f"{i}/shim-{j}", shim, shim._model


def gradient_scalers(pipe: Any) -> Iterator[Tuple[str, Any]]:
    """(name of the module, scaler) of each that is trained in mixed precision or may be: thinc
    gives every module of PyTorch one, which scales only where that is set.
    """
    for name, shim, _ in torch_modules(pipe):
        if isinstance(shim, PyTorchShim):
            yield name, shim._grad_scaler


def layers(pipe: Any) -> Iterable[Model]:
    """The layers of a component's model, in the same order in every process."""
    model = getattr(pipe, "model", None)
    return model.walk() if isinstance(model, Model) else ()


def parameter_names(nlp: Language) -> Dict[Key, str]:
    """A name, the same in every process, for each key of an optimizer: (number of the layer or its
    shim, name of the parameter).
    """
    names: Dict[Key, str] = {}
    for component, pipe in nlp.components:
        for name, node, parameter in own_parameters(pipe):
            names[node.id, parameter] = f"{component}/{name}"
        for name, shim, module in torch_modules(pipe):
            for parameter, _ in module.named_parameters():
                names[shim.id, parameter] = f"{component}/{name}/{parameter}"
    return names


TABLES = ("mom1", "mom2", "averages", "nr_update", "last_seen")


def dump_optimizer(optimizer: Optimizer, names: Dict[Key, str]) -> Dict[str, Dict[str, Any]]:
    """Moments, averages and counts by the names of the parameters."""
    ops = get_current_ops()
    return {
        table: {
            names[key]: value if isinstance(value, int) else ops.to_numpy(value)
            for key, value in (getattr(optimizer, table) or {}).items()
        }
        for table in TABLES
    }


def load_optimizer(
    optimizer: Optimizer, names: Dict[Key, str], state: Dict[str, Dict[str, Any]]
) -> None:
    ops = get_current_ops()
    keys = {name: key for key, name in names.items()}
    for table in TABLES:
        for name, value in state[table].items():
            # Arrays that are read are read-only.
            restored = value if isinstance(value, int) else ops.asarray(np.array(value))
            getattr(optimizer, table)[keys[name]] = restored


def random_states() -> Dict[str, Any]:
    """Of every generator that spaCy seeds and that is in use; on a GPU, those of the one that is
    trained on. Whoever asks goes on as one who is given the answer: cupy's begins anew.
    """
    name, keys, *rest = np.random.get_state()
    states: Dict[str, Any] = {"python": python_random(), "numpy": [name, keys, *rest]}
    if "torch" in sys.modules:
        torch = sys.modules["torch"]
        states["torch"] = torch.get_rng_state().numpy()
        if torch.cuda.is_initialized():
            states["cuda"] = torch.cuda.get_rng_state().numpy()
    if isinstance(ops := get_current_ops(), CupyOps):
        # Nobody can read its state. It goes on from a number that it has drawn itself.
        states["cupy"] = int(ops.xp.random.randint(2**31 - 1))
        ops.xp.random.seed(states["cupy"])
    return states


def set_random_states(states: Dict[str, Any]) -> None:
    set_python_random(states["python"])
    name, keys, *rest = states["numpy"]
    np.random.set_state((name, np.array(keys), *rest))
    if "torch" in states:
        import torch

        torch.set_rng_state(torch.tensor(states["torch"]))
        if "cuda" in states:
            torch.cuda.set_rng_state(torch.tensor(states["cuda"]))
    # Who began on a GPU may go on without one.
    if "cupy" in states and isinstance(ops := get_current_ops(), CupyOps):
        ops.xp.random.seed(states["cupy"])


def python_random() -> List[Any]:
    kind, numbers, gauss = random.getstate()
    return [kind, list(numbers), gauss]


def set_python_random(state: List[Any]) -> None:
    kind, numbers, gauss = state
    random.setstate((kind, tuple(numbers), gauss))
