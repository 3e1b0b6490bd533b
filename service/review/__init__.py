"""6. A person's work: order, decisions, signature."""
