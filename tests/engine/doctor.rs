//! `portcullis doctor` on each backend.

use std::sync::Arc;

use libtest_mimic::Trial;
use portcullis::sandbox::examine;

use crate::support::{BackendUnderTest, World, trial};

pub(crate) fn trials(world: &Arc<World>, backend: BackendUnderTest) -> Vec<Trial> {
    vec![trial(world, backend, "doctor_finds_every_promise_held", async move |under| {
        let checks = examine(&*under.backend).await?;
        let broken: Vec<_> = checks.into_iter().filter(|check| !check.held).collect();
        if broken.is_empty() { Ok(()) } else { Err(format!("{broken:#?}").into()) }
    })]
}
