"""Raw text to tokens, in every script: what spaCy's rules say, corrected by what corpora do."""
