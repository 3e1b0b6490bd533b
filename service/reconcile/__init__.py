"""4. Many lists into one, and what differs between them."""
