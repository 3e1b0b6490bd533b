"""Pages and API: a folder for each thing that somebody comes for, and here what all of them share.

`worklist` (who needs a look), `patient` (one patient's page), `over_time` (its time line and
calendar), `signing` (before and after the signature), `people` (who is here and what they may),
`operations` (for those who run the service), `api` (for scripts).
"""
