"""The model of a component that is added with no settings: spaCy's own small encoder."""

DEFAULT_MODEL = """
[model]
@architectures = "spacy-skd.CRFTagger.v1"
transitions_lr = 1.0
nO = null

[model.tok2vec]
@architectures = "spacy.HashEmbedCNN.v2"
pretrained_vectors = null
width = 96
depth = 4
embed_size = 2000
window_size = 1
maxout_pieces = 3
subword_features = true
"""
