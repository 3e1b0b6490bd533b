"""For those who run the service: sources, deliveries, rules, audit, metrics."""
