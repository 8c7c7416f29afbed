"""Makes the demo corpus from the frames and names beside this file: `<language>/train.iob2`,
`dev.iob2` and `test.iob2`, a token and its tag a line, and `<language>/unlabelled.txt`, a line for
each sentence.

    python assets/demo/make_corpus.py demo --seed 0
"""

import argparse
import hashlib
import json
import shutil
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Dict, List, Optional, Sequence

from frame_files import AssetError
from frames import Sentence, generate, language_folders
from spacy_skd.lifeline import end_with_parent

ASSETS = Path(__file__).parent
# Says what a corpus was made from.
RECORD = "made_from.json"
# What it is made from, and what it consists of.
SOURCES = ("*.py", "*/*.txt")
FILES = ("*/train.iob2", "*/dev.iob2", "*/test.iob2", "*/unlabelled.txt")


def main(arguments: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description="Make the demo corpus.")
    parser.add_argument("output", type=Path, help="Folder of the corpus; replaced where it differs")
    parser.add_argument("--seed", type=int, default=0, help="Which frame and name goes where")
    parser.add_argument(
        "--only-for", type=Path, help="The corpus that is asked for; nothing is done for another"
    )
    parser.add_argument(
        "--end-with-parent", action="store_true", help="End when the process that started this ends"
    )
    args = parser.parse_args(arguments)
    if args.end_with_parent:
        end_with_parent()
    if args.only_for is not None and args.only_for.resolve() != args.output.resolve():
        print(f"The data is {args.only_for}: no demo corpus is needed")
        return 0
    try:
        is_new = make_corpus(ASSETS, args.output, args.seed)
    except (AssetError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    print(f"{args.output}: {'made' if is_new else 'nothing changed'}")
    return 0


def make_corpus(assets: Path, output: Path, seed: int) -> bool:
    """Make the corpus of all languages of `assets`, unless it is there. Whether it was made.
    Raises `AssetError` for bad assets, and where `output` holds anything but such a corpus.
    """
    made_from = {"seed": seed, "spacy": version("spacy"), "assets": _checksums(assets, SOURCES)}
    if _read_record(output) == {**made_from, "corpus": _checksums(output, FILES)}:
        return False
    _check_replaceable(output)
    new = output.with_name(f".{output.name}.new")
    corpus = {folder.name: generate(folder, seed) for folder in language_folders(assets)}
    shutil.rmtree(new, ignore_errors=True)
    for language, splits in corpus.items():
        _write(splits, new / language)
    record = {**made_from, "corpus": _checksums(new, FILES)}
    (new / RECORD).write_text(json.dumps(record, indent=2), encoding="utf-8")
    if output.exists():
        shutil.rmtree(output)
    new.rename(output)
    return True


def _checksums(folder: Path, patterns: Sequence[str]) -> Dict[str, str]:
    """By the names below `folder`, because a language that is renamed is another one."""
    files = {path for pattern in patterns for path in folder.glob(pattern)}
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(files)
    }


def _read_record(output: Path) -> Optional[dict]:
    """What the corpus that is there was made from; None if that cannot be said."""
    try:
        return json.loads((output / RECORD).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


def _check_replaceable(output: Path) -> None:
    if not output.exists():
        return
    if not output.is_dir():
        raise AssetError(f"{output} is no folder: give another output.")
    ours = {path for pattern in (RECORD, *FILES) for path in output.glob(pattern)}
    others = sorted(path for path in output.rglob("*") if path.is_file() and path not in ours)
    if others:
        raise AssetError(f"{others[0]} is no part of the demo corpus: give another output folder.")


def _write(splits: Dict[str, List[Sentence]], folder: Path) -> None:
    folder.mkdir(parents=True)
    for split, sentences in splits.items():
        if split == "unlabelled":
            name, lines = f"{split}.txt", [" ".join(sentence.words) for sentence in sentences]
        else:
            name, lines = f"{split}.iob2", list(map(_columns, sentences))
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def _columns(sentence: Sentence) -> str:
    return "".join(f"{word}\t{tag}\n" for word, tag in zip(*sentence))


if __name__ == "__main__":
    sys.exit(main())
