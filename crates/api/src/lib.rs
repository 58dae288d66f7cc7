//! The new language: the wire types of Mortar's own API.
