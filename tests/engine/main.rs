//! The sandbox against hostile programs, on real backends.

use std::sync::Arc;

use portcullis::model::{Ending, Limits};
use portcullis::sandbox::{CaseSpec, Choice, RunId, SessionSpec, Settings, choose};

fn settings() -> Settings {
    Settings { helper: Some(env!("CARGO_BIN_EXE_portcullis").into()), ..Settings::default() }
}

#[tokio::test]
async fn an_honest_program_is_run_once_per_case_in_one_session() {
    let chosen = choose(Choice::Namespaces, &settings(), &|_| ()).await.unwrap();
    let spec = SessionSpec {
        run: RunId::generate(),
        source: Arc::from("import sys\nprint(sys.argv[1:], sys.stdin.read()[::-1])\n"),
        limits: Limits::default(),
        label: "honest".to_owned(),
    };
    let mut session = chosen.backend.open(&spec).await.unwrap();
    for (input, output) in [("abc", "['--task', 'x y'] cba\n"), ("", "['--task', 'x y'] \n")] {
        let case = CaseSpec {
            name: "case".parse().unwrap(),
            arguments: vec!["--task".to_owned(), "x y".to_owned()],
            stdin: input.as_bytes().into(),
        };
        let facts = session.run(&case).await.unwrap();
        assert_eq!(facts.ending, Ending::Exited { code: 0 });
        assert_eq!(String::from_utf8_lossy(&facts.stdout.bytes), output);
    }
    assert_eq!(session.close().await.unwrap().left, Vec::<String>::new());
}
