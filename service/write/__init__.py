"""7. Back to the record.

`plan` is pure: a signed review and the JSON report that was seen become exact resources per
server. `gate` refuses what is not sound, `deliver` sends one signature's resources to one server,
looks up what became of a lost answer, reads back and compares.
"""
