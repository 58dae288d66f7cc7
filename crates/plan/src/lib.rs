//! What should happen: placement and the plans to create, expand and delete.
