//! The door for REST: Heketi's routes, Mortar's own, metrics.
