//! RocksDB: consensus log and ledger.
