//! The store against a simple model.
