"""Each group has one colour in all panels."""

import numpy as np

from xinc_lightning.analyses import SharedEmbedding
from xinc_lightning.figures import embedding_by_group, rasterize


def panel(name, groups):
    random = np.random.default_rng(0)
    members = np.repeat(np.arange(len(groups)), 5)
    count = len(members)
    return SharedEmbedding(name, groups, random.random((count, 2)), members, members, np.arange(count), 0.87)


def test_a_group_keeps_its_colour(words):
    figure = embedding_by_group(
        [panel("FFN layer1", ("1", "2")), panel("FFN layer2", ("2",))], "seed", "title"
    )
    dots = figure.findobj(
        lambda artist: type(artist).__name__ == "PathCollection" and len(artist.get_offsets()) == 5
    )
    one, two, again = (tuple(d.get_facecolor()[0]) for d in dots[:3])
    assert two == again != one
    assert "mixing 0.87" in words(figure)
    rasterize(figure)
