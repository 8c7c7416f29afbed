# Lazy: `python -m spacy skd <command>`; one thin file per command.
