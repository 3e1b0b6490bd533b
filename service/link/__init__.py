"""3. Which records are one person."""
