//! The hands: runs operations over executor and store.
