//! General invariants: expressions in CEL, the Common Expression Language
//! (<https://github.com/google/cel-spec>), over the documents of the bundle.
//!
//! An expression cannot loop for ever, but it can go over a list once for each thing in a list. The
//! crate counts no steps, so the bound stands in front: the expression says how often it goes over
//! something within something, the documents say how long that can be, and what is too much is
//! refused without being begun. It bounds what hostile documents can cost under an expression that
//! its author means well. A time-out on a thread of its own stands behind it. Whatever cannot be
//! decided does not hold.

use std::collections::HashMap;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use cel::common::ast::{EntryExpr, Expr, IdedExpr};
use cel::{Context, Env, Program, Value};
use serde_json::Value as Json;

use super::state::Resource;
use crate::bundle::Bundle;

const LONGEST: usize = 4096;
/// Operators that all expressions of a task may apply.
const MOST_STEPS: u64 = 20_000_000;
const PATIENCE: Duration = Duration::from_secs(10);
/// The parser bounds nesting at 96, the JSON reader at 128.
const STACK: usize = 64 << 20;

/// Suffixes of the documents that expressions can speak of.
const DOCUMENTS: [&str; 2] = [".json", ".tfstate"];

/// A text that is an expression and speaks of nothing that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expression {
    text: Arc<str>,
}

/// What expressions can speak of.
const NAMES: [&str; 4] = ["documents", "files", "resources", "state"];

impl Expression {
    pub(super) fn new(text: String) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("has an expression of more than {LONGEST} bytes"));
        }
        let program = Program::compile(&text).map_err(|error| {
            let first = error.to_string().lines().map(str::trim).collect::<Vec<_>>().join(" ");
            format!("has an expression that is not CEL: {first}")
        })?;
        let references = program.references();
        if !NAMES.iter().any(|name| references.has_variable(name)) {
            return Err(format!("has an expression about nothing; it can speak of {}", NAMES.join(", ")));
        }
        Ok(Self { text: text.into() })
    }
}

/// For each expression nothing, or why it does not hold.
pub(super) fn evaluate(
    expressions: &[&Expression],
    bundle: &Bundle,
    resources: &[Resource],
) -> Vec<Result<(), String>> {
    if expressions.is_empty() {
        return Vec::new();
    }
    let all = |why: &str| vec![Err(why.to_owned()); expressions.len()];
    let texts: Vec<Arc<str>> = expressions.iter().map(|expression| Arc::clone(&expression.text)).collect();
    let subject = Subject::new(bundle, resources);
    let (answer, waiting) = mpsc::sync_channel(1);
    let worker = thread::Builder::new().name("invariants".to_owned()).stack_size(STACK).spawn(move || {
        // A closed channel means that the caller gave up.
        let _ = answer.send(subject.evaluate(&texts));
    });
    if worker.is_err() {
        return all("it could not be evaluated: no thread could be started");
    }
    match waiting.recv_timeout(PATIENCE) {
        Ok(verdicts) => verdicts,
        Err(mpsc::RecvTimeoutError::Timeout) => all("it takes too long to evaluate"),
        Err(mpsc::RecvTimeoutError::Disconnected) => all("it could not be evaluated"),
    }
}

/// The documents as values, and the length of the longest list or object in them.
struct Subject {
    variables: [(&'static str, Value); 4],
    longest: usize,
}

impl Subject {
    fn new(bundle: &Bundle, resources: &[Resource]) -> Self {
        let mut longest = resources.len();
        let mut documents = HashMap::new();
        let mut files = Vec::new();
        for (path, bytes) in bundle.files() {
            files.push(Value::from(path.to_owned()));
            // What is no JSON is not there; an expression that asks for it does not hold.
            if DOCUMENTS.iter().any(|suffix| path.ends_with(suffix))
                && let Ok(document) = serde_json::from_slice::<Json>(bytes)
            {
                documents.insert(path.to_owned(), value(&document, &mut longest));
            }
        }
        let state = documents.get(super::STATE).cloned().unwrap_or(Value::Null);
        let resource = |resource: &Resource| {
            Value::from(HashMap::from([
                ("type".to_owned(), Value::from(resource.kind.clone())),
                ("address".to_owned(), Value::from(resource.address.clone())),
                ("values".to_owned(), value(&resource.values, &mut 0)),
            ]))
        };
        let resources = Value::List(Arc::new(resources.iter().map(resource).collect()));
        longest = longest.max(files.len()).max(1);
        let variables = [
            ("documents", Value::from(documents)),
            ("files", Value::List(Arc::new(files))),
            ("resources", resources),
            ("state", state),
        ];
        Self { variables, longest }
    }

    fn evaluate(self, texts: &[Arc<str>]) -> Vec<Result<(), String>> {
        let env = Arc::new(Env::stdlib());
        let mut context = Context::with_env(Arc::clone(&env));
        let longest = self.longest;
        for (name, value) in self.variables {
            context.add_variable_from_value(name, value);
        }
        let mut left = MOST_STEPS;
        let mut decide = |text: &Arc<str>| {
            let program = env.compile(text).map_err(|error| error.to_string())?;
            let steps = steps(program.expression(), longest as u64);
            left = left
                .checked_sub(steps)
                .ok_or_else(|| format!("a list of {longest} values in the documents is too long for it"))?;
            match program.execute(&context) {
                Ok(Value::Bool(true)) => Ok(()),
                Ok(Value::Bool(false)) => Err("it is false".to_owned()),
                Ok(other) => Err(format!("it is a {:?} and not a truth value", other.type_of())),
                // The whole error can quote a whole document.
                Err(error) => Err(format!("it cannot be evaluated: {}", cut(&error.to_string()))),
            }
        };
        texts.iter().map(&mut decide).collect()
    }
}

fn cut(text: &str) -> String {
    let one_line: String = text.chars().take(200).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().count() > 200 { format!("{one_line}…") } else { one_line }
}

/// A document as a value of the language. Whole numbers are integers, as authors write them.
fn value(json: &Json, longest: &mut usize) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Value::Int(number),
            (None, Some(number)) => Value::UInt(number),
            (None, None) => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::from(text.clone()),
        Json::Array(items) => {
            *longest = items.len().max(*longest);
            Value::List(Arc::new(items.iter().map(|item| value(item, longest)).collect()))
        }
        Json::Object(fields) => {
            *longest = fields.len().max(*longest);
            let fields = fields.iter().map(|(name, field)| (name.clone(), value(field, longest)));
            Value::from(fields.collect::<HashMap<String, Value>>())
        }
    }
}

/// How much there is to do at most where nothing that can be gone over is longer than `longest`.
fn steps(expression: &IdedExpr, longest: u64) -> u64 {
    let all = |parts: &mut dyn Iterator<Item = &IdedExpr>| {
        parts.fold(1_u64, |sum, part| sum.saturating_add(steps(part, longest)))
    };
    match &expression.expr {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => 1,
        Expr::Call(call) => all(&mut call.target.as_deref().into_iter().chain(&call.args)),
        Expr::List(list) => all(&mut list.elements.iter()),
        Expr::Select(select) => all(&mut std::iter::once(&*select.operand)),
        Expr::Map(map) => all(&mut map.entries.iter().flat_map(|entry| parts(&entry.expr))),
        Expr::Struct(written) => all(&mut written.entries.iter().flat_map(|entry| parts(&entry.expr))),
        Expr::Comprehension(macro_call) => {
            let once =
                all(&mut [&macro_call.iter_range, &macro_call.accu_init, &macro_call.result].into_iter());
            let each = all(&mut [&macro_call.loop_cond, &macro_call.loop_step].into_iter());
            once.saturating_add(each.saturating_mul(longest))
        }
    }
}

fn parts(entry: &EntryExpr) -> Vec<&IdedExpr> {
    match entry {
        EntryExpr::StructField(field) => vec![&field.value],
        EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
    }
}
