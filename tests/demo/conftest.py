"""The scripts of the demo corpus are no part of the package: they stand beside their frames."""

import sys
from pathlib import Path

ASSETS = Path(__file__).parents[2] / "assets" / "demo"
sys.path.insert(0, str(ASSETS))


def write_language(folder, frames="{PER} calls .", names="Ada", words="[day]\nMonday"):
    folder.mkdir(parents=True)
    (folder / "frames.txt").write_text(frames, encoding="utf-8")
    (folder / "PER.txt").write_text(names, encoding="utf-8")
    (folder / "words.txt").write_text(words, encoding="utf-8")
    return folder
