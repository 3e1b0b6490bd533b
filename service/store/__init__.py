"""What must survive: reports, reviews, decisions, deliveries."""
