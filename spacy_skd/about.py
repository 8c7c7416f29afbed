__title__ = "spacy-skd"
__version__ = "0.1.0"
