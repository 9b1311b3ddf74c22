"""The cache stays within its limit, whatever is asked for."""

from hypothesis import given
from hypothesis import strategies as st

from xinc_lightning.server.cache import BoundedCache


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 60)), max_size=60), st.integers(1, 150))
def test_it_stays_within_its_limit_and_keeps_what_was_used_last(requests, limit):
    cache, sizes = BoundedCache(limit), {}
    for key, size in requests:
        size = sizes.setdefault(key, size)
        assert cache.get(key, lambda key=key: f"value {key}", lambda _, size=size: size) == f"value {key}"
        assert key in cache
        assert cache.bytes <= max(limit, size)
        assert cache.bytes == sum(sizes[k] for k in sizes if k in cache)


def test_what_is_there_is_not_made_again():
    cache, made = BoundedCache(10), []
    for key in (1, 2, 1, 3, 1, 2):
        cache.get(key, lambda key=key: made.append(key), lambda _: 5)
    assert made == [1, 2, 3, 2]
