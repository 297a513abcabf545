//! The submission is a bundle of documents; each case is an invariant that must hold of them. No
//! code is run.
//!
//! `task.json` lists the invariants. The form is that of AlphaCore's tasks, and a whole task of
//! theirs is one of ours:
//!
//! ```json
//! {"invariants": [
//!   {"name": "the_server", "resource_type": "google_compute_instance",
//!    "match": {"values.name": "vm-1", "values.network_interface.0.network": "default"}},
//!   {"name": "small", "expression": "resources.all(r, r.values.size <= 10)"}
//! ]}
//! ```

mod expression;
mod matching;
mod state;

use serde::Deserialize;
use serde_json::{Map, Value};

use self::expression::Expression;
use self::state::{Claim, Comparison};
use crate::bundle::Bundle;
use crate::model::Slug;

/// Where Terraform keeps what it made.
const STATE: &str = "terraform.tfstate";
const MOST_INVARIANTS: usize = 500;
const LONGEST_ID: usize = 128;

/// The invariants of a task, in the order of its cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    pub(in crate::task) invariants: Vec<Invariant>,
}

/// One thing that must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::task) struct Invariant {
    pub(in crate::task) name: Slug,
    pub(in crate::task) weight: u32,
    pub(in crate::task) hidden: bool,
    /// As its author wrote it, on one line.
    pub(in crate::task) text: String,
    demand: Demand,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Demand {
    Resource(Claim),
    Expression(Expression),
}

/// Who wrote the invariants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// Whoever made the task package.
    Trusted,
    /// Whoever sent a request. Expressions are not taken from there: a short one can double a text
    /// forty times.
    Anybody,
}

/// Whether one invariant holds, and if not, what differs, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holds {
    pub name: Slug,
    /// What it counts, at least 1.
    pub weight: u32,
    pub hidden: bool,
    pub differs: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    invariants: Vec<Written>,
    // What else a task of AlphaCore's has. Ours says these things in `task.toml`.
    #[serde(default, rename = "version")]
    _version: Value,
    #[serde(default)]
    task_id: Option<String>,
    #[serde(default, rename = "nonce")]
    _nonce: Value,
    #[serde(default, rename = "kind")]
    _kind: Value,
    #[serde(default, rename = "prompt")]
    _prompt: Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: Option<String>,
    weight: Option<u32>,
    #[serde(default)]
    hidden: bool,
    resource_type: Option<String>,
    #[serde(rename = "match")]
    pairs: Option<Map<String, Value>>,
    comparison_rule: Option<Comparison>,
    expression: Option<String>,
}

/// What is wrong with a `task.json`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct InvalidInvariants {
    pub problem: String,
    /// Counted from 1, where the text is not JSON or not of this form.
    pub line: Option<usize>,
}

impl From<String> for InvalidInvariants {
    fn from(problem: String) -> Self {
        Self { problem, line: None }
    }
}

impl Artifact {
    /// Reads a `task.json`. The second value is the task's id, where the text has one.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn parse(text: &str, author: Author) -> Result<(Self, Option<String>), InvalidInvariants> {
        let document: Document = serde_json::from_str(text).map_err(|error| {
            let message = error.to_string();
            let problem = message.split(" at line ").next().unwrap_or_default().to_owned();
            InvalidInvariants { problem, line: Some(error.line()) }
        })?;
        if document.task_id.as_ref().is_some_and(|id| id.len() > LONGEST_ID) {
            return Err(format!("its `task_id` is longer than {LONGEST_ID} bytes").into());
        }
        if document.invariants.len() > MOST_INVARIANTS {
            return Err(format!("there are more than {MOST_INVARIANTS} invariants").into());
        }
        let mut invariants: Vec<Invariant> = Vec::with_capacity(document.invariants.len());
        for (written, number) in document.invariants.into_iter().zip(1..) {
            let invariant = Invariant::new(written, number, author)
                .map_err(|what| format!("invariant {number} {what}"))?;
            if invariants.iter().any(|other| other.name == invariant.name) {
                return Err(format!("there are two invariants `{}`", invariant.name).into());
            }
            invariants.push(invariant);
        }
        // Public ones first, as the cases of every task.
        invariants.sort_by_key(|invariant| invariant.hidden);
        Ok((Self { invariants }, document.task_id))
    }

    /// How many invariants there are.
    pub fn len(&self) -> usize {
        self.invariants.len()
    }

    pub fn is_empty(&self) -> bool {
        self.invariants.is_empty()
    }

    /// Which of the invariants hold of `bundle`, in order. Each resource satisfies at most one, and
    /// as many as possible are satisfied; which ones does not depend on the order of the resources.
    pub fn judge(&self, bundle: &Bundle) -> Vec<Holds> {
        let state = state::read(bundle.get(STATE));
        let resources = state.as_deref().unwrap_or_default();
        let claims: Vec<&Claim> = self.invariants.iter().filter_map(Invariant::claim).collect();
        let mut claims_hold = matching::satisfy(&claims, resources).into_iter();
        let expressions: Vec<&Expression> =
            self.invariants.iter().filter_map(Invariant::expression).collect();
        let mut expressions_hold = expression::evaluate(&expressions, bundle, resources).into_iter();
        let lost = || Err("it was not decided".to_owned());
        let holds = |invariant: &Invariant| {
            let held = match (&invariant.demand, &state) {
                (Demand::Resource(_), Err(why)) => claims_hold.next().and(Some(Err(why.clone()))),
                (Demand::Resource(_), Ok(_)) => claims_hold.next(),
                (Demand::Expression(_), _) => expressions_hold.next(),
            };
            let Invariant { weight, hidden, .. } = *invariant;
            Holds { name: invariant.name.clone(), weight, hidden, differs: held.unwrap_or_else(lost).err() }
        };
        self.invariants.iter().map(holds).collect()
    }
}

impl Invariant {
    fn new(written: Written, number: usize, author: Author) -> Result<Self, String> {
        let text = written.text();
        let Written { name, weight, hidden, resource_type, pairs, comparison_rule, expression } = written;
        let name = name.unwrap_or_else(|| format!("invariant-{number}"));
        let name = Slug::parse(name).map_err(|error| format!("has no name of ours: {error}"))?;
        let weight = weight.unwrap_or(1);
        if !(1..=1_000_000).contains(&weight) {
            return Err("has a weight that is not from 1 to 1000000".to_owned());
        }
        let demand = match (resource_type, pairs, expression) {
            (Some(kind), Some(pairs), None) => {
                Demand::Resource(Claim::new(kind, pairs, comparison_rule.unwrap_or_default())?)
            }
            (None, None, Some(_)) if comparison_rule.is_some() => {
                return Err("has a `comparison_rule`, which goes with `match`".to_owned());
            }
            (None, None, Some(_)) if author == Author::Anybody => {
                return Err("is an expression, which only tasks of the platform may have".to_owned());
            }
            (None, None, Some(text)) => Demand::Expression(Expression::new(text)?),
            _ => return Err("needs either `resource_type` with `match`, or `expression`".to_owned()),
        };
        Ok(Self { name, weight, hidden, text, demand })
    }

    fn claim(&self) -> Option<&Claim> {
        match &self.demand {
            Demand::Resource(claim) => Some(claim),
            Demand::Expression(_) => None,
        }
    }

    fn expression(&self) -> Option<&Expression> {
        match &self.demand {
            Demand::Resource(_) => None,
            Demand::Expression(expression) => Some(expression),
        }
    }
}

impl Written {
    /// What decides, as JSON: also what goes into the task's digest.
    fn text(&self) -> String {
        match &self.expression {
            Some(expression) => serde_json::json!({ "expression": expression }).to_string(),
            None => serde_json::json!({
                "resource_type": self.resource_type,
                "match": self.pairs,
                "comparison_rule": self.comparison_rule.unwrap_or_default(),
            })
            .to_string(),
        }
    }
}
