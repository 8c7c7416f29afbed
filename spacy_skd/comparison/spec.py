"""What is compared: a file in spaCy's config format, of rows that differ by a few settings.

    [comparison]
    corpus = "corpus"
    task = "ner"
    config = "configs/{task}_student.cfg"
    seeds = [0, 1, 2]
    baseline = "baseline"

    [settings]
    training.max_steps = 4800

    [teachers.cnn]
    config = "configs/{task}_teacher.cfg"
    training.max_steps = 800

    [rows.baseline]
    teachers = null

    [rows.top_wk]
    distillation.objective = "top_wk"

A name with a dot is a setting of the training config; names without are described at the classes
below. Every row has the settings of `[settings]` and the first of the teachers, unless it says
otherwise; one with `teachers = null` has none of the settings that are about teachers. In the name
of a config `{task}` stands for the task.
"""

from configparser import Error as ConfigError
from pathlib import Path
from typing import Any, Dict, List, Literal, Optional

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from thinc.api import Config

from ..errors import Errors, SkdError
from ..teachers import ClassifierSettings
from ..teachers.find import HUGGING_FACE
from ..training.baseline import without_teachers

Settings = Dict[str, Any]
METRICS = {"ner": "ents_f", "pos": "pos_acc"}
# What a comparison sets in the trainings itself, by what it takes it from.
ITS_OWN = {"paths.corpus": "corpus", "paths.targets": "teachers", "system.seed": "seeds"}


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TeachersSpec(Strict):
    """`[teachers.NAME]`: what teaches; trained for every seed, or there already.

    config (Optional[Path]): Training config of a teacher for each language.
    source (Optional[str]): Instead of a config: what `skd label --teachers` takes.
    map, pooling, scheme: How a token classifier is asked (see `ClassifierSettings`).
    kind (str): "each": one for each language; "multilingual": one for all.
    adapts (Optional[str]): A row without teachers whose pipeline of the same seed the config starts
        from, as `paths.init`.
    folds (int): Parts of the training data for cross-fitted teachers; 0: none.
    members (int): Trainings with seeds of their own, whose mean teaches.
    """

    name: str
    settings: Settings = {}
    config: Optional[Path] = None
    source: Optional[str] = None
    map: Dict[str, str] = {}
    pooling: Literal["first", "mean"] = "first"
    scheme: Optional[Literal["IOB1", "IOB2"]] = None
    kind: Literal["each", "multilingual"] = "each"
    adapts: Optional[str] = None
    folds: int = Field(0, ge=0)
    members: int = Field(1, ge=1)

    @model_validator(mode="after")
    def one_origin(self) -> "TeachersSpec":
        if (self.config is None) == (self.source is None):
            raise ValueError("give either config or source")
        if self.source is not None and self.adapts is not None:
            raise ValueError("adapts is for teachers that are trained, from a config")
        if self.classifier != ClassifierSettings() and not self.is_classifier:
            raise ValueError("map, pooling and scheme are for a source hf:NAME_OR_FOLDER")
        return self

    @property
    def is_classifier(self) -> bool:
        return self.source is not None and self.source.startswith(HUGGING_FACE)

    @property
    def classifier(self) -> ClassifierSettings:
        return ClassifierSettings(self.map, self.pooling, self.scheme)


class RowSpec(Strict):
    """`[rows.NAME]`: one way to train the student.

    teachers (Optional[str]): The name of its teachers; None: it learns from gold alone.
    config (Optional[Path]): Another training config than that of the comparison.
    """

    name: str
    settings: Settings = {}
    teachers: Optional[str] = None
    config: Optional[Path] = None


class Spec(Strict):
    """`[comparison]`, and all the rows.

    corpus (Path): Converted corpus.
    config (Path): Training config of every row that names no other.
    seeds (List[int]): Runs of each row.
    baseline (str): The row that the others are compared with.
    task (str): What is labelled.
    metric (str): What is compared. If none is named: F1 of spans, of "pos" the accuracy of UPOS.
    split (str): What is evaluated.
    zero_shot (Optional[Path]): Converted corpus of languages that no row is trained on.
    about (str): What the comparison asks; heads the report.
    vectors, encoder (Optional[str]): `paths.vectors` and `paths.encoder` of all trainings, of rows
        and teachers alike.
    axis (Optional[str]): A setting whose numbers the rows differ in, drawn as a curve.
    settings (Dict[str, Any]): Of all rows.
    """

    corpus: Path
    config: Path
    seeds: List[int] = Field(min_length=1)
    baseline: str
    task: Literal["ner", "pos"] = "ner"
    metric: Literal["ents_f", "tag_acc", "pos_acc"]
    split: str = "test"
    zero_shot: Optional[Path] = None
    about: str = ""
    vectors: Optional[str] = None
    encoder: Optional[str] = None
    axis: Optional[str] = None
    settings: Settings = {}
    teachers: List[TeachersSpec] = []
    rows: List[RowSpec] = Field(min_length=1)

    @model_validator(mode="after")
    def names_are_defined(self) -> "Spec":
        rows = [row.name for row in self.rows]
        teachers = [teachers.name for teachers in self.teachers]
        if self.baseline not in rows:
            raise ValueError(f"baseline is '{self.baseline}', but the rows are {', '.join(rows)}")
        for row in self.rows:
            if row.teachers is not None and row.teachers not in teachers:
                known = ", ".join(teachers) or "none"
                message = f"teachers of row '{row.name}' is '{row.teachers}'; known: {known}"
                raise ValueError(message)
        from_gold = [row.name for row in self.rows if row.teachers is None]
        for one in self.teachers:
            if one.adapts is not None and one.adapts not in from_gold:
                known = ", ".join(from_gold) or "none"
                message = f"adapts of teachers '{one.name}' is '{one.adapts}'"
                raise ValueError(f"{message}; rows without teachers: {known}")
        shared = set(rows) & set(teachers)
        if shared:
            raise ValueError(f"a row and teachers are both called '{shared.pop()}'")
        if len(set(self.seeds)) < len(self.seeds) or min(self.seeds) < 0:
            raise ValueError(f"seeds are {self.seeds}; they must be different numbers from 0 up")
        return self

    @model_validator(mode="after")
    def settings_are_not_its_own(self) -> "Spec":
        parts = [one.settings for one in self.teachers] + [row.settings for row in self.rows]
        for name in {name for settings in (self.settings, *parts) for name in settings}:
            if name in ITS_OWN:
                raise ValueError(f"{name} is set by the comparison; give '{ITS_OWN[name]}'")
        return self

    def overrides(self, row: RowSpec) -> Settings:
        """All settings of a row that differ from its config; of those that the rows share, one
        without teachers has what is not about teachers.
        """
        shared = self.settings if row.teachers is not None else without_teachers(self.settings)
        return {**self.pretrained, **shared, **row.settings}

    @property
    def pretrained(self) -> Settings:
        """What trainings begin with; configs that know nothing of it have no such variable."""
        paths = {"paths.vectors": self.vectors, "paths.encoder": self.encoder}
        return {name: path for name, path in paths.items() if path is not None}


def read_spec(path: Path, overrides: Optional[Settings] = None) -> Spec:
    """Read a comparison.

    overrides (Optional[Dict[str, Any]]): By name, such as `comparison.corpus` or
        `settings.training.max_steps`: what replaces values of the file.
    Raises `SkdError` for a file that cannot be read, names that are unknown and values that make no
    sense.
    """
    try:
        config = Config().from_str(path.read_text(encoding="utf-8"), interpolate=False)
        for name, value in (overrides or {}).items():
            place, _, key = name.partition(".")
            config.setdefault(place, {})[key] = value
        return spec_of(config)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        reason = f"{place}: {reason}".lstrip(": ")
        raise SkdError(Errors.SKD231.format(path=path, reason=reason)) from error
    except (OSError, ValueError, ConfigError) as error:
        reason = " ".join(str(error).split())
        raise SkdError(Errors.SKD231.format(path=path, reason=reason)) from error


def spec_of(config: Config) -> Spec:
    sections = {name: dict(section) for name, section in config.items()}
    own = sections.pop("comparison", {})
    teachers = named(sections.pop("teachers", {}), "teachers", {})
    default = {"teachers": teachers[0]["name"]} if teachers else {}
    rows = named(sections.pop("rows", {}), "rows", default)
    task = str(own.get("task", Spec.model_fields["task"].default))
    for section in (own, *teachers, *rows):
        if isinstance(section.get("config"), str):
            section["config"] = section["config"].replace("{task}", task)
    if own.get("metric") is None:
        own["metric"] = METRICS.get(task)
    fields: Dict[str, Any] = {
        **own,
        "settings": sections.pop("settings", {}),
        "teachers": teachers,
        "rows": rows,
        **sections,  # refused by their names
    }
    return Spec(**fields)


def named(sections: Dict[str, Any], kind: str, defaults: Dict[str, Any]) -> List[Dict[str, Any]]:
    """The sections `[kind.NAME]`, their settings, which have a dot in the name, apart."""
    found = []
    for name, section in sections.items():
        if not isinstance(section, dict):
            raise ValueError(f"[{kind}] holds '{name}'; it must be a section [{kind}.{name}]")
        settings = {key: value for key, value in section.items() if "." in key}
        own = {key: value for key, value in section.items() if "." not in key}
        found.append({"name": name, "settings": settings, **defaults, **own})
    return found
