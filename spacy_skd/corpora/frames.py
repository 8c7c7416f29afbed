"""The demo corpus, made from a seed: sentence frames filled with names from lists."""

import random
import re
from collections import defaultdict
from functools import lru_cache
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Sequence, Set, Tuple

import spacy
from spacy.tokens import Doc

from ..errors import Errors, SkdError
from .documents import SPLITS, make_doc
from .folder import language_folders
from .frame_files import WORDS, Assets, Frame, Names, Patterns, Slot, describe, read_assets

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


def generate(
    input_dir: Path,
    seed: int,
    *,
    train: int = 2500,
    dev: int = 200,
    test: int = 400,
    unlabelled: int = 1000,
) -> Dict[str, Dict[str, List[Doc]]]:
    """Make the demo corpus: for each language folder of `input_dir` and each split, that many
    sentences, all different.

    No frame and no name of dev or test occurs in another split. Names are the same if they differ
    in case or entity type only, and a name goes where longer names that contain it go. Labelled
    sentences are annotated with entities on all tokens; unlabelled ones are words and spaces.

    seed (int): Decides which frame and which name goes where, and every draw.
    RETURNS (Dict[str, Dict[str, List[Doc]]]): The documents by language and split, with the language
        in `doc.user_data["lang"]`.
    RAISES (SkdError): For frames or names that cannot be used, naming file and line.
    """
    sizes = {"train": train, "dev": dev, "test": test, "unlabelled": unlabelled}
    return {
        folder.name: _generate_language(folder, random.Random(f"{seed}/{folder.name}"), sizes)
        for folder in language_folders(input_dir)
    }


def _generate_language(
    folder: Path, rng: random.Random, sizes: Dict[str, int]
) -> Dict[str, List[Doc]]:
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
        docs = writer.write(frames, names, size, split)
        if len(docs) < size:
            message = Errors.SKD117.format(path=folder, found=len(docs), size=size, split=split)
            raise SkdError(message)
        splits[split] = docs
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
    `SkdError` for a group too small for all splits.
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
            path = folder / f"{group[0]}.txt"
            raise SkdError(Errors.SKD116.format(path=path, place=describe(group)))
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
    `SkdError` where spaCy has none.
    """

    def __init__(self, lang: str, assets: Assets, rng: random.Random) -> None:
        self.lang = lang
        self.assets = assets
        self.rng = rng
        try:
            self.nlp = spacy.blank(lang)
        except ImportError as error:
            reason = " ".join(str(error).split())
            raise SkdError(Errors.SKD100.format(lang=lang, reason=reason)) from None
        self.tokenize = lru_cache(maxsize=None)(self._tokenize)
        # In which split a name occurred first. Lists are dealt out, but a pattern may make the same
        # name anywhere.
        self.split_of: Dict[str, str] = {}

    def write(self, frames: Sequence[Frame], names: Names, size: int, split: str) -> List[Doc]:
        """At most `size` sentences, fewer where no more can be found that differ in their text and
        have no name of another split.
        """
        docs: Dict[str, Doc] = {}
        misses = 0
        for frame in self._draw_frames(frames):
            if len(docs) == size or misses == PATIENCE:
                break
            pieces = list(self._fill(frame, names | self.assets.words, self.assets.patterns, set()))
            doc = self._make_doc(frame, pieces, annotated=split != "unlabelled")
            is_new = doc.text not in docs and self._claim(pieces, split)
            misses = 0 if is_new else misses + 1
            if is_new:
                docs[doc.text] = doc
        return list(docs.values())

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

    def _make_doc(self, frame: Frame, pieces: List[Piece], annotated: bool) -> Doc:
        change_case = self._draw_case(frame)
        if not frame.texts[0]:
            pieces = _capitalize(pieces)
        words: List[str] = []
        spaces: List[bool] = []
        tags: List[str] = []
        for text, label in pieces:
            # Each piece is tokenised by itself, so that a name begins and ends with a token.
            new_words, new_spaces = self.tokenize(change_case(text))
            if spaces and text[:1].isspace():
                spaces[-1] = True
            words.extend(new_words)
            spaces.extend(new_spaces)
            tags.extend(_tags(label, len(new_words)))
        ents = tags if annotated else None
        return make_doc(self.nlp.vocab, self.lang, words, spaces, ents=ents)

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

    def _tokenize(self, text: str) -> Tuple[List[str], List[bool]]:
        doc = self.nlp.make_doc(text.strip())
        spaces = [bool(token.whitespace_) for token in doc]
        if spaces and text[-1:].isspace():
            spaces[-1] = True
        return [token.text for token in doc], spaces


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
