"""Who needs a look first: the worklist, its saved views, and what runs meanwhile."""
