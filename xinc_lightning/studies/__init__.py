"""Studies of saved runs, which only read run folders; and ``fleet``, which trains many."""
