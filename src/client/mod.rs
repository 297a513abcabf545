//! A typed client of our own HTTP interface, for the command line and the validator.

mod error;
mod page;

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder, Response, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

pub use error::ClientError;
use page::Page;

use crate::api::signature::{self, Signed};
use crate::api::{
    ActRequest, AgentDetail, AgentPage, AgentSource, AgentSummary, Assignment, Ban, BanList, BanRequest,
    ClaimRequest, HoldList, Leaderboard, LeaseAnswer, LiftRequest, Problem, RecheckApply, RecheckPage,
    RecheckRequest, Rechecked, RejudgeDetail, RejudgeList, RejudgeRequest, RejudgeSummary, ReleaseRequest,
    ResolveRequest, ResultRequest, ResultTaken, RunList, SubmissionDetail, TaskDetail, TaskList, Uploaded,
    Validation, Version,
};
use crate::config::{MinerKey, Secret};
use crate::model::{Digest, MinerId, Slug, SubmissionId};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(120);
/// Of one answer. What is longer is not one of ours.
const MOST_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// Of one list, a thousand entries each.
const MOST_PAGES: usize = 10_000;

/// One platform. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    /// Ends with `/`, so that joining keeps its path.
    base: Url,
    authorization: Option<HeaderValue>,
}

impl Client {
    /// The platform at `url`, such as `http://127.0.0.1:8080`. Nothing is sent yet.
    ///
    /// # Errors
    /// When it is not an `http` or `https` URL.
    pub fn new(url: &str) -> Result<Self, ClientError> {
        let wrong = |why: &str| ClientError::Url { url: url.to_owned(), why: why.to_owned() };
        let mut base = Url::parse(url).map_err(|error| wrong(&error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(wrong("it must begin with `http://` or `https://` and name a host"));
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(wrong("it must not hold a password"));
        }
        if !base.path().ends_with('/') {
            let path = format!("{}/", base.path());
            base.set_path(&path);
        }
        // Fails only when a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .user_agent(concat!("portcullis/", env!("CARGO_PKG_VERSION")))
            // Our platform never redirects; a token must not follow one elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|source| ClientError::Setup { source })?;
        Ok(Self { http, base, authorization: None })
    }

    /// The same client with the platform's token, for the internal routes.
    #[must_use]
    pub fn with_token(mut self, token: &Secret) -> Self {
        let value = HeaderValue::from_str(&format!("Bearer {}", token.reveal()));
        // A `Secret` is visible ASCII, which every header takes.
        self.authorization = value.ok().map(|mut value| {
            value.set_sensitive(true);
            value
        });
        self
    }

    pub fn url(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Uploads an agent.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with the problem when the platform refuses it; the findings of the
    /// gate are in there.
    pub async fn upload(&self, miner: &str, agent: Vec<u8>) -> Result<Uploaded, ClientError> {
        let agent = Part::bytes(agent).file_name("agent.py");
        let form = Form::new().text("miner_id", miner.to_owned()).part("agent", agent);
        self.ask(self.request(Method::POST, "upload/agent")?.multipart(form)).await
    }

    /// Uploads an agent in the name of a key, for a platform that asks for signatures.
    ///
    /// # Errors
    /// As [`Client::upload`].
    pub async fn upload_signed(&self, key: &MinerKey, agent: &[u8]) -> Result<Uploaded, ClientError> {
        let hotkey = key.hotkey().to_string();
        let (content_type, body) = form(&hotkey, agent);
        let request = self.request(Method::POST, "upload/agent")?;
        let nonce = hex::encode(rand::random::<[u8; 16]>());
        let timestamp = jiff::Timestamp::now().as_second();
        let signed = Signed {
            hotkey: &hotkey,
            method: "POST",
            path: "/upload/agent",
            body: Digest::of(&body),
            timestamp,
            nonce: &nonce,
        };
        let signature = key.sign(signed.message().as_bytes());
        let request = request
            .header(CONTENT_TYPE, content_type)
            .header(signature::HOTKEY, &hotkey)
            .header(signature::SCHEME, key.scheme().as_str())
            .header(signature::NONCE, &nonce)
            .header(signature::TIMESTAMP, timestamp)
            .header(signature::SIGNATURE, signature);
        self.ask(request.body(body)).await
    }

    /// # Errors
    /// When the platform cannot be reached or refuses.
    pub async fn version(&self) -> Result<Version, ClientError> {
        self.get("version").await
    }

    /// # Errors
    /// When the platform cannot be reached or refuses.
    pub async fn tasks(&self) -> Result<TaskList, ClientError> {
        self.whole("tasks?").await
    }

    /// # Errors
    /// When the platform cannot be reached or there is no such task.
    pub async fn task(&self, id: &Slug) -> Result<TaskDetail, ClientError> {
        self.get(&format!("tasks/{id}")).await
    }

    /// Every miner's current agent.
    ///
    /// # Errors
    /// When the platform cannot be reached or refuses.
    pub async fn agents(&self) -> Result<Vec<AgentSummary>, ClientError> {
        let all: AgentPage = self.whole("agents?").await?;
        Ok(all.agents)
    }

    /// # Errors
    /// When the platform cannot be reached or does not know the miner.
    pub async fn agent(&self, miner: &MinerId) -> Result<AgentDetail, ClientError> {
        self.whole(&format!("agents/{miner}?")).await
    }

    /// The text of a miner's agent. Needs the token.
    ///
    /// # Errors
    /// When the platform cannot be reached or refuses.
    pub async fn agent_source(&self, miner: &MinerId) -> Result<AgentSource, ClientError> {
        self.get(&format!("internal/v1/agents/{miner}/source")).await
    }

    /// # Errors
    /// When the platform cannot be reached or there is no such submission.
    pub async fn submission(&self, id: SubmissionId) -> Result<SubmissionDetail, ClientError> {
        self.get(&format!("submissions/{id}")).await
    }

    /// # Errors
    /// When the platform cannot be reached or refuses.
    pub async fn leaderboard(&self) -> Result<Leaderboard, ClientError> {
        self.whole("leaderboard?").await
    }

    /// Work for this validator, if there is any. Needs the token, as everything below.
    ///
    /// # Errors
    /// When the platform cannot be reached or refuses.
    pub async fn claim(&self, validator: &MinerId) -> Result<Option<Assignment>, ClientError> {
        let request = ClaimRequest { validator: validator.clone() };
        let response = self.send(self.post("internal/v1/assignments/claim", &request)?).await?;
        if response.status() == http::StatusCode::NO_CONTENT {
            return Ok(None);
        }
        self.answer(response).await.map(Some)
    }

    /// Keeps an assignment. [`ClientError::is_lease_ended`] tells that it is too late.
    ///
    /// # Errors
    /// When the platform cannot be reached or the lease has ended.
    pub async fn heartbeat(&self, assignment: Uuid, validator: &MinerId) -> Result<LeaseAnswer, ClientError> {
        let request = ClaimRequest { validator: validator.clone() };
        self.ask(self.post(&format!("internal/v1/assignments/{assignment}/heartbeat"), &request)?).await
    }

    /// Reports a result. Sending the same one again is safe.
    ///
    /// # Errors
    /// When the platform cannot be reached, the lease has ended, or the result does not fit.
    pub async fn submit_result(
        &self,
        assignment: Uuid,
        result: &ResultRequest,
    ) -> Result<ResultTaken, ClientError> {
        self.ask(self.post(&format!("internal/v1/assignments/{assignment}/result"), result)?).await
    }

    /// Gives an assignment back.
    ///
    /// # Errors
    /// When the platform cannot be reached or the assignment ended with a result.
    pub async fn release(&self, assignment: Uuid, release: &ReleaseRequest) -> Result<(), ClientError> {
        let request = self.post(&format!("internal/v1/assignments/{assignment}/release"), release)?;
        self.send(request).await.map(drop)
    }

    /// The submissions that wait for an operator.
    ///
    /// # Errors
    /// When the platform cannot be reached or refuses.
    pub async fn holds(&self) -> Result<HoldList, ClientError> {
        self.whole("internal/v1/holds?").await
    }

    /// Releases or rejects a held submission.
    ///
    /// # Errors
    /// When the platform cannot be reached or the submission is not held.
    pub async fn resolve(&self, id: SubmissionId, decision: &ResolveRequest) -> Result<(), ClientError> {
        let request = self.post(&format!("internal/v1/holds/{id}/resolve"), decision)?;
        self.send(request).await.map(drop)
    }

    /// The miners who may not take part; `ended` adds the bans that are over.
    ///
    /// # Errors
    /// When the platform cannot be reached or refuses.
    pub async fn bans(&self, ended: bool) -> Result<Vec<Ban>, ClientError> {
        let all: BanList = self.whole(&format!("internal/v1/bans?ended={ended}&")).await?;
        Ok(all.bans)
    }

    /// # Errors
    /// When the platform cannot be reached or the miner is banned already.
    pub async fn ban(&self, request: &BanRequest) -> Result<Ban, ClientError> {
        self.ask(self.post("internal/v1/bans", request)?).await
    }

    /// # Errors
    /// When the platform cannot be reached or the miner is not banned.
    pub async fn lift_ban(&self, miner: &MinerId, request: &LiftRequest) -> Result<(), ClientError> {
        let request = self.post(&format!("internal/v1/bans/{miner}/lift"), request)?;
        self.send(request).await.map(drop)
    }

    /// Every time a submission was judged.
    ///
    /// # Errors
    /// When the platform cannot be reached or there is no such submission.
    pub async fn runs(&self, id: SubmissionId) -> Result<RunList, ClientError> {
        self.get(&format!("submissions/{id}/runs")).await
    }

    /// # Errors
    /// When the platform cannot be reached or refuses.
    pub async fn rejudges(&self) -> Result<RejudgeList, ClientError> {
        self.whole("internal/v1/rejudges?").await
    }

    /// # Errors
    /// When the platform cannot be reached or there is nothing to judge again.
    pub async fn create_rejudge(&self, request: &RejudgeRequest) -> Result<RejudgeSummary, ClientError> {
        self.ask(self.post("internal/v1/rejudges", request)?).await
    }

    /// # Errors
    /// When the platform cannot be reached or there is no such set.
    pub async fn rejudge(&self, id: Uuid) -> Result<RejudgeDetail, ClientError> {
        self.get(&format!("internal/v1/rejudges/{id}")).await
    }

    /// # Errors
    /// When the platform cannot be reached or the set cannot be applied now.
    pub async fn apply_rejudge(&self, id: Uuid, act: &ActRequest) -> Result<RejudgeDetail, ClientError> {
        self.ask(self.post(&format!("internal/v1/rejudges/{id}/apply"), act)?).await
    }

    /// # Errors
    /// When the platform cannot be reached or the set is not open.
    pub async fn drop_rejudge(&self, id: Uuid, act: &ActRequest) -> Result<RejudgeDetail, ClientError> {
        self.ask(self.post(&format!("internal/v1/rejudges/{id}/drop"), act)?).await
    }

    /// One page of asking the gate again under another policy.
    ///
    /// # Errors
    /// When the platform cannot be reached or the policy cannot be used.
    pub async fn ask_recheck(&self, request: &RecheckRequest) -> Result<RecheckPage, ClientError> {
        self.ask(self.post("internal/v1/rechecks/ask", request)?).await
    }

    /// # Errors
    /// When the platform cannot be reached or a submission moved on in the meantime.
    pub async fn apply_recheck(&self, request: &RecheckApply) -> Result<Rechecked, ClientError> {
        self.ask(self.post("internal/v1/rechecks", request)?).await
    }

    /// Has a bundle checked against the invariants of `task`: an id, or the text of a `task.json`.
    ///
    /// # Errors
    /// When the platform cannot be reached or refuses.
    pub async fn validate(&self, task: &str, bundle: Vec<u8>) -> Result<Validation, ClientError> {
        let bundle = Part::bytes(bundle).file_name("bundle.zip");
        let form = Form::new().text("task", task.to_owned()).part("bundle", bundle);
        self.ask(self.request(Method::POST, "validate")?.multipart(form)).await
    }

    /// The job of a bundle; waits so many seconds (at most 30) for its end.
    ///
    /// # Errors
    /// When the platform cannot be reached or does not know the job.
    pub async fn validation(&self, job: Uuid, wait_s: u64) -> Result<Validation, ClientError> {
        self.get(&format!("validate/{job}?wait={wait_s}")).await
    }

    /// The last lines of a job's log.
    ///
    /// # Errors
    /// When the platform cannot be reached or does not know the job.
    pub async fn validation_log(&self, job: Uuid) -> Result<String, ClientError> {
        let response = self.send(self.request(Method::GET, &format!("validate/{job}/log"))?).await?;
        let bytes = self.bytes(response).await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The list at `path`, which ends where the query goes on, with the entries of all its pages.
    async fn whole<P: Page>(&self, path: &str) -> Result<P, ClientError> {
        let mut whole: P = self.get(&format!("{path}limit=1000")).await?;
        for _ in 1..MOST_PAGES {
            let Some(next) = whole.take_next() else { return Ok(whole) };
            whole.append(self.get(&format!("{path}limit=1000&after={next}")).await?);
        }
        match whole.take_next() {
            None => Ok(whole),
            Some(_) => Err(ClientError::NotOurs {
                url: self.url().to_owned(),
                why: format!("a list of it has more than {MOST_PAGES} pages"),
            }),
        }
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.ask(self.request(Method::GET, path)?).await
    }

    fn post(&self, path: &str, body: &impl Serialize) -> Result<RequestBuilder, ClientError> {
        Ok(self.request(Method::POST, path)?.json(body))
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, ClientError> {
        let url = self
            .base
            .join(path)
            .map_err(|error| ClientError::Url { url: path.to_owned(), why: error.to_string() })?;
        let mut request = self.http.request(method, url);
        if let Some(token) = &self.authorization {
            request = request.header(AUTHORIZATION, token.clone());
        }
        Ok(request)
    }

    async fn ask<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ClientError> {
        let response = self.send(request).await?;
        self.answer(response).await
    }

    /// The answer, or the problem it tells of.
    async fn send(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        let unreachable = |error| ClientError::Unreachable { url: self.url().to_owned(), error };
        let response = request.send().await.map_err(unreachable)?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let bytes = self.bytes(response).await?;
        match serde_json::from_slice::<Problem>(&bytes) {
            Ok(problem) => Err(ClientError::Refused { problem: Box::new(problem) }),
            Err(_) => Err(ClientError::NotOurs {
                url: self.url().to_owned(),
                why: format!("it answers `{status}` without a problem that we understand"),
            }),
        }
    }

    async fn answer<T: DeserializeOwned>(&self, response: Response) -> Result<T, ClientError> {
        let bytes = self.bytes(response).await?;
        serde_json::from_slice(&bytes).map_err(|error| ClientError::NotOurs {
            url: self.url().to_owned(),
            why: format!("its answer is not what this version expects: {error}"),
        })
    }

    async fn bytes(&self, mut response: Response) -> Result<Vec<u8>, ClientError> {
        let mut bytes = Vec::new();
        let broken = |error| ClientError::Unreachable { url: self.url().to_owned(), error };
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if bytes.len() + chunk.len() > MOST_ANSWER_BYTES {
                return Err(ClientError::NotOurs {
                    url: self.url().to_owned(),
                    why: "its answer is larger than any of ours".to_owned(),
                });
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

/// The form as bytes, because a signature covers them: its content type and itself.
fn form(miner: &str, agent: &[u8]) -> (String, Vec<u8>) {
    // Random, so that no agent can hold it.
    let boundary = hex::encode(rand::random::<[u8; 24]>());
    let head = format!(
        "--{boundary}\r\ncontent-disposition: form-data; name=\"miner_id\"\r\n\r\n{miner}\r\n\
         --{boundary}\r\ncontent-disposition: form-data; name=\"agent\"; filename=\"agent.py\"\r\n\r\n"
    );
    let tail = format!("\r\n--{boundary}--\r\n");
    (format!("multipart/form-data; boundary={boundary}"), [head.as_bytes(), agent, tail.as_bytes()].concat())
}
