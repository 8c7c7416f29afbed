"""The demo corpus, made from a seed: sentence frames filled with names from lists."""

import random
import re
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Callable, Dict, Iterator, List, NamedTuple, Sequence, Set, Tuple

import spacy

from frame_files import (
    FRAMES,
    WORDS,
    AssetError,
    Assets,
    Frame,
    Names,
    Patterns,
    describe,
    read_assets,
)

SPLITS = ("train", "dev", "test", "unlabelled")

SIZES = {"train": 2500, "dev": 200, "test": 400, "unlabelled": 1000}

# What part of the frames and of the names each split has for itself. Unlabelled text uses those of
# train as well, as text from the same source would.
FRAME_SHARES = {"train": 0.74, "dev": 0.08, "test": 0.12, "unlabelled": 0.06}
NAME_SHARES = {"train": 0.68, "dev": 0.10, "test": 0.14, "unlabelled": 0.08}
SOURCES = {split: (split,) for split in SPLITS} | {"unlabelled": ("unlabelled", "train")}

# Frames next to each other are of a kind (news, sport, ...): each block is dealt out to all splits.
BLOCK = 25

# Where a group has patterns of names, this share of its names is made from them.
PATTERN_SHARE = 0.75

# Shares of the sentences that are put into lower case and into capitals, whatever their frame.
LOWER_NOISE = 0.01
UPPER_NOISE = 0.01

# After so many draws in a row that gave no new sentence, there is none.
PATIENCE = 1000

Piece = Tuple[str, str]


class Sentence(NamedTuple):
    """Tokens and their tags, IOB2."""

    words: Tuple[str, ...]
    tags: Tuple[str, ...]


def language_folders(assets: Path) -> List[Path]:
    """The folders with frames, sorted. Raises `AssetError` where there is none."""
    folders = sorted(path.parent for path in assets.glob(f"*/{FRAMES}"))
    if not folders:
        raise AssetError(f"{assets} holds no <language>/{FRAMES}, which the corpus is made from.")
    return folders


def generate(folder: Path, seed: int, sizes: Dict[str, int] = SIZES) -> Dict[str, List[Sentence]]:
    """Make the corpus of one language from the frames and names in `folder`, which has its code for
    a name: so many sentences for each split, all different.

    No frame and no name of dev or test occurs in another split. Names are the same if they differ
    in case or entity type only, and a name goes where longer names that contain it go.

    seed (int): Decides which frame and which name goes where, and every draw.
    sizes (Dict[str, int]): Number of sentences of each split.
    RETURNS (Dict[str, List[Sentence]]): The sentences by split.
    RAISES (AssetError): For frames or names that cannot be used, naming file and line.
    """
    rng = random.Random(f"{seed}/{folder.name}")
    assets = read_assets(folder)
    frames_of = deal_frames(assets.frames, rng)
    names_of = deal_names(folder, assets.names, rng)
    writer = SentenceWriter(folder.name, assets, rng)
    splits = {}
    for split, size in sizes.items():
        frames = [frame for source in SOURCES[split] for frame in frames_of[source]]
        names = {
            group: [name for source in SOURCES[split] for name in names_of[source][group]]
            for group in assets.names
        }
        sentences = writer.write(frames, names, size, split)
        if len(sentences) < size:
            raise AssetError(
                f"The frames of {folder} give {len(sentences)} different sentences for {split}, "
                f"not {size}. Add frames."
            )
        splits[split] = sentences
    return splits


class Dealer:
    """Deals one thing after the other, each to the split that is furthest behind its share."""

    def __init__(self, shares: Dict[str, float]) -> None:
        self.shares = shares
        self.dealt = dict.fromkeys(shares, 0)

    def deal(self) -> str:
        split = min(self.shares, key=lambda split: (self.dealt[split] + 1) / self.shares[split])
        self.dealt[split] += 1
        return split


def deal_frames(frames: Sequence[Frame], rng: random.Random) -> Dict[str, List[Frame]]:
    """Which frames each split gets."""
    dealer = Dealer(FRAME_SHARES)
    splits: Dict[str, List[Frame]] = {split: [] for split in SPLITS}
    for start in range(0, len(frames), BLOCK):
        block = frames[start : start + BLOCK]
        for frame in rng.sample(block, len(block)):
            splits[dealer.deal()].append(frame)
    return splits


def deal_names(folder: Path, names: Names, rng: random.Random) -> Dict[str, Names]:
    """Which names of every group each split gets; a family of names stays together. Raises
    `AssetError` for a group too small for all splits.
    """
    family_of = families({name for members in names.values() for name in members})
    split_of: Dict[str, str] = {}
    for members in names.values():
        dealer = Dealer(NAME_SHARES)
        for name in members:
            if name in split_of:
                dealer.dealt[split_of[name]] += 1
        for name in rng.sample(members, len(members)):
            if name not in split_of:
                split_of.update(dict.fromkeys(family_of[name], dealer.deal()))
    splits = {
        split: {g: [n for n in members if split_of[n] == split] for g, members in names.items()}
        for split in SPLITS
    }
    for group in names:
        if not all(splits[split][group] for split in SPLITS):
            raise AssetError(
                f"{folder / group[0]}.txt holds too few names {describe(group)} to give train, "
                "dev, test and unlabelled names of their own. Add names."
            )
    return splits


def families(names: Set[str]) -> Dict[str, Set[str]]:
    """For each name, the names it is connected with by being equal but for case, or contained in
    each other as whole words ("Leeds", "LEEDS", "University of Leeds").
    """
    family_of: Dict[Tuple[str, ...], Set[str]] = defaultdict(set)
    for name in names:
        family_of[_words(name)].add(name)
    for words in list(family_of):
        for start in range(len(words)):
            for end in range(start + 1, len(words) + 1):
                part = family_of.get(words[start:end])
                if part is not None and part is not family_of[words]:
                    merged = part | family_of[words]
                    family_of.update((_words(name), merged) for name in merged)
    return {name: family_of[_words(name)] for name in names}


def _words(name: str) -> Tuple[str, ...]:
    return tuple(re.findall(r"\w+", name.casefold()))


class SentenceWriter:
    """Fills frames with names and tokenises the result with the tokenizer of the language. Raises
    `AssetError` where spaCy has none.
    """

    def __init__(self, lang: str, assets: Assets, rng: random.Random) -> None:
        self.lang = lang
        self.assets = assets
        self.rng = rng
        try:
            self.nlp = spacy.blank(lang)
        except ImportError as error:
            reason = " ".join(str(error).split())
            raise AssetError(f"No tokenizer of spaCy for '{lang}': {reason}") from None
        self.tokenize = cache(self._tokenize)
        # In which split a name occurred first. Lists are dealt out, but a pattern may make the same
        # name anywhere.
        self.split_of: Dict[str, str] = {}

    def write(self, frames: Sequence[Frame], names: Names, size: int, split: str) -> List[Sentence]:
        """At most `size` sentences, fewer where no more can be found that differ in their words and
        have no name of another split.
        """
        sentences: Dict[Tuple[str, ...], Sentence] = {}
        misses = 0
        for frame in self._draw_frames(frames):
            if len(sentences) == size or misses == PATIENCE:
                break
            pieces = list(self._fill(frame, names | self.assets.words, self.assets.patterns, set()))
            sentence = self._make_sentence(frame, pieces)
            is_new = sentence.words not in sentences and self._claim(pieces, split)
            misses = 0 if is_new else misses + 1
            if is_new:
                sentences[sentence.words] = sentence
        return list(sentences.values())

    def _draw_frames(self, frames: Sequence[Frame]) -> Iterator[Frame]:
        """Each frame once, so that none is missing; then, without end, those with more slots more
        often, which are good for more, and more different, sentences.
        """
        yield from self.rng.sample(frames, len(frames))
        weights = [(1 + len(frame.slots)) ** 2 for frame in frames]
        while frames:
            yield self.rng.choices(frames, weights)[0]

    def _claim(self, pieces: Sequence[Piece], split: str) -> bool:
        """Take the names of a sentence for a split, if none belongs to another."""
        names = {text.casefold() for text, label in pieces if label}
        if any(self.split_of.get(name, split) not in SOURCES[split] for name in names):
            return False
        for name in names:
            self.split_of.setdefault(name, split)
        return True

    def _make_sentence(self, frame: Frame, pieces: List[Piece]) -> Sentence:
        change_case = self._draw_case(frame)
        if not frame.texts[0]:
            pieces = _capitalize(pieces)
        words: List[str] = []
        tags: List[str] = []
        for text, label in pieces:
            # Each piece is tokenised by itself, so that a name begins and ends with a token.
            new_words = self.tokenize(change_case(text))
            words.extend(new_words)
            tags.extend(_tags(label, len(new_words)))
        return Sentence(tuple(words), tuple(tags))

    def _fill(
        self, frame: Frame, names: Names, patterns: Patterns, used: Set[str]
    ) -> Iterator[Piece]:
        """The pieces of a sentence, each with its entity type ("" for none). Names that are `used`
        are not taken again where that can be helped.
        """
        for text, slot in zip(frame.texts, frame.slots):
            yield text, ""
            listed = [(name, g[0]) for g in slot.groups for name in names.get(g, ())]
            slotted = [(pattern, g[0]) for g in slot.groups for pattern in patterns.get(g, ())]
            if slotted and (not listed or self.rng.random() < PATTERN_SHARE):
                pattern, label = self.rng.choice(slotted)
                pieces = self._fill_pattern(pattern, label, names, patterns, used)
            else:
                name, label = self.rng.choice([n for n in listed if n[0] not in used] or listed)
                pieces = [(name, label.replace(WORDS, ""))]
            for piece, label in pieces:
                used.add(piece)
                yield (piece.lower() if slot.lower else piece), label
        yield frame.texts[-1], ""

    def _fill_pattern(
        self, pattern: Frame, label: str, names: Names, patterns: Patterns, used: Set[str]
    ) -> List[Piece]:
        """The pieces of a phrase, whose names may have patterns, or the one piece of a name."""
        if label == WORDS:
            of_names = {group: patterns[group] for group in patterns if group[0] != WORDS}
            return list(self._fill(pattern, names, of_names, used))
        return [("".join(text for text, _ in self._fill(pattern, names, {}, used)), label)]

    def _draw_case(self, frame: Frame) -> Callable[[str], str]:
        draw = self.rng.random()
        if frame.capitals or draw < UPPER_NOISE:
            return str.upper
        return str.lower if draw < UPPER_NOISE + LOWER_NOISE else str

    def _tokenize(self, text: str) -> List[str]:
        return [token.text for token in self.nlp.make_doc(text.strip())]


def _capitalize(pieces: List[Piece]) -> List[Piece]:
    """Give a sentence that begins with a phrase a capital letter; names stay as they are."""
    for i, (text, label) in enumerate(pieces):
        if text:
            if not label:
                pieces[i] = text[0].upper() + text[1:], label
            break
    return pieces


def _tags(label: str, n: int) -> List[str]:
    if not label:
        return ["O"] * n
    return [f"B-{label}"] + [f"I-{label}"] * (n - 1)
