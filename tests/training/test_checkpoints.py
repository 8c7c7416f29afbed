"""The state of a training; that trainings go on from it is tested with the loop."""

import spacy
from thinc.api import Adam

from spacy_skd.training.checkpoints import Checkpoint, Progress


def test_scores_that_no_file_can_hold_do_not_end_a_training(tmp_path):
    pairs = {("PER", "LOC"): 3}
    plain = {"ents_f": 0.5, "ents_per_type": {"PER": {"f": 0.5}}, "speed": None}
    progress = Progress(steps=1)
    progress.add_row(0.5, {**plain, "confusion": pairs, "seen": {"PER"}}, None)
    checkpoint = Checkpoint(tmp_path, "f")
    checkpoint.save(spacy.blank("xx"), Adam(0.1), progress)
    assert progress.rows[0]["other_scores"]["confusion"] == pairs
    loaded = checkpoint.load(spacy.blank("xx"), Adam(0.1), lambda progress: None)
    assert loaded is not None and loaded.rows[0]["other_scores"] == plain
