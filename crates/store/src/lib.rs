//! What is remembered: the Store trait, an embedded store and one in memory.
