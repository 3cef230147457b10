//! What do the records on the wire and in the ledger look like?
