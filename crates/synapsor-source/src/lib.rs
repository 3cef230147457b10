//! How does one database read a scoped row, describe itself, run the guarded transaction?
