"""Reading the assets of the demo corpus: sentence frames and lists of names.

A folder `<language>/` holds `frames.txt`, one frame a line, and one list of names per entity type
(`PER.txt`, `LOC.txt`, ...), one name a line. Names before the first `[group]` heading fill the slot
`{PER}`, those of a group `{PER:group}`, those of either of two `{PER:group|other}`. A slot in lower
case, `{per}`, lower-cases its name; a frame in capitals throughout gives its names in capitals.
Lines that start with `# ` are comments.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, NamedTuple, Tuple

from ..errors import Errors, SkdError
from .folder import FRAMES
from .lines import Line, read_bytes

SLOT = re.compile(r"\{([A-Za-z]+)(?::([\w|-]+))?\}")
HEADING = re.compile(r"\[([\w-]+)\]")
COMMENT = "# "

# An entity type and one of the groups of its list; "" is for the names before the first heading.
Group = Tuple[str, str]
Names = Dict[Group, List[str]]


class Slot(NamedTuple):
    """A place for a name of any of some groups, in lower case or as it is in its list."""

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
    list that is empty, not UTF-8, or has a name twice.
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
    group, names = "", defaultdict(list)
    lines: Dict[str, int] = {}
    for number, line in _read_lines(path):
        heading = HEADING.fullmatch(line)
        if heading:
            group = heading[1]
        elif line in lines:
            raise SkdError(Errors.SKD115.format(path=path, line=number, first=lines[line]))
        else:
            lines[line] = number
            names[path.stem, group].append(line)
    if not names:
        raise SkdError(Errors.SKD088.format(path=path))
    return names


def _parse_frame(path: Path, number: int, line: str, names: Names) -> Frame:
    # The pattern has two groups, so split() gives text, label, groups, text, label, groups, text.
    parts = SLOT.split(line)
    texts = tuple(parts[0::3])
    stray = re.search(r"\S*[{}]\S*", " ".join(texts))
    if stray:
        raise SkdError(Errors.SKD114.format(path=path, line=number, text=stray[0]))
    slots = []
    for label, groups in zip(parts[1::3], parts[2::3]):
        slot = Slot(
            tuple((label.upper(), group) for group in (groups or "").split("|")), label.islower()
        )
        _check_slot(path, number, slot, names)
        slots.append(slot)
    return Frame(texts, tuple(slots))


def _check_slot(path: Path, number: int, slot: Slot, names: Names) -> None:
    for label, group in slot.groups:
        if (label, group) not in names:
            where = path.with_name(f"{label}.txt")
            what = f"{label}:{group}" if group else label
            place = f"under [{group}]" if group else "before the first [group]"
            message = Errors.SKD113.format(
                path=path, line=number, slot=f"{{{what}}}", list=where, place=place
            )
            raise SkdError(message)


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
