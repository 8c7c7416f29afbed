"""Reading the assets of the demo corpus: sentence frames and lists of names.

A folder `<language>/` holds `frames.txt`, one frame a line, and one list of names per entity type
(`PER.txt`, `LOC.txt`, ...), one name a line. Names before the first `[group]` heading fill the slot
`{PER}`, those of a group `{PER:group}`, those of either of two `{PER:group+other}`. A slot in lower
case, `{per}`, lower-cases its name; a frame in capitals throughout gives its names in capitals.
`<day>` is filled with a word or phrase, no entity, from group `[day]` of `words.txt`. Lines that
start with `# ` are comments.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, NamedTuple, Tuple

from ..errors import Errors, SkdError
from .folder import FRAMES
from .lines import Line, read_bytes

SLOT = re.compile(r"\{([A-Za-z]+)(?::([\w+-]+))?\}|<([\w-]+)>")
HEADING = re.compile(r"\[([\w-]+)\]")
COMMENT = "# "
# The list, words.txt, whose words are no names.
WORDS = "words"

# A list and one of the groups in it; "" is for the names before the first heading.
Group = Tuple[str, str]
Names = Dict[Group, List[str]]


class Slot(NamedTuple):
    """A place for a name or words of any of some groups, in lower case or as they are listed."""

    groups: Tuple[Group, ...]
    lower: bool


@dataclass(frozen=True)
class Frame:
    """A sentence with slots: `texts[i]` comes before `slots[i]`, the last text after all slots."""

    texts: Tuple[str, ...]
    slots: Tuple[Slot, ...]

    @property
    def capitals(self) -> bool:
        """Whether the frame is in capitals throughout, as headlines are."""
        text = "".join(self.texts)
        return text.isupper() and sum(map(str.isalpha, text)) > 1


def read_names(folder: Path) -> Names:
    """The names of every list of a language, by entity type and group. Raises `SkdError` for a
    list that is empty, not UTF-8, or has a name twice in one group.
    """
    names: Names = {}
    for path in sorted(folder.glob("*.txt")):
        if path.name != FRAMES:
            names.update(_read_list(path))
    return names


def read_frames(folder: Path, names: Names) -> List[Frame]:
    """The frames of a language. Raises `SkdError` for a file that is missing, empty or not UTF-8,
    and for a frame that is there twice or has a slot without names.
    """
    path = folder / FRAMES
    frames: Dict[Frame, int] = {}
    for number, line in _read_lines(path):
        frame = _parse_frame(path, number, line, names)
        if frame in frames:
            raise SkdError(Errors.SKD115.format(path=path, line=number, first=frames[frame]))
        frames[frame] = number
    return list(frames)


def _read_list(path: Path) -> Names:
    group = ""
    numbers: Dict[str, Dict[str, int]] = defaultdict(dict)
    for number, line in _read_lines(path):
        heading = HEADING.fullmatch(line)
        if heading:
            group = heading[1]
        elif line in numbers[group]:
            first = numbers[group][line]
            raise SkdError(Errors.SKD115.format(path=path, line=number, first=first))
        else:
            numbers[group][line] = number
    if not any(numbers.values()):
        raise SkdError(Errors.SKD088.format(path=path))
    return {(path.stem, group): list(lines) for group, lines in numbers.items() if lines}


def _parse_frame(path: Path, number: int, line: str, names: Names) -> Frame:
    # The pattern has three groups, so every fourth part is text between slots.
    texts = tuple(SLOT.split(line)[::4])
    stray = re.search(r"\S*[{}<>]\S*", " ".join(texts))
    if stray:
        raise SkdError(Errors.SKD114.format(path=path, line=number, text=stray[0]))
    slots = tuple(map(_parse_slot, SLOT.finditer(line)))
    for slot in slots:
        for list_name, group in slot.groups:
            if (list_name, group) not in names:
                message = Errors.SKD113.format(
                    path=path,
                    line=number,
                    list=path.with_name(f"{list_name}.txt"),
                    place=describe(group),
                )
                raise SkdError(message)
    return Frame(texts, slots)


def _parse_slot(match: re.Match) -> Slot:
    label, groups, words = match.groups(default="")
    if words:
        return Slot(((WORDS, words),), lower=False)
    return Slot(tuple((label.upper(), group) for group in groups.split("+")), label.islower())


def describe(group: str) -> str:
    """Where in a list the names of a group are, for messages."""
    return f"under [{group}]" if group else "before the first [group]"


def _read_lines(path: Path) -> List[Line]:
    """The lines that are neither blank nor comments, stripped, with their numbers (from 1)."""
    data = read_bytes(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SkdError(Errors.SKD112.format(path=path, line=line)) from None
    lines = [(number, line.strip()) for number, line in enumerate(text.split("\n"), start=1)]
    return [(number, line) for number, line in lines if line and not line.startswith(COMMENT)]
