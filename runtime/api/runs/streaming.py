"""The text that ``wait_for_completion(show_output=True)`` prints, in azureml-core's form. Pure."""

from collections.abc import Iterable, Iterator

from runtime.submit.watch import Logged, Seen


def head(run_id: str, url: str) -> str:
    """Return the lines before a run's output."""
    return f"RunId: {run_id}\nWeb View: {url}\n"


def streamed(seen: Iterable[Seen]) -> Iterator[str]:
    """Yield the new text of each log, under a heading whenever another log goes on."""
    current = ""
    for each in seen:
        if not isinstance(each, Logged) or not each.chunk.text:
            continue
        if each.chunk.name != current:
            current = each.chunk.name
            yield f"\n{underlined(f'Streaming {current}')}\n"
        yield each.chunk.text


def summary(run_id: str, url: str, warnings: Iterable[str] = (), error: str | None = None) -> str:
    """Return the lines after a run's output."""
    told = [f"\nWarnings:\n{text}\n" for text in warnings]
    if error:
        told.append(f"\nError:\n{error}\n")
    return f"\n{underlined('Execution Summary')}{head(run_id, url)}{''.join(told)}\n"


def underlined(title: str) -> str:
    """Return a heading."""
    return f"{title}\n{'=' * len(title)}\n"
