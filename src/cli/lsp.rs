//! `portcullis lsp`: a language server, so that authors see in their editor what the platform would
//! say, as they type. Findings as diagnostics, and the page of a rule on hover.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use lsp_server::{Connection, ErrorCode, Message, Notification, Request, Response};
use lsp_types::notification::{
    DidChangeTextDocument, DidCloseTextDocument, DidOpenTextDocument, Notification as _, PublishDiagnostics,
};
use lsp_types::request::{HoverRequest, Request as _};
use lsp_types::{
    Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, DidChangeTextDocumentParams,
    DidCloseTextDocumentParams, DidOpenTextDocumentParams, Hover, HoverContents, HoverParams,
    HoverProviderCapability, Location, MarkupContent, MarkupKind, NumberOrString, Position,
    PublishDiagnosticsParams, Range, ServerCapabilities, TextDocumentSyncCapability, TextDocumentSyncKind,
    Uri,
};

use super::rules::rule_page;
use super::{Exit, Terminal, policy};
use crate::diagnostic::{Finding, Severity, Span};
use crate::lint::{Policy, check, rules};
use crate::python::PythonVersion;

/// Show findings in an editor: a language server on stdin and stdout.
#[derive(Debug, Args)]
pub(crate) struct LspArguments {
    /// The operator's policy, in TOML, instead of the standard one.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// The Python that will run the files, 3.8 to 3.14, instead of the policy's.
    #[arg(long, value_name = "VERSION")]
    target_version: Option<PythonVersion>,
}

impl LspArguments {
    pub(crate) fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        let policy = policy::load(self.policy.as_deref(), self.target_version)?;
        let (connection, threads) = Connection::stdio();
        let capabilities = serde_json::to_value(ServerCapabilities {
            text_document_sync: Some(TextDocumentSyncCapability::Kind(TextDocumentSyncKind::FULL)),
            hover_provider: Some(HoverProviderCapability::Simple(true)),
            ..ServerCapabilities::default()
        })
        .context("cannot describe the server")?;
        terminal.say("portcullis speaks the language server protocol; an editor starts this command");
        connection.initialize(capabilities).context("the editor did not begin as the protocol asks")?;
        let served = Server { policy, documents: BTreeMap::new() }.serve(&connection);
        // The threads end when their channels do.
        drop(connection);
        threads.join().context("cannot read from or write to the editor")?;
        served.map(|()| Exit::Good)
    }
}

/// An open file.
#[derive(Debug)]
struct Document {
    uri: Uri,
    text: String,
    version: i32,
    findings: Vec<Finding>,
}

#[derive(Debug)]
struct Server {
    policy: Arc<Policy>,
    /// By the text of the URI.
    documents: BTreeMap<String, Document>,
}

impl Server {
    /// Answers until the editor says goodbye or goes away.
    fn serve(mut self, connection: &Connection) -> anyhow::Result<()> {
        while let Ok(message) = connection.receiver.recv() {
            let mut changed = BTreeSet::new();
            // Whoever types fast sends many versions; only the last one is worth a check.
            for message in std::iter::once(message).chain(connection.receiver.try_iter()) {
                match message {
                    Message::Notification(notification) => {
                        changed.extend(self.note(notification, connection)?);
                    }
                    Message::Request(request) => {
                        // An answer about a text has to know that text.
                        self.check(&mut changed, connection)?;
                        if connection.handle_shutdown(&request).context("the editor went away")? {
                            return Ok(());
                        }
                        send(connection, Message::Response(self.answer(request)))?;
                    }
                    Message::Response(_) => {}
                }
            }
            self.check(&mut changed, connection)?;
        }
        Ok(())
    }

    /// Takes in what changed; the key of the document that is to be checked again.
    fn note(&mut self, message: Notification, connection: &Connection) -> anyhow::Result<Option<String>> {
        // A message that is not what its method promises is the editor's mistake: left alone.
        Ok(match &*message.method {
            DidOpenTextDocument::METHOD => parameters::<DidOpenTextDocumentParams>(message).map(|opened| {
                let document = opened.text_document;
                self.put(document.uri, document.text, document.version)
            }),
            DidChangeTextDocument::METHOD => {
                parameters::<DidChangeTextDocumentParams>(message).and_then(|mut changed| {
                    let text = changed.content_changes.pop()?.text;
                    Some(self.put(changed.text_document.uri, text, changed.text_document.version))
                })
            }
            DidCloseTextDocument::METHOD => {
                if let Some(closed) = parameters::<DidCloseTextDocumentParams>(message) {
                    let uri = closed.text_document.uri;
                    self.documents.remove(uri.as_str());
                    publish(connection, PublishDiagnosticsParams::new(uri, Vec::new(), None))?;
                }
                None
            }
            _ => None,
        })
    }

    fn put(&mut self, uri: Uri, text: String, version: i32) -> String {
        let key = uri.as_str().to_owned();
        self.documents.insert(key.clone(), Document { uri, text, version, findings: Vec::new() });
        key
    }

    fn check(&mut self, changed: &mut BTreeSet<String>, connection: &Connection) -> anyhow::Result<()> {
        for key in std::mem::take(changed) {
            let Some(document) = self.documents.get_mut(&key) else { continue };
            document.findings = check(document.text.as_bytes(), &self.policy).findings;
            let diagnostics = document.diagnostics();
            let version = Some(document.version);
            publish(connection, PublishDiagnosticsParams::new(document.uri.clone(), diagnostics, version))?;
        }
        Ok(())
    }

    fn answer(&self, request: Request) -> Response {
        if request.method != HoverRequest::METHOD {
            let message = format!("`{}` is not offered", request.method);
            return Response::new_err(request.id, ErrorCode::MethodNotFound as i32, message);
        }
        match serde_json::from_value::<HoverParams>(request.params) {
            Ok(params) => Response::new_ok(request.id, self.hover(&params)),
            Err(error) => Response::new_err(request.id, ErrorCode::InvalidParams as i32, error.to_string()),
        }
    }

    /// The pages of the rules that found something where the mouse rests.
    fn hover(&self, params: &HoverParams) -> Option<Hover> {
        let place = params.text_document_position_params.position;
        let uri = params.text_document_position_params.text_document.uri.as_str();
        let document = self.documents.get(uri)?;
        let lines = document.lines();
        let mut codes = BTreeSet::new();
        let mut range: Option<Range> = None;
        for finding in &document.findings {
            let found = range_of(&lines, finding.span);
            if found.start <= place && place <= found.end {
                codes.insert(&*finding.code);
                range.get_or_insert(found);
            }
        }
        let pages: Vec<String> =
            rules().iter().filter(|rule| codes.contains(rule.code)).map(|rule| rule_page(rule)).collect();
        (!pages.is_empty()).then(|| Hover {
            contents: HoverContents::Markup(MarkupContent {
                kind: MarkupKind::Markdown,
                value: pages.join("\n---\n\n"),
            }),
            range,
        })
    }
}

impl Document {
    /// As an editor counts lines, which is as Python does.
    fn lines(&self) -> Vec<&str> {
        let mut lines = Vec::new();
        let mut rest = &*self.text;
        while let Some(end) = rest.find(['\n', '\r']) {
            lines.push(&rest[..end]);
            rest = rest[end..].strip_prefix("\r\n").unwrap_or(&rest[end + 1..]);
        }
        lines.push(rest);
        lines
    }

    fn diagnostics(&self) -> Vec<Diagnostic> {
        let lines = self.lines();
        let diagnostic = |finding: &Finding| {
            let message = match &finding.help {
                Some(help) => format!("{}\nhelp: {help}", finding.message),
                None => finding.message.clone(),
            };
            let related: Vec<DiagnosticRelatedInformation> = finding
                .notes
                .iter()
                .map(|note| DiagnosticRelatedInformation {
                    location: Location::new(self.uri.clone(), range_of(&lines, note.span)),
                    message: note.message.clone(),
                })
                .collect();
            Diagnostic {
                range: range_of(&lines, finding.span),
                severity: Some(match finding.severity {
                    Severity::Error => DiagnosticSeverity::ERROR,
                    Severity::Warning => DiagnosticSeverity::WARNING,
                }),
                code: Some(NumberOrString::String(format!("{} {}", finding.code, finding.rule))),
                source: Some("portcullis".to_owned()),
                message,
                related_information: (!related.is_empty()).then_some(related),
                ..Diagnostic::default()
            }
        };
        self.findings.iter().map(diagnostic).collect()
    }
}

fn range_of(lines: &[&str], span: Span) -> Range {
    Range::new(position(lines, span.line, span.column), position(lines, span.end_line, span.end_column))
}

/// The protocol counts lines and columns from 0, and columns in UTF-16 units.
fn position(lines: &[&str], line: u32, column: u32) -> Position {
    let text = lines.get(line.saturating_sub(1) as usize).copied().unwrap_or_default();
    let before = text.chars().take(column.saturating_sub(1) as usize);
    let units: usize = before.map(char::len_utf16).sum();
    Position::new(line.saturating_sub(1), u32::try_from(units).unwrap_or(u32::MAX))
}

fn parameters<P: serde::de::DeserializeOwned>(message: Notification) -> Option<P> {
    serde_json::from_value(message.params).ok()
}

fn publish(connection: &Connection, params: PublishDiagnosticsParams) -> anyhow::Result<()> {
    send(connection, Message::Notification(Notification::new(PublishDiagnostics::METHOD.to_owned(), params)))
}

fn send(connection: &Connection, message: Message) -> anyhow::Result<()> {
    connection.sender.send(message).context("the editor went away")
}
