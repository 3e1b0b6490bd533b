"""Real processes, killed for real: what stands on the servers afterwards is counted."""
