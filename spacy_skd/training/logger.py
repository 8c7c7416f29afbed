"""The table of `spacy train` with a column for each language, found in the scores themselves."""

import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Optional, Tuple

import srsly
from spacy import registry
from spacy.training.loggers import setup_table
from tqdm import tqdm
from wasabi import Printer

from ..errors import Errors, SkdError
from ..evaluation.scorers import MACRO, METRICS
from ..files import check_writable

if TYPE_CHECKING:
    from spacy.language import Language

Info = Dict[str, Any]
LogStep = Callable[[Optional[Info]], None]
SPACING = 2


@registry.loggers("spacy-skd.LanguageLogger.v1")
def make_language_logger(
    progress_bar: Optional[str] = None, output_file: Optional[str] = None
) -> Callable[..., Tuple[LogStep, Callable[[], None]]]:
    """A logger like `spacy.ConsoleLogger.v3`, with the scores of every language in columns.

    The languages are those of the first evaluation's scores (`ents_f_de`, `tag_acc_de`, ...), so no
    config names them; with a single language there is nothing to tell apart and no such column.
    `KD` is the present weight of the distillation loss. Scores that weigh nothing in
    `training.score_weights` and losses of encoders that others listen to are only in the log file.

    progress_bar (Optional[str]): "train" counts steps to the end of training, "eval" to the next
        evaluation; None shows no bar.
    output_file (Optional[str]): Where to write every evaluation as a line of JSON. It is written
        beside the target and renamed at the end, replacing the log of an earlier run.
    Raises `SkdError` if `progress_bar` is anything else.
    """
    if progress_bar not in (None, "train", "eval"):
        raise SkdError(Errors.SKD120.format(value=progress_bar))

    def setup_logger(
        nlp: "Language", stdout: IO = sys.stdout, stderr: IO = sys.stderr
    ) -> Tuple[LogStep, Callable[[], None]]:
        logger = LanguageLogger(nlp, stdout, stderr, progress_bar, output_file)
        return logger.log_step, logger.finalize

    return setup_logger


@dataclass(frozen=True)
class Column:
    """A column of the table: its title, least width and how its cell is read from spaCy's info."""

    title: str
    width: int
    cell: Callable[[Info], str]


class LanguageLogger:
    """The state of one run's log: table, progress bar and log file."""

    def __init__(
        self,
        nlp: "Language",
        stdout: IO,
        stderr: IO,
        progress_bar: Optional[str],
        output_file: Optional[str],
    ):
        self.nlp = nlp
        self.stdout = stdout
        self.stderr = stderr
        self.progress_bar = progress_bar
        self.columns: List[Column] = []
        self.widths: List[int] = []
        self.bar: Optional[tqdm] = None
        self.log = LogFile(Path(output_file)) if output_file else None

    def log_step(self, info: Optional[Info]) -> None:
        """A row for an evaluation (`info`), one more step of the bar for None."""
        if info is None:
            if self.bar is not None:
                self.bar.update(1)
            return
        self.close_bar()
        if not self.columns:
            self.columns = make_columns(self.nlp, info)
            self.write_header()
        self.write_row([column.cell(info) for column in self.columns])
        if self.log is not None:
            self.log.write(self.nlp, info)
        if self.progress_bar is not None:
            self.open_bar(info)

    def finalize(self) -> None:
        self.close_bar()
        if self.log is not None:
            self.log.close()

    def write_header(self) -> None:
        titles, self.widths, _ = setup_table(
            cols=[column.title for column in self.columns],
            widths=[column.width for column in self.columns],
        )
        self.write_row(titles)
        self.write_row(["-" * width for width in self.widths])

    def write_row(self, cells: List[str]) -> None:
        row = Printer(no_print=True).row(
            cells, widths=self.widths, aligns=["r"] * len(cells), spacing=SPACING
        )
        print(row, file=self.stdout, flush=True)

    def open_bar(self, info: Info) -> None:
        training = self.nlp.config["training"]
        to_the_end = self.progress_bar == "train"
        self.bar = tqdm(
            desc=f"Epoch {info['epoch'] + 1}",
            total=training["max_steps"] if to_the_end else training["eval_frequency"],
            initial=info["step"] if to_the_end else 0,
            disable=None,  # no bar where stderr is no terminal
            leave=False,
            file=self.stderr,
        )

    def close_bar(self) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None


class LogFile:
    """Evaluations as lines of JSON, beside the target until the run ends.

    Raises `SkdError` if it cannot be written, which is found out before the training where it can.
    """

    def __init__(self, path: Path):
        self.path = path
        self.partial = path.with_name(path.name + ".partial")
        with self._writing():
            check_writable(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            self.stream = self.partial.open("w", encoding="utf-8")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or str(error)
            raise SkdError(Errors.SKD140.format(path=self.path, reason=reason)) from error

    def write(self, nlp: "Language", info: Info) -> None:
        scores = {key: value for key, value in info["other_scores"].items() if is_number(value)}
        line = {
            "epoch": info["epoch"],
            "step": info["step"],
            "seconds": info["seconds"],
            "losses": {name: float(loss) for name, loss in info["losses"].items()},
            "kd_weight": logged_kd_weight(nlp, info),
            "scores": scores,
            "score": float(info["score"]),
        }
        with self._writing():
            self.stream.write(srsly.json_dumps(line) + "\n")
            self.stream.flush()

    def close(self) -> None:
        with self._writing():
            self.stream.close()
            os.replace(self.partial, self.path)


def make_columns(nlp: "Language", info: Info) -> List[Column]:
    """The columns of a run, from its pipeline, score weights and first evaluation."""
    columns = [
        Column("E", 3, lambda info: str(info["epoch"])),
        Column("#", 6, lambda info: str(info["step"])),
    ]
    columns += [Column(f"Loss {name}", 8, loss_cell(name)) for name in logged_pipes(nlp)]
    if logged_kd_weight(nlp, info) is not None:
        columns.append(Column("KD", 4, lambda info: f"{logged_kd_weight(nlp, info):.2f}"))
    languages = language_columns(info["other_scores"])
    weights = nlp.config["training"]["score_weights"]
    overall = [key for key, weight in weights.items() if weight and key not in languages]
    columns += [Column(key, 6, score_cell(key)) for key in overall]
    columns += [Column(title, 6, score_cell(key)) for key, title in languages.items()]
    columns.append(Column("Score", 6, lambda info: f"{100 * info['score']:.2f}"))
    return columns


def language_columns(scores: Dict[str, Any]) -> Dict[str, str]:
    """Keys of the per-language scores and of their mean, with the titles of their columns."""
    found = {}
    for metric in METRICS:
        keys = [key for key in scores if key.startswith(f"{metric}_") and is_number(scores[key])]
        mean = f"{metric}_{MACRO}"
        if mean in keys and len(keys) > 2:
            keys.remove(mean)
            found[metric] = sorted(keys) + [mean]
    # A pipeline with two labelling components has two columns "DE": these are told apart.
    prefixes = {metric: metric.split("_")[0] + " " if len(found) > 1 else "" for metric in found}
    return {
        key: prefixes[metric] + key[len(metric) + 1 :]
        for metric, keys in found.items()
        for key in keys
    }


def loss_cell(name: str) -> Callable[[Info], str]:
    return lambda info: f"{float(info['losses'].get(name, 0.0)):.2f}"


def score_cell(key: str) -> Callable[[Info], str]:
    """Scores in percent, speed in words per second; "-" for what has no gold annotation."""
    scale = 1 if key == "speed" else 100

    def cell(info: Info) -> str:
        value = info["other_scores"].get(key)
        return f"{scale * value:.2f}" if is_number(value) else "-"

    return cell


def logged_pipes(nlp: "Language") -> List[str]:
    """Trainable components; the loss of a shared encoder is only the size of its gradient."""
    return [
        name
        for name, pipe in nlp.pipeline
        if getattr(pipe, "is_trainable", False) and not hasattr(pipe, "listeners")
    ]


def kd_weight(nlp: "Language") -> Optional[float]:
    """The weight of the distillation loss, of the first component that learns from teachers."""
    weights = (getattr(pipe, "kd_weight", None) for _, pipe in nlp.pipeline)
    return next((float(weight) for weight in weights if weight is not None), None)


def logged_kd_weight(nlp: "Language", info: Info) -> Optional[float]:
    """As it was at the evaluation: our loop shows those before an interruption again."""
    return info["kd_weight"] if "kd_weight" in info else kd_weight(nlp)


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float))
