"""One signature's resources to one server: sent once, looked up when in doubt, read back, compared.

How a create is guarded, strongest first: a transaction of conditional creates; PUT under our own
id with If-None-Match; conditional create; POST once. Conditional create is a race on several real
servers, so that it is used under a lease of ours only; a POST is never repeated when its answer
was lost.

    recipient.py  what a server lets us write, and what delivering needs of its client
    parcel.py     one planned write on its way, and where it stands now
    send.py       the requests, strongest guard first
    answers.py    what an answer or an error means for one resource
    look_up.py    what became of a write whose answer was lost
    read_back.py  what the server keeps, compared with what was approved
    places.py     references inside a plan, and where things came to stand
"""
