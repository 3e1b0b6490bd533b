"""Who is here, how they proved it, and what they may see and do."""
