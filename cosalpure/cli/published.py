"""List or download what is published: what `cosalpure weights` and `cosalpure data` have in common."""

from cosalpure.errors import UserError, choose


def run(kind: str, action: str, names: list[str], folder: str, sources: str | None) -> None:
    """List or download what the table of sources has of one kind.

    Args:
        kind: "weights" or "data".
        action: "list" or "fetch".
        names: what to fetch, by the names of the table.
        folder: where the files are, or will be.
        sources: the table of sources; None is the bundled one.
    """
    from cosalpure import weights

    known = weights.read_sources(sources, kind)
    if action == "list":
        print(weights.listing(known, folder))
        return
    if not names:
        raise UserError(f"{kind} fetch: name one or more of {', '.join(known)}")
    for source in [known[choose(kind, name, list(known))] for name in names]:
        print(weights.fetch(source, folder))
