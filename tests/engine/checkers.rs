//! Checker programs in a real sandbox: what they are given, what they may say, what becomes of
//! those that fail, and that an agent's session and its checker's never meet.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use libtest_mimic::{Failed, Trial};
use portcullis::lint::Policy;
use portcullis::model::{CaseVerdict, MinerId};
use portcullis::sandbox::RunId;
use portcullis::task::{self, Task};
use portcullis::validator::{self, Agent, Events, Outcome, Plan, try_checker};
use tokio_util::sync::CancellationToken;

use crate::support::{BackendUnderTest, Under, World, expect, trial};

pub(crate) fn trials(world: &Arc<World>, backend: BackendUnderTest) -> Vec<Trial> {
    vec![
        trial(world, backend, "a_checker_program_judges", async move |under| judges(&under).await),
        trial(world, backend, "an_icpc_output_validator_judges", async move |under| icpc(&under).await),
        trial(world, backend, "a_checker_that_fails_gives_no_verdict", async move |under| {
            fails(&under).await
        }),
        trial(world, backend, "an_agent_cannot_reach_its_checker", async move |under| apart(&under).await),
        trial(world, backend, "a_checker_is_tried_with_odd_outputs", async move |under| odd(&under).await),
    ]
}

fn package(folder: &Path, checker: &str, files: &[(&str, &str)]) -> Result<Task, Failed> {
    let folder = folder.join("divisor");
    let manifest = format!(
        "title = \"Divisor\"\ndifficulty = \"easy\"\nprompt = \"Print a divisor.\"\nchecker = {checker}\n\n\
         [[case]]\nname = \"small\"\nstdin = \"12\\n\"\nexpected = \"not 1\\n\"\n"
    );
    let all = [("task.toml", manifest.as_str()), ("statement.md", "# Divisor\n")];
    for (name, content) in all.iter().chain(files) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap_or(&folder))?;
        fs::write(path, content)?;
    }
    Ok(task::load(&folder)?)
}

pub(crate) async fn run(under: &Under, task: &Task, agents: &[&str]) -> Result<Outcome, Failed> {
    let policy = Policy::standard();
    let mut admitted = Vec::new();
    for (index, source) in agents.iter().enumerate() {
        let id = MinerId::parse(format!("agent-{index}"))?;
        let agent = Agent::admit(id, source.as_bytes(), &policy)
            .map_err(|report| format!("the gate refuses agent {index}: {:?}", report.findings))?;
        admitted.push(Arc::new(agent));
    }
    let plan = Plan {
        run: RunId::generate(),
        agents: admitted,
        tasks: vec![Arc::new(task.clone())],
        backend: Arc::clone(&under.backend),
        jobs: 1,
        repeat: 1,
        seed: 1,
        at_least: None,
        cancel: CancellationToken::new(),
    };
    let (events, _stream) = Events::channel();
    let outcome = validator::run(plan, events).await;
    expect("left behind", &outcome.left_behind, &Vec::new())?;
    Ok(outcome)
}

type Told = (CaseVerdict, Option<String>);

fn told(outcome: &Outcome) -> Vec<Told> {
    let first = |judged: &validator::Judged| {
        let case = &judged.tasks[0].cases[0];
        (case.verdict, case.message.clone())
    };
    outcome.judged.iter().map(first).collect()
}

fn refused(message: &str) -> Told {
    (CaseVerdict::WrongAnswer, Some(message.to_owned()))
}

const DIVISOR: &str = "
import sys
number, expected, answer = (open(name, 'rb').read() for name in sys.argv[1:4])
assert expected == b'not 1\\n' and sys.argv[4:] == ['extra'] and sys.stdin.read() == ''
try:
    divisor = int(answer)
except ValueError:
    print('that is no number')
    sys.exit(1)
if divisor <= 1 or int(number) % divisor:
    print(divisor, 'does not do')
    sys.exit(1)
";

async fn judges(under: &Under) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let key = "{ program = \"checker.py\", arguments = [\"extra\"] }";
    let task = package(folder.path(), key, &[("checker.py", DIVISOR)])?;
    let agents = ["print(3)\n", "print(12)\n", "print(5)\n", "print('x' * 9)\n", "raise ValueError\n"];
    let outcome = run(under, &task, &agents).await?;
    let mut all = told(&outcome);
    expect("a crash", &all.pop().map(|(verdict, _)| verdict), &Some(CaseVerdict::RuntimeError))?;
    let accepted = (CaseVerdict::Accepted, None);
    let wanted = vec![accepted.clone(), accepted, refused("5 does not do"), refused("that is no number")];
    expect("verdicts", &all, &wanted)
}

const VALIDATOR: &str = "
import os, sys
number = int(open(sys.argv[1]).read())
assert open(sys.argv[2]).read() == 'not 1\\n' and sys.argv[4:] == ['strict']
def leave(status, message):
    with open(os.path.join(sys.argv[3], 'judgemessage.txt'), 'w') as file:
        file.write(message + '\\n')
    sys.exit(status)
for line in sys.stdin:
    if line.strip().isdecimal() and 1 < int(line) and number % int(line) == 0:
        leave(42, 'fine')
leave(43, 'no divisor')
";

async fn icpc(under: &Under) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let key = "{ program = \"validate.py\", protocol = \"icpc\", arguments = [\"strict\"] }";
    let task = package(folder.path(), key, &[("validate.py", VALIDATOR)])?;
    let outcome = run(
        under,
        &task,
        &["print(4)\n", "print(5)\n", "import sys\nsys.stdout.buffer.write(b'\\xff\\n')\n"],
    )
    .await?;
    let wanted = vec![
        (CaseVerdict::Accepted, None),
        refused("no divisor"),
        refused("no divisor; the output is not UTF-8"),
    ];
    expect("verdicts", &told(&outcome), &wanted)
}

async fn fails(under: &Under) -> Result<(), Failed> {
    let endings = [
        ("{}['key']\n", "exited with status 70"),
        ("import sys\nsys.exit(2)\n", "exited with status 2"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n", "was killed by signal 9"),
        ("print('x' * 1000000)\n", "wrote too much"),
        ("this is not python\n", "exited with status 70"),
    ];
    for (source, how) in endings {
        let folder = tempfile::tempdir()?;
        let task = package(folder.path(), "{ program = \"checker.py\" }", &[("checker.py", source)])?;
        let outcome = run(under, &task, &["print(3)\n"]).await?;
        let (verdict, message) = told(&outcome).remove(0);
        expect("verdict", &verdict, &CaseVerdict::InternalError)?;
        expect("score", &outcome.judged[0].tasks[0].score, &None)?;
        let message = message.unwrap_or_default();
        if !message.starts_with(&format!("the checker program `checker.py` {how}")) {
            return Err(format!("`{source}` came to `{message}`").into());
        }
    }
    Ok(())
}

async fn apart(under: &Under) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    // It would accept anything that found its way from the agent's sandbox into its own.
    let checker = "
import os, sys
mine = sorted(os.listdir('.'))
if mine != ['actual', 'expected', 'input']:
    print('not alone:', mine)
    sys.exit(1)
sys.exit(0 if open('actual').read() == 'nothing of it\\n' else 1)
";
    let task = package(folder.path(), "{ program = \"checker.py\" }", &[("checker.py", checker)])?;
    let outcome = run(under, &task, &["print('nothing of it')\n", "print('other')\n"]).await?;
    let verdicts: Vec<_> = told(&outcome).into_iter().map(|(verdict, _)| verdict).collect();
    expect("verdicts", &verdicts, &vec![CaseVerdict::Accepted, CaseVerdict::WrongAnswer])?;
    // The same from the other side: what the checker is given is not where the agent runs.
    let facts = under.once("import os\nprint(os.listdir('.'))\n").await?;
    expect("what the agent sees", &facts.stdout.bytes, &b"[]\n".to_vec())
}

async fn odd(under: &Under) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let careless = "import sys\nsys.exit(0 if int(open(sys.argv[3]).read()) else 1)\n";
    let task = package(folder.path(), "{ program = \"checker.py\" }", &[("checker.py", careless)])?;
    let problems = try_checker(&task, under.backend.as_ref(), &RunId::generate()).await?;
    let found = problems.iter().any(|problem| problem.contains("a number of 5,000 digits"));
    if problems.len() < 7 || !found {
        return Err(format!("it stumbles over most of them, not {problems:#?}").into());
    }
    let task = package(
        folder.path(),
        "{ program = \"checker.py\", arguments = [\"extra\"] }",
        &[("checker.py", DIVISOR)],
    )?;
    let problems = try_checker(&task, under.backend.as_ref(), &RunId::generate()).await?;
    expect("problems", &problems, &Vec::new())
}
