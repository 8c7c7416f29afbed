"""Reading what the demo corpus is made from: sentence frames and lists of names.

A folder `<language>/` holds `frames.txt`, one frame a line, and one list of names per entity type
(`PER.txt`, `LOC.txt`, ...), one name a line. Names before the first `[group]` heading fill the slot
`{PER}`, those of a group `{PER:group}`, those of either of two `{PER:group+other}`. A slot in lower
case, `{per}`, lower-cases its name; a frame in capitals throughout gives its names in capitals.
`<day>` is filled with a word or phrase from group `[day]` of `words.txt`. Names and phrases may
have slots of their own, `University of {LOC}`, `the <role> of {ORG}`: the name is one entity, the
phrase has those of its slots. Lines that start with `# ` are comments.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Container, Dict, List, NamedTuple, Tuple

FRAMES = "frames.txt"
SLOT = re.compile(r"\{([A-Za-z]+)(?::([\w+-]+))?\}|<([\w-]+)>")
BRACKET = re.compile(r"[{}<>]")
HEADING = re.compile(r"\[([\w-]+)\]")
COMMENT = "# "
# The list, words.txt, of what is no entity.
WORDS = "words"

# Its number, from 1, and its text.
Line = Tuple[int, str]
# A list and one of the groups in it; "" is for the names before the first heading.
Group = Tuple[str, str]
Names = Dict[Group, List[str]]


class AssetError(ValueError):
    """Frames or names that no corpus can be made from; the message says what, where, what to do."""


class Slot(NamedTuple):
    """A place for a name or words of any of some groups, in lower case or as they are listed."""

    groups: Tuple[Group, ...]
    lower: bool


@dataclass(frozen=True)
class Frame:
    """A sentence, name or phrase with slots: `texts[i]` comes before `slots[i]`, the last text
    after all slots.
    """

    texts: Tuple[str, ...]
    slots: Tuple[Slot, ...]

    @property
    def capitals(self) -> bool:
        """Whether the frame is in capitals throughout, as headlines are."""
        text = "".join(self.texts)
        return text.isupper() and sum(map(str.isalpha, text)) > 1


Patterns = Dict[Group, List[Frame]]


@dataclass(frozen=True)
class Assets:
    """What a language is made from. `patterns` are names and phrases with slots; `names` and
    `words` have none.
    """

    frames: List[Frame]
    patterns: Patterns
    names: Names
    words: Names


def read_assets(folder: Path) -> Assets:
    """Read the folder of a language. Raises `AssetError`, with file and line, for a file that is
    missing, empty or not UTF-8, for a line that is there twice, and for a slot that nothing fills.
    """
    frame_lines = _read_groups(folder / FRAMES)["frames", ""]
    lists: Dict[Group, List[Line]] = {}
    for path in sorted(folder.glob("*.txt")):
        if path.name != FRAMES:
            lists.update(_read_groups(path))
    plain: Names = {}
    slotted: Dict[Group, List[Line]] = {}
    for group, lines in lists.items():
        for line in lines:
            if BRACKET.search(line[1]):
                slotted.setdefault(group, []).append(line)
            else:
                plain.setdefault(group, []).append(line[1])
    return Assets(
        frames=[_parse(folder / FRAMES, line, lists) for line in frame_lines],
        patterns={
            group: [_parse(folder / f"{group[0]}.txt", line, plain) for line in lines]
            for group, lines in slotted.items()
        },
        names={group: names for group, names in plain.items() if group[0] != WORDS},
        words={group: words for group, words in plain.items() if group[0] == WORDS},
    )


def _read_groups(path: Path) -> Dict[Group, List[Line]]:
    """The lines of a file by group, those that are neither blank nor comments, stripped."""
    group = (path.stem, "")
    groups: Dict[Group, Dict[str, int]] = defaultdict(dict)
    for number, line in _read_lines(path):
        heading = HEADING.fullmatch(line)
        if heading:
            group = (path.stem, heading[1])
        elif line in groups[group]:
            first = groups[group][line]
            raise AssetError(f"{path}:{number}: the same as line {first}. Remove one of them.")
        elif line and not line.startswith(COMMENT):
            groups[group][line] = number
    if not any(groups.values()):
        raise AssetError(f"{path} is empty: add lines.")
    return {
        group: [(number, line) for line, number in lines.items()]
        for group, lines in groups.items()
        if lines
    }


def _read_lines(path: Path) -> List[Line]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise AssetError(f"{path} cannot be read: {error.strerror}.") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise AssetError(f"{path}:{line}: not UTF-8. Save the file as UTF-8.") from None
    return [(number, line.strip()) for number, line in enumerate(text.split("\n"), start=1)]


def _parse(path: Path, line: Line, known: Container[Group]) -> Frame:
    number, text = line
    slots = tuple(map(_parse_slot, SLOT.finditer(text)))
    # The pattern has three groups, so every fourth part is text between slots.
    texts = tuple(SLOT.split(text)[::4])
    stray = re.search(r"\S*[{}<>]\S*", " ".join(texts))
    if stray:
        raise AssetError(
            f"{path}:{number}: '{stray[0]}' is no slot. Slots are {{PER}}, {{PER:group}}, {{per}} "
            "for a name in lower case, and <group> for words."
        )
    for slot in slots:
        for group in slot.groups:
            if group not in known:
                raise AssetError(
                    f"{path}:{number}: a slot has nothing to be filled with: {group[0]}.txt holds "
                    f"no name {describe(group)}. Correct the slot, or add names."
                )
    return Frame(texts, slots)


def _parse_slot(match: re.Match) -> Slot:
    label, groups, words = match.groups(default="")
    if words:
        return Slot(((WORDS, words),), lower=False)
    return Slot(tuple((label.upper(), group) for group in groups.split("+")), label.islower())


def describe(group: Group) -> str:
    """Where in its list a group is, for messages."""
    return f"under [{group[1]}]" if group[1] else "before the first [group]"
