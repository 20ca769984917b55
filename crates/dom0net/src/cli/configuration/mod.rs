//! What the commands for configuration files share: which files, how they are read, how findings are shown.

pub(super) mod files;
pub(super) mod findings;
pub(super) mod rules;
