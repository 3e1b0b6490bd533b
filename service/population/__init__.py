"""Whole populations: NDJSON exports of several sources in, one report a patient out.

    exports    which files a source's folder holds, and whether they are all
    scan       the Patient resources of a piece of a file, with the keys to look them up by
    people     which records are one person: pairs that share a key, compared; what is not certain
               stays apart
    partition  every line to the part of its person
    part       one part: lines -> reports, by the same pure functions as for one patient
    tasks      these steps as worker processes do them
    run        the order of all that, in worker processes, restartable

Memory stays bounded: everything that grows with the population lies in files; what is held is a
stretch of a file, one part, and a few bytes a patient.
"""
