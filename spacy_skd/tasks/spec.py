"""What a task is: a file in spaCy's config format, such as those in configs/tasks.

    [task]
    about = "UPOS tagging, Universal Dependencies 2.5"
    source = "https://universaldependencies.org"

    [languages]

    [languages.ta]
    licence = "CC BY-NC-SA 3.0"
    url = "https://raw.githubusercontent.com/UniversalDependencies/UD_Tamil-TTB/r2.5/"

    [languages.ta.train]
    file = "ta_ttb-ud-train.conllu"
    checksum = "git:ea38c81b528adf8807707f4eb244b6668f6170a0"

A split is a file: at the language's address, or where there is none in a folder of the user's. Or
it is drawn from a dataset of Hugging Face.
"""

from configparser import Error as ConfigError
from pathlib import Path
from typing import Annotated, Any, Dict, Literal, Optional

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)
from thinc.api import Config

from ..corpora.documents import SPLITS
from ..corpora.layout import check_language
from ..corpora.lines import check_encoding
from ..errors import Errors, SkdError

SECTIONS = ("task", "languages")
Number = Annotated[int, Field(ge=1)]
SplitName = Literal["train", "dev", "test", "unlabelled"]
Checksum = Annotated[str, StringConstraints(pattern=r"^(git:[0-9a-f]{40}|sha256:[0-9a-f]{64})$")]
FileName = Annotated[str, StringConstraints(pattern=r"^[^/\\\x00]*[^/\\\x00.]$")]
Extension = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]+$")]
Address = Annotated[str, StringConstraints(pattern=r"^https?://.+/$")]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Split(Strict):
    """`[languages.LANG.SPLIT]`

    file (Optional[str]): What its owners call it.
    checksum (Optional[str]): Of that file: "git:" and its object id in git, or "sha256:" and so on.
    sentences (Optional[int]): How many are drawn; None: all.
    """

    file: Optional[FileName] = None
    checksum: Optional[Checksum] = None
    sentences: Optional[Number] = None


class Language(Strict):
    """`[languages.LANG]`

    licence (str): Under which its data may be used.
    url (Optional[str]): The address that its files are below; None: users bring them.
    splits (Dict[str, Split]): Those that it must have.
    """

    licence: str
    url: Optional[Address] = None
    splits: Dict[str, Split]

    @model_validator(mode="before")
    @classmethod
    def apart(cls, section: Any) -> Any:
        """The splits from the rest."""
        if not isinstance(section, dict):
            raise ValueError("it must be a section")
        splits = {name: value for name, value in section.items() if isinstance(value, dict)}
        unknown = [name for name in splits if name not in SPLITS]
        if unknown:
            raise ValueError(f"'{unknown[0]}' is no split; use {', '.join(SPLITS)}")
        rest = {name: value for name, value in section.items() if name not in splits}
        return {**rest, "splits": splits}

    @model_validator(mode="after")
    def addresses_are_whole(self) -> "Language":
        for name, split in self.splits.items():
            if self.url is not None and split.file is None:
                raise ValueError(f"{name} has no file to be fetched from {self.url}")
        return self


class Task(Strict):
    """`[task]`, and all languages.

    name (str): Of the file, without its extension.
    about (str): What the task is.
    source (str): Where its owners describe it.
    dataset (Optional[str]): Of Hugging Face, a name or a folder, with a configuration for each
        language.
    sentences (Dict[str, int]): How many are drawn for each split of a language that says nothing
        else.
    extension (Optional[str]): What files get that bring none that says what they are.
    encoding (str): Of files that are not in UTF-8.
    """

    name: str
    about: str
    source: str
    dataset: Optional[str] = None
    sentences: Dict[SplitName, Number] = {}
    extension: Optional[Extension] = None
    encoding: str = "utf-8"
    languages: Dict[str, Language] = Field(min_length=1)

    @field_validator("encoding")
    @classmethod
    def encoding_is_known(cls, encoding: str) -> str:
        check_encoding(encoding)
        return encoding

    @field_validator("languages")
    @classmethod
    def languages_are_codes(cls, languages: Dict[str, Language]) -> Dict[str, Language]:
        for name in languages:
            check_language(name)
        return languages

    @model_validator(mode="after")
    def all_have_splits(self) -> "Task":
        lacking = [name for name in self.languages if not self.splits(name)]
        if lacking:
            raise ValueError(f"'{lacking[0]}' has no split")
        return self

    def splits(self, language: str) -> Dict[str, Split]:
        """What a language must have; of one that the task does not know, what any has."""
        splits: Dict[str, Split] = {
            name: Split(sentences=number) for name, number in self.sentences.items()
        }
        if language in self.languages:
            splits.update(self.languages[language].splits)
        return splits


def read_task(path: Path) -> Task:
    """Read a task. Raises `SkdError` for a file that cannot be read, for names that are unknown and
    for values that make no sense.
    """
    try:
        config = Config().from_str(path.read_text(encoding="utf-8"), interpolate=False)
        unknown = [name for name in config if name not in SECTIONS]
        if unknown:
            raise ValueError(f"[{unknown[0]}] is unknown; use {' and '.join(SECTIONS)}")
        own = dict(config.get("task", {}))
        return Task(**{**own, "name": path.stem, "languages": config.get("languages", {})})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        raise SkdError(Errors.SKD240.format(path=path, reason=f"{place}: {reason}")) from error
    except (OSError, ValueError, ConfigError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise SkdError(Errors.SKD240.format(path=path, reason=reason)) from error
