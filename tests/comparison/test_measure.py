from spacy_skd.comparison.measure import n_parameters

from ..encoders.test_frozen import encoder, encoder_of, make_pipeline, train  # noqa: F401


def test_the_numbers_of_an_encoder_count(encoder):  # noqa: F811
    nlp = make_pipeline(encoder)
    train(nlp, steps=1)
    model = nlp.get_pipe("pipe").model
    learned = sum(
        node.get_param(name).size
        for node in model.walk()
        for name in node.param_names
        if node.has_param(name)
    )
    encoders = sum(weights.numel() for weights in encoder_of(nlp)._model.model.parameters())
    assert encoders > 1000 and n_parameters(nlp) == learned + encoders
