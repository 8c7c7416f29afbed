"""`python -m spacy skd visualize`"""

import typer
from wasabi import msg

from ._app import app


@app.command("visualize")
def visualize_cli(
    pipeline: str = typer.Argument(..., help="Folder or installed package, e.g. xx_skd"),
    port: int = typer.Option(8000, "--port", "-p", min=0, help="Where the page is; 0 takes a free one"),
    host: str = typer.Option("127.0.0.1", "--host", help="Whom it is for: 127.0.0.1 is this machine alone"),
) -> None:  # fmt: skip
    """
    Open a page on which one types text and sees what a pipeline says of it.

    Entities with their probabilities, and the most probable analyses of the whole text; of a tagger
    each token's tag, and what else it could be. Ctrl+C ends it.

    Example: python -m spacy skd visualize training/student/model-best
    """
    from ..evaluation.evaluate import load
    from ..viewer.server import Page, make_server

    nlp, _ = load(pipeline)
    server = make_server(Page(nlp, pipeline), host, port)
    msg.good(f"http://{host}:{server.server_address[1]} (Ctrl+C ends it)")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
