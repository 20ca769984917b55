//! `dom0net lab up`: a lab with the caller's own files.

use std::ffi::OsString;
use std::path::Path;

use lab::DomainConfig;
use lab::keeper::{Context, Next};
use xenconf::xend::XendConfig;

use super::scene::{self, SceneError};
use crate::cli::fail;
use crate::cli::output::out;

/// Builds the lab. The first word is the host's configuration, or empty; the others are guests'.
pub(super) fn run(context: &Context, words: &[OsString]) -> Next {
    match build(context, words) {
        Ok(lab) => Next::Stay(Box::new(lab)),
        Err(error) => Next::End(fail(&error)),
    }
}

fn build(context: &Context, words: &[OsString]) -> Result<lab::Lab, SceneError> {
    let (config, guests) = words.split_first().unzip();
    let config = match config.filter(|path| !path.is_empty()) {
        Some(path) => scene::read_host(&scene::open(Path::new(path))?)?,
        None => XendConfig::default(),
    };
    let lab = scene::build(context, config.defaults())?;
    if let Some(run) = scene::network(&lab, &config, "start")? {
        out(&format!("host: {}\n", run.call));
    }
    for path in guests.unwrap_or_default() {
        let source = scene::open(Path::new(path))?;
        let domain = scene::read_guest(&source)?;
        let created = scene::create(&lab, &DomainConfig::from(&domain))?;
        out(&format!("{}: from {}\n", created.guest.name(), source.name()));
    }
    out("Look around with dom0net lab enter host; end it with dom0net lab down.\n");
    Ok(lab)
}
