"""The model of a component that is added with no settings: as small as spaCy's own, but told more
of how a word is written."""

DEFAULT_MODEL = """
[model]
@architectures = "spacy-skd.CRFTagger.v1"
transitions_lr = 1.0
nO = null

[model.tok2vec]
@architectures = "spacy.Tok2Vec.v2"

[model.tok2vec.embed]
@architectures = "spacy-skd.MultiHashEmbed.v1"
width = 96
attrs = ["NORM", "PREFIX", "SUFFIX", "SHAPE", "SUFFIX1", "SUFFIX2", "SUFFIX4", "PREFIX2", "PREFIX3"]
rows = [2000, 500, 1000, 500, 500, 1000, 1000, 1000, 1000]

[model.tok2vec.encode]
@architectures = "spacy.MaxoutWindowEncoder.v2"
width = 96
depth = 4
window_size = 1
maxout_pieces = 3
"""
