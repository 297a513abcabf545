//! Terraform's state, version 4: the resources in it, the paths to their values, and what a claim
//! says of one.
//!
//! The format is documented as internal; its shape is stable since Terraform 0.12 and the same in
//! OpenTofu: <https://developer.hashicorp.com/terraform/language/state>.

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Every path begins so, as in the output of `terraform show -json`.
const VALUES: &str = "values.";
const MOST_RESOURCES: usize = 20_000;
const MOST_PAIRS: usize = 50;
const DEEPEST: usize = 16;

/// How an expected value is compared with the one found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Comparison {
    /// The same JSON value; 1 and 1.0 are the same number.
    #[default]
    #[serde(alias = "equals")]
    ExactMatch,
    StartsWith,
    EndsWith,
    /// A text holds the text, a list holds the value.
    Contains,
    /// A regular expression matches somewhere in the text.
    Regex,
}

/// Says of a resource of one type what its values are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim {
    kind: String,
    /// Not empty: a claim that fits everything says nothing.
    pairs: Vec<(String, Value)>,
    comparison: Comparison,
}

/// One instance of a managed resource.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Resource {
    pub(super) kind: String,
    /// As people call it: `module.net.google_compute_network.main[0]`.
    pub(super) address: String,
    pub(super) values: Value,
}

#[derive(Deserialize)]
struct Written {
    version: u64,
    #[serde(default)]
    resources: Vec<WrittenResource>,
}

#[derive(Deserialize)]
struct WrittenResource {
    #[serde(default)]
    module: Option<String>,
    mode: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    instances: Vec<WrittenInstance>,
}

#[derive(Deserialize)]
struct WrittenInstance {
    #[serde(default)]
    index_key: Option<Value>,
    /// There while the resource is being replaced: this instance is on its way out.
    #[serde(default)]
    deposed: Option<String>,
    #[serde(default)]
    attributes: Map<String, Value>,
}

/// The resources in the state, or why there are none to speak of.
pub(super) fn read(bytes: Option<&[u8]>) -> Result<Vec<Resource>, String> {
    let bytes = bytes.ok_or("the bundle has no `terraform.tfstate`")?;
    let state: Written = serde_json::from_slice(bytes)
        .map_err(|error| format!("`terraform.tfstate` is not a state: {error}"))?;
    if state.version != 4 {
        return Err(format!("`terraform.tfstate` is of version {}; 4 is what is read", state.version));
    }
    let mut resources = Vec::new();
    for resource in state.resources {
        // Data sources were looked up, not made.
        if resource.mode != "managed" {
            continue;
        }
        let module = resource.module.map(|module| format!("{module}.")).unwrap_or_default();
        for instance in resource.instances {
            if instance.deposed.is_some() {
                continue;
            }
            let index = instance.index_key.map(|key| format!("[{key}]")).unwrap_or_default();
            resources.push(Resource {
                address: format!("{module}{}.{}{index}", resource.kind, resource.name),
                kind: resource.kind.clone(),
                values: Value::Object(instance.attributes),
            });
            if resources.len() > MOST_RESOURCES {
                return Err(format!("`terraform.tfstate` has more than {MOST_RESOURCES} resources"));
            }
        }
    }
    Ok(resources)
}

impl Claim {
    pub(super) fn new(
        kind: String,
        pairs: Map<String, Value>,
        comparison: Comparison,
    ) -> Result<Self, String> {
        if kind.is_empty() {
            return Err("has an empty `resource_type`".to_owned());
        }
        if pairs.is_empty() {
            return Err("has an empty `match`, which every resource would satisfy".to_owned());
        }
        if pairs.len() > MOST_PAIRS {
            return Err(format!("has more than {MOST_PAIRS} pairs in `match`"));
        }
        for (path, expected) in &pairs {
            let rest = path.strip_prefix(VALUES).unwrap_or_default();
            if rest.is_empty() || rest.split('.').count() > DEEPEST {
                return Err(format!("has the path `{}`; a path is `values.NAME…`", path.escape_debug()));
            }
            comparison.check(expected).map_err(|what| format!("expects at `{path}` {what}"))?;
        }
        Ok(Self { kind, pairs: pairs.into_iter().collect(), comparison })
    }

    pub(super) fn is_about(&self, resource: &Resource) -> bool {
        self.kind == resource.kind
    }

    pub(super) fn kind(&self) -> &str {
        &self.kind
    }

    /// What differs, pair by pair; empty when the claim is true of `resource`.
    pub(super) fn differences(&self, resource: &Resource) -> Vec<String> {
        let pairs = self.pairs.iter();
        pairs.filter_map(|(path, expected)| self.difference(path, expected, resource)).collect()
    }

    fn difference(&self, path: &str, expected: &Value, resource: &Resource) -> Option<String> {
        let rest = path.strip_prefix(VALUES).unwrap_or(path);
        match find(&resource.values, rest) {
            None => Some(format!("has no `{path}`")),
            Some(found) if self.comparison.holds(expected, found) => None,
            Some(found) => {
                let how = self.comparison.words();
                Some(format!("`{path}` is {}, expected {how}{}", short(found), short(expected)))
            }
        }
    }
}

/// The value at `path`. A key may hold dots itself (labels do), so that a part of the path can be
/// several of its words; the shortest that leads somewhere is taken.
fn find<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    match value {
        Value::Array(items) => {
            let (index, rest) =
                path.split_once('.').map_or((path, None), |(index, rest)| (index, Some(rest)));
            // `01` and `+1` are not indices.
            let number: usize = index.parse().ok().filter(|number: &usize| number.to_string() == index)?;
            let item = items.get(number)?;
            rest.map_or(Some(item), |rest| find(item, rest))
        }
        Value::Object(fields) => {
            let dots = path.match_indices('.').map(|(at, _)| at);
            let deeper = dots.filter_map(|at| find(fields.get(&path[..at])?, &path[at + 1..])).next();
            deeper.or_else(|| fields.get(path))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

impl Comparison {
    /// Whether `expected` is something that this rule can compare with, and if not, what it is.
    fn check(self, expected: &Value) -> Result<(), String> {
        match (self, expected) {
            (Self::ExactMatch | Self::Contains, _) => Ok(()),
            (Self::StartsWith | Self::EndsWith, Value::String(_)) => Ok(()),
            (Self::Regex, Value::String(pattern)) => match regex(pattern) {
                Ok(_) => Ok(()),
                Err(_) => Err("what is not a regular expression".to_owned()),
            },
            (Self::StartsWith | Self::EndsWith | Self::Regex, _) => {
                Err("what is not a text, which this `comparison_rule` needs".to_owned())
            }
        }
    }

    fn holds(self, expected: &Value, found: &Value) -> bool {
        match (self, expected, found) {
            (Self::ExactMatch, _, _) => same(expected, found),
            (Self::StartsWith, Value::String(expected), Value::String(found)) => found.starts_with(expected),
            (Self::EndsWith, Value::String(expected), Value::String(found)) => found.ends_with(expected),
            (Self::Contains, Value::String(expected), Value::String(found)) => found.contains(expected),
            (Self::Contains, _, Value::Array(items)) => items.iter().any(|item| same(expected, item)),
            (Self::Regex, Value::String(pattern), Value::String(found)) => {
                regex(pattern).is_ok_and(|regex| regex.is_match(found))
            }
            _ => false,
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::ExactMatch => "",
            Self::StartsWith => "something that starts with ",
            Self::EndsWith => "something that ends with ",
            Self::Contains => "something that contains ",
            Self::Regex => "something that matches ",
        }
    }
}

/// Linear in the text by construction; the bound is on the memory of a pattern.
fn regex(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).size_limit(1 << 20).build()
}

/// Equal as JSON, numbers by their value.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || (a.as_f64().is_some() && a.as_f64() == b.as_f64()),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

/// A value as a message shows it.
fn short(value: &Value) -> String {
    const MOST: usize = 120;
    let text = value.to_string();
    match text.char_indices().nth(MOST) {
        None => text,
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_path_leads_through_lists_and_keys_with_dots() {
        let value = json!({"a": [{"b": 1}], "labels": {"app.kubernetes.io/name": "x", "app": {"z": 2}}});
        assert_eq!(find(&value, "a.0.b"), Some(&json!(1)));
        assert_eq!(find(&value, "labels.app.kubernetes.io/name"), Some(&json!("x")));
        assert_eq!(find(&value, "labels.app.z"), Some(&json!(2)));
        for nowhere in ["a.1.b", "a.00.b", "a.b", "a.0.b.c", "labels.app.kubernetes", ""] {
            assert_eq!(find(&value, nowhere), None, "{nowhere}");
        }
    }

    #[test]
    fn numbers_are_compared_by_value_and_texts_are_no_numbers() {
        assert!(same(&json!({"a": [1, 2.5]}), &json!({"a": [1.0, 2.5]})));
        assert!(!same(&json!(1), &json!("1")));
        assert!(!same(&json!(9_007_199_254_740_993_u64), &json!(9_007_199_254_740_994_u64 + 1000)));
        assert!(!same(&json!(true), &json!(1)));
    }

    #[test]
    fn each_rule_compares_as_it_says() {
        let check = |rule: Comparison, expected: Value, found: Value| rule.holds(&expected, &found);
        assert!(check(Comparison::StartsWith, json!("us-"), json!("us-central1")));
        assert!(!check(Comparison::StartsWith, json!("us-"), json!(["us-"])));
        assert!(check(Comparison::EndsWith, json!("/net"), json!("projects/x/net")));
        assert!(check(Comparison::Contains, json!("b"), json!("abc")));
        assert!(check(Comparison::Contains, json!(2), json!([1, 2.0])));
        assert!(!check(Comparison::Contains, json!(2), json!("2")));
        assert!(check(Comparison::Regex, json!("^vm-[0-9]+$"), json!("vm-12")));
        assert!(!check(Comparison::Regex, json!("^vm-[0-9]+$"), json!("vm-12x")));
    }
}
