//! What may pass: the embedded standard policy, and an operator's file that changes parts of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use serde::Deserialize;

use super::Rule;
use crate::diagnostic::Severity;
use crate::model::Digest;
use crate::python::PythonVersion;

/// What a rule does when it finds something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Says nothing.
    Off,
    /// Tells, and lets pass.
    Warning,
    /// Holds the source for a person.
    Review,
    /// Refuses the source.
    Error,
}

impl Level {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Warning => "warning",
            Self::Review => "review",
            Self::Error => "error",
        }
    }
}

impl From<Severity> for Level {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Error => Self::Error,
            Severity::Warning => Self::Warning,
        }
    }
}

/// Bounds on one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GateLimits {
    /// Bytes of a source.
    pub source_bytes: usize,
    /// Findings reported for one source.
    pub findings: usize,
    /// Milliseconds that one source may take. A backstop: what an analysis may cost is counted in
    /// steps, which run out long before.
    pub analysis_ms: u64,
}

/// What may pass. See `portcullis rules --print-policy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    target: PythonVersion,
    pub(crate) limits: GateLimits,
    levels: BTreeMap<&'static str, Level>,
    pub(crate) modules: Overrides,
    pub(crate) attributes: Overrides,
    digest: Digest,
}

/// Names that an operator opened or closed beyond the embedded lists.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Overrides {
    pub(crate) allow: BTreeSet<String>,
    pub(crate) deny: BTreeSet<String>,
}

/// Why a policy file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    #[error("{0}")]
    Syntax(String),
    #[error("unknown key `{key}`{suggestion}")]
    UnknownKey { key: String, suggestion: Suggestion },
    #[error("there is no rule `{name}`{suggestion}")]
    UnknownRule { name: String, suggestion: Suggestion },
    #[error("`{name}` is not a qualified Python name")]
    InvalidName { name: String },
    #[error("`{name}` is both allowed and denied")]
    Contradiction { name: String },
    #[error("`{key}` is {value}, outside of {least} to {most}")]
    OutOfRange { key: &'static str, value: u64, least: u64, most: u64 },
}

/// The nearest known name, ready to follow an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion(Option<String>);

impl std::fmt::Display for Suggestion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Some(name) => write!(f, "; did you mean `{name}`?"),
            None => Ok(()),
        }
    }
}

impl Suggestion {
    pub fn for_name<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let nearest = known
            .into_iter()
            .map(|name| (strsim::jaro_winkler(wrong, name), name))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        Self(nearest.filter(|(likeness, _)| *likeness > 0.7).map(|(_, name)| name.to_owned()))
    }
}

const STANDARD: &str = include_str!("../../stdlib_list/policy.toml");

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct File {
    target_version: Option<PythonVersion>,
    #[serde(default)]
    limits: FileLimits,
    #[serde(default)]
    modules: FileOverrides,
    #[serde(default)]
    attributes: FileOverrides,
    #[serde(default)]
    rules: BTreeMap<String, Level>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct FileLimits {
    source_bytes: Option<u64>,
    findings: Option<u64>,
    analysis_ms: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileOverrides {
    #[serde(default)]
    allow: BTreeSet<String>,
    #[serde(default)]
    deny: BTreeSet<String>,
}

/// Every key of the file, for the error about one that is not.
const KEYS: [(&str, &[&str]); 6] = [
    ("", &["target-version", "limits", "modules", "attributes", "rules"]),
    ("limits", &["source-bytes", "findings", "analysis-ms"]),
    ("modules", &["allow", "deny"]),
    ("attributes", &["allow", "deny"]),
    ("rules", &[]),
    ("target-version", &[]),
];

impl Policy {
    /// The embedded default.
    pub fn standard() -> Arc<Self> {
        static POLICY: LazyLock<Arc<Policy>> = LazyLock::new(|| Arc::new(Policy::built_in()));
        Arc::clone(&POLICY)
    }

    /// The commented text of the embedded default.
    pub const fn standard_toml() -> &'static str {
        STANDARD
    }

    fn built_in() -> Self {
        Self {
            target: PythonVersion::DEFAULT,
            limits: GateLimits { source_bytes: 256 * 1024, findings: 200, analysis_ms: 30_000 },
            levels: BTreeMap::new(),
            modules: Overrides::default(),
            attributes: Overrides::default(),
            digest: Digest::of(b""),
        }
        .sealed()
    }

    /// The standard policy with the changes that `text` asks for.
    ///
    /// # Errors
    /// [`PolicyError`] names the first thing that is wrong, with the nearest name that is known.
    pub fn from_toml(text: &str) -> Result<Self, PolicyError> {
        check_keys(text)?;
        let file: File = toml::from_str(text).map_err(|error| PolicyError::Syntax(one_line(&error)))?;
        let mut policy = Self::built_in();
        if let Some(version) = file.target_version {
            policy.target = version;
        }
        let limits = &mut policy.limits;
        if let Some(value) = bounded("limits.source-bytes", file.limits.source_bytes, 1, 16 << 20)? {
            limits.source_bytes = usize::try_from(value).unwrap_or(usize::MAX);
        }
        if let Some(value) = bounded("limits.findings", file.limits.findings, 1, 100_000)? {
            limits.findings = usize::try_from(value).unwrap_or(usize::MAX);
        }
        if let Some(value) = bounded("limits.analysis-ms", file.limits.analysis_ms, 10, 600_000)? {
            limits.analysis_ms = value;
        }
        policy.modules = overrides(file.modules)?;
        policy.attributes = overrides(file.attributes)?;
        for (name, level) in file.rules {
            let rule = super::rules().iter().find(|rule| rule.name == name || rule.code == name);
            let Some(rule) = rule else {
                let known = super::rules().iter().flat_map(|rule| [rule.name, rule.code]);
                let suggestion = Suggestion::for_name(&name, known);
                return Err(PolicyError::UnknownRule { name, suggestion });
            };
            policy.levels.insert(rule.code, level);
        }
        Ok(policy.sealed())
    }

    /// The same policy, with `modules` allowed too.
    ///
    /// # Errors
    /// That one of them is no name, or is denied by this policy.
    pub fn allowing(&self, modules: &[String]) -> Result<Self, PolicyError> {
        let mut policy = self.clone();
        let (mut allow, deny) = (policy.modules.allow.clone(), policy.modules.deny.clone());
        allow.extend(modules.iter().cloned());
        policy.modules = overrides(FileOverrides { allow, deny })?;
        Ok(policy.sealed())
    }

    /// The Python that the sources are checked for.
    pub fn target(&self) -> PythonVersion {
        self.target
    }

    #[must_use]
    pub fn with_target(mut self, target: PythonVersion) -> Self {
        self.target = target;
        self.sealed()
    }

    pub fn limits(&self) -> GateLimits {
        self.limits
    }

    /// What `rule` does under this policy.
    pub fn level(&self, rule: &Rule) -> Level {
        self.levels.get(rule.code).copied().unwrap_or_else(|| rule.severity.into())
    }

    /// Of everything that decides a verdict: this policy's values, the embedded lists and the
    /// catalogue of rules.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    fn sealed(mut self) -> Self {
        let mut text = String::new();
        let limits = self.limits;
        // Writing to a string cannot fail.
        let _ = writeln!(text, "portcullis {} target {}", env!("CARGO_PKG_VERSION"), self.target);
        let _ = writeln!(text, "limits {} {} {}", limits.source_bytes, limits.findings, limits.analysis_ms);
        for (kind, names) in [
            ("module+", &self.modules.allow),
            ("module-", &self.modules.deny),
            ("attribute+", &self.attributes.allow),
            ("attribute-", &self.attributes.deny),
        ] {
            for name in names {
                let _ = writeln!(text, "{kind} {name}");
            }
        }
        for rule in super::rules() {
            let _ = writeln!(text, "{} {} {}", rule.code, rule.name, self.level(rule).as_str());
        }
        for data in crate::python::data_files() {
            let _ = writeln!(text, "data {}", Digest::of(data.as_bytes()));
        }
        self.digest = Digest::of(text.as_bytes());
        self
    }
}

fn bounded(key: &'static str, value: Option<u64>, least: u64, most: u64) -> Result<Option<u64>, PolicyError> {
    match value {
        Some(value) if value < least || value > most => {
            Err(PolicyError::OutOfRange { key, value, least, most })
        }
        other => Ok(other),
    }
}

fn overrides(file: FileOverrides) -> Result<Overrides, PolicyError> {
    for name in file.allow.iter().chain(&file.deny) {
        let identifier = |part: &str| {
            !part.is_empty()
                && !part.starts_with(|c: char| c.is_ascii_digit())
                && part.chars().all(|c| c == '_' || c.is_alphanumeric())
        };
        if !name.split('.').all(identifier) {
            return Err(PolicyError::InvalidName { name: name.clone() });
        }
    }
    if let Some(name) = file.allow.intersection(&file.deny).next() {
        return Err(PolicyError::Contradiction { name: name.clone() });
    }
    Ok(Overrides { allow: file.allow, deny: file.deny })
}

/// Finds an unknown key before serde does, to say which known one is nearest.
fn check_keys(text: &str) -> Result<(), PolicyError> {
    let table: toml::Table = toml::from_str(text).map_err(|error| PolicyError::Syntax(one_line(&error)))?;
    let known_in = |section: &str| KEYS.iter().find(|(name, _)| *name == section).map(|(_, keys)| *keys);
    for (key, value) in &table {
        let top = known_in("").unwrap_or_default();
        if !top.contains(&key.as_str()) {
            let suggestion = Suggestion::for_name(key, top.iter().copied());
            return Err(PolicyError::UnknownKey { key: key.clone(), suggestion });
        }
        let known = known_in(key).unwrap_or_default();
        if let (toml::Value::Table(inner), false) = (value, known.is_empty()) {
            for inner_key in inner.keys() {
                if !known.contains(&inner_key.as_str()) {
                    let suggestion = Suggestion::for_name(inner_key, known.iter().copied());
                    return Err(PolicyError::UnknownKey { key: format!("{key}.{inner_key}"), suggestion });
                }
            }
        }
    }
    Ok(())
}

fn one_line(error: &toml::de::Error) -> String {
    error.message().lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, message: &str) {
        match Policy::from_toml(text) {
            Ok(_) => panic!("accepted"),
            Err(error) => assert_eq!(error.to_string(), message),
        }
    }

    #[test]
    fn the_printed_policy_is_the_standard_one() {
        let parsed = Policy::from_toml(Policy::standard_toml()).expect("the embedded policy");
        assert_eq!(&parsed, &*Policy::standard());
    }

    #[test]
    fn an_unknown_key_names_the_nearest_one() {
        refused("[limit]\n", "unknown key `limit`; did you mean `limits`?");
        refused("[limits]\nfinding = 3\n", "unknown key `limits.finding`; did you mean `findings`?");
        refused(
            "[rules]\nsyntax-eror = \"off\"\n",
            "there is no rule `syntax-eror`; did you mean `syntax-error`?",
        );
    }

    #[test]
    fn a_wrong_value_is_refused() {
        refused("[limits]\nfindings = 0\n", "`limits.findings` is 0, outside of 1 to 100000");
        refused("[modules]\nallow = [\"a-b\"]\n", "`a-b` is not a qualified Python name");
        refused("[modules]\nallow = [\"a\"]\ndeny = [\"a\"]\n", "`a` is both allowed and denied");
        assert!(Policy::from_toml("target-version = \"2.7\"").is_err());
        assert!(Policy::from_toml("[rules]\nPC201 = \"maybe\"").is_err());
    }

    #[test]
    fn whatever_decides_a_verdict_changes_the_digest() {
        let standard = Policy::standard().digest();
        assert_eq!(Policy::from_toml("").expect("empty").digest(), standard);
        for change in [
            "target-version = \"3.12\"",
            "[limits]\nfindings = 10",
            "[modules]\nallow = [\"numpy\"]",
            "[attributes]\ndeny = [\"os.getcwd\"]",
            "[rules]\nsyntax-error = \"review\"",
        ] {
            assert_ne!(Policy::from_toml(change).expect(change).digest(), standard, "{change}");
        }
    }
}
