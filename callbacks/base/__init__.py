"""How analyses are scheduled, run and saved; no callback that a config can name is defined here."""
