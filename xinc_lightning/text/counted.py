"""Numbers of things in sentences."""


def counted(number: int, noun: str) -> str:
    """A number and what it counts.

    >>> counted(1, "fit"), counted(0, "run"), counted(3536, "clip")
    ('1 fit', '0 runs', '3,536 clips')
    """
    return f"{number:,} {noun}" + "s" * (number != 1)
