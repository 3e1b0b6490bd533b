"""6. A person's work: order, decisions, signature.

Everything here stands on the JSON report (the dict of `concord/report/1`) and not on the values
behind it, so that what a person saw is what the decision is about.
"""
