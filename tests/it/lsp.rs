//! `portcullis lsp`, spoken to as an editor does.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use serde_json::{Value, json};

use crate::support::{portcullis, project, snapshots};

const URI: &str = "file:///agent.py";

struct Editor {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Editor {
    /// Starts the server and gets through the handshake.
    fn start() -> Self {
        let mut command = portcullis(&project("."));
        let mut child = command
            .args(["--quiet", "lsp"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let to = child.stdin.take().expect("a pipe");
        let from = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut editor = Self { child, to, from };
        editor.request(0, "initialize", json!({"capabilities": {}}));
        let hello = editor.receive();
        assert_eq!(hello["result"]["capabilities"]["hoverProvider"], true, "{hello}");
        editor.notify("initialized", json!({}));
        editor
    }

    fn send(&mut self, message: &Value) {
        let body = message.to_string();
        write!(self.to, "Content-Length: {}\r\n\r\n{body}", body.len()).expect("the server listens");
        self.to.flush().expect("the server listens");
    }

    fn notify(&mut self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    fn request(&mut self, id: u32, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
    }

    fn receive(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            self.from.read_line(&mut line).expect("the server speaks");
            match line.trim().strip_prefix("Content-Length: ") {
                Some(number) => length = number.parse().expect("a number"),
                None if line.trim().is_empty() => break,
                None => {}
            }
        }
        let mut body = vec![0; length];
        self.from.read_exact(&mut body).expect("a whole message");
        serde_json::from_slice(&body).expect("JSON")
    }

    fn open(&mut self, text: &str) -> Value {
        let document = json!({"uri": URI, "languageId": "python", "version": 1, "text": text});
        self.notify("textDocument/didOpen", json!({"textDocument": document}));
        self.receive()
    }

    fn hover(&mut self, line: u32, character: u32) -> Value {
        let params =
            json!({"textDocument": {"uri": URI}, "position": {"line": line, "character": character}});
        self.request(7, "textDocument/hover", params);
        self.receive()
    }

    fn leave(mut self) -> Option<i32> {
        self.request(9, "shutdown", Value::Null);
        assert_eq!(self.receive()["id"], 9);
        self.notify("exit", Value::Null);
        self.child.wait().expect("it ends").code()
    }
}

#[test]
fn an_editor_sees_findings_with_the_chain_that_made_the_name_dangerous() {
    let mut editor = Editor::start();
    let published = editor.open("e = eval\nprint('👍', e('1'))\n");
    assert_eq!(published["method"], "textDocument/publishDiagnostics");
    snapshots().bind(|| insta::assert_json_snapshot!("lsp-diagnostics", published["params"]));
    assert_eq!(editor.leave(), Some(0));
}

#[test]
fn columns_count_in_utf_16_units() {
    let mut editor = Editor::start();
    let published = editor.open("x = '👍', eval\n");
    let start = &published["params"]["diagnostics"][0]["range"]["start"];
    assert_eq!(*start, json!({"line": 0, "character": 10}));
    editor.leave();
}

#[test]
fn a_change_is_checked_and_a_closed_file_is_forgotten() {
    let mut editor = Editor::start();
    editor.open("eval\n");
    let change = json!({"textDocument": {"uri": URI, "version": 2}, "contentChanges": [{"text": "x = 1\n"}]});
    editor.notify("textDocument/didChange", change);
    let changed = editor.receive();
    assert_eq!((&changed["params"]["version"], &changed["params"]["diagnostics"]), (&json!(2), &json!([])));
    editor.notify("textDocument/didClose", json!({"textDocument": {"uri": URI}}));
    assert_eq!(editor.receive()["params"]["diagnostics"], json!([]));
    assert_eq!(editor.hover(0, 0)["result"], Value::Null);
    editor.leave();
}

#[test]
fn the_page_of_a_rule_is_shown_on_hover() {
    let mut editor = Editor::start();
    editor.open("x = 1\nreturn x\n");
    let page = editor.hover(1, 2);
    let text = page["result"]["contents"]["value"].as_str().expect("a page");
    assert!(text.starts_with("### PC003 compile-error"), "{text}");
    assert_eq!(editor.hover(0, 0)["result"], Value::Null);
    editor.leave();
}

#[test]
fn what_is_not_offered_is_said_and_nonsense_is_survived() {
    let mut editor = Editor::start();
    editor.request(3, "textDocument/rename", json!({}));
    assert_eq!(editor.receive()["error"]["code"], -32601);
    editor.request(4, "textDocument/hover", json!({"nonsense": 1}));
    assert_eq!(editor.receive()["error"]["code"], -32602);
    editor.notify("textDocument/didOpen", json!({"nonsense": 1}));
    let published = editor.open("x = 1\n");
    assert_eq!(published["params"]["diagnostics"], json!([]));
    assert_eq!(editor.leave(), Some(0));
}
