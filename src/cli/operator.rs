//! What the operators' commands share: the platform, its token, who acts and why. Not a command.

use std::path::PathBuf;

use clap::Args;

use super::upload::PLATFORM;
use crate::api::ActRequest;
use crate::client::Client;
use crate::config::Secret;
use crate::model::MinerId;

/// Where an operator's platform is, and what it knows the operator by.
#[derive(Debug, Args)]
pub(crate) struct Operator {
    /// The platform's address.
    #[arg(long, global = true, value_name = "URL", default_value = PLATFORM, env = "PORTCULLIS_PLATFORM")]
    platform: String,

    /// The file with the platform's token.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        default_value = "portcullis-data/validator.token",
        env = "PORTCULLIS_TOKEN_FILE"
    )]
    token_file: PathBuf,
}

impl Operator {
    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        Ok(Client::new(&self.platform)?.with_token(&Secret::read(&self.token_file)?))
    }
}

/// Who decides, and why.
#[derive(Debug, Args)]
pub(crate) struct Decider {
    /// Why. The miners read it.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,

    /// Who decides, for the audit.
    #[arg(long, value_name = "NAME", env = "USER")]
    pub(crate) operator: MinerId,
}

impl Decider {
    pub(crate) fn act(self) -> ActRequest {
        ActRequest { reason: self.reason, operator: self.operator }
    }
}
