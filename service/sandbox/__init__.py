"""Small FHIR servers with manners and with faults on demand: the demo and the tests use the same.

    exchange    Ask and Reply: one interaction, without HTTP around it
    manners     how one server behaves: page size, what it offers, what it refuses
    storage     resources and all their versions, in memory
    parameters  the search parameters of R4, per resource type
    references  where references stand, and which lead to the server itself
    search      which resources match a search
    includes    what _include and _revinclude add
    match       Patient/$match
    paging      searchset Bundles, opaque links
    shape       what a server refuses with 422
    rest        read, vread, history, create, update
    bundle      transaction and batch
    capability  the CapabilityStatement, true to the manners
    access      who may ask: bearer, basic, SMART Backend Services
    faults      what goes wrong, as data
    mischief    what a fault makes of an answer
    wire        what a fault makes of the connection
    cases       faults and manners from files
    log         what was asked
    server      the ASGI app, with its control route under /_sandbox
    run         uvicorn in a thread (tests) or in a running event loop (demo)

Nothing here is imported by the service itself, and nothing here imports the service.
"""
