"""Several runs side by side: comparison, overlays, evolution, one UMAP. They read run folders and raise, never exit."""
