"""One signature's resources to one server: sent once, looked up when in doubt, read back, compared.

How a create is guarded, strongest first: a transaction of conditional creates; PUT under our own
id with If-None-Match; POST under a key that the server knows again; conditional create; POST once.
Conditional create is a race on several real servers, so that it is used under a lease of ours only;
a POST without a key is never repeated when its answer was lost.

    recipient.py  what a server lets us write, and what delivering needs of its client
    parcel.py     one planned write on its way, and where it stands now
    send.py       what goes together, what in turn, and what became of it
    ways.py       the strongest guard of a server for one resource by itself
    answers.py    what an answer or an error means for one resource
    look_up.py    what became of a write whose answer was lost
    read_back.py  what the server keeps, compared with what was approved
    places.py     references inside a plan, and where things came to stand
"""
