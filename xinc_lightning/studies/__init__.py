"""Studies of saved runs: comparison, overlays, evolution, shared UMAP. They only read run folders."""
