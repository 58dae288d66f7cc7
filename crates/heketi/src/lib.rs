//! The old language: Heketi's wire types, texts, tokens and topology file.
