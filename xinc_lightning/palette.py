"""Colours of categories, in figures and on pages; here, because a page is served before matplotlib is imported."""

COLOURS = (
    *("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6"),
    *("#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"),
)
"""Petroff's ten colours, distinguishable for colour-blind readers."""

CLUSTER_COLOURS = (COLOURS[0], COLOURS[1], COLOURS[2], COLOURS[4])
"""Of the four clusters of neurons."""
