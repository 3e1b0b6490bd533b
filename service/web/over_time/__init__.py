"""The patient over time: the time line and the monitoring calendar."""
