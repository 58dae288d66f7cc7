//! How a change survives: the operation's state machine and its recovery.
