from xinc_lightning.text import counted


def test_only_one_is_singular():
    assert [counted(n, "run") for n in (0, 1, 2, 1000)] == ["0 runs", "1 run", "2 runs", "1,000 runs"]
