//! An engine that falls ill in the middle of a run: whatever it does, and whenever, the run ends by itself,
//! says once what was wrong, and no agent gets a verdict or a score for it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use libtest_mimic::{Failed, Trial};
use portcullis::sandbox::{Choice, choose};
use serde_json::Value;

use crate::leftovers;
use crate::proxy::{Health, Moment, Proxy};
use crate::support::{expect, helper, settings};

/// Long enough in each case for the engine to fall ill meanwhile.
const SLOW: &str = "import sys\nimport time\ntext = sys.stdin.read()\ntime.sleep(1)\n\
    print(text.removesuffix('\\n')[::-1])\n";
const QUICK: &str = "import sys\nprint(sys.stdin.read().removesuffix('\\n')[::-1])\n";

/// Several times the bound that docs/operations.md gives: a run that goes on after it hangs.
const HANGS: Duration = Duration::from_secs(240);

/// Requests of the run, not of the container that is tried out before.
const CREATE: Moment =
    Moment { method: "POST", word: "/containers/create", number: 2, gets_it: false, then: Health::Frozen };
const START: Moment = Moment { word: "/start", gets_it: true, ..CREATE };
const REMOVE: Moment = Moment { method: "DELETE", word: "/containers/", ..CREATE };

/// When it falls ill.
#[derive(Debug, Clone, Copy)]
enum When {
    At(Moment),
    /// When the first case was judged, so that the second is under way.
    InMidStream(Health),
}

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, source: &'static str, when: When, check: fn(&Ran) -> Result<(), Failed>| {
        Trial::test(format!("docker::{name}"), move || {
            let ran = Ran::of(source, when)?;
            check(&ran).map_err(|why| Failed::from(format!("{why:?}\n{ran:#?}")))?;
            ran.is_cleared_away()
        })
    };
    let first = |moment: Moment| When::At(Moment { number: 1, ..moment });
    vec![
        trial("an_engine_that_freezes_while_it_is_tried_out_is_one_error", SLOW, first(CREATE), refused),
        trial("an_engine_that_freezes_before_a_container_is_made", SLOW, When::At(CREATE), nothing_judged),
        trial("an_engine_that_freezes_when_a_container_was_started", SLOW, When::At(START), nothing_judged),
        trial(
            "an_engine_that_freezes_in_the_middle_of_a_case",
            SLOW,
            When::InMidStream(Health::Frozen),
            some_judged,
        ),
        trial("an_engine_that_freezes_when_a_container_is_removed", QUICK, When::At(REMOVE), all_judged),
        trial(
            "a_stream_that_falls_silent_costs_no_agent_a_verdict",
            SLOW,
            When::InMidStream(Health::Mute),
            tried_again,
        ),
        trial(
            "an_engine_that_closes_every_connection",
            SLOW,
            When::InMidStream(Health::Closing),
            some_judged,
        ),
        trial(
            "an_engine_that_dies_in_the_middle_of_a_run_costs_no_agent_a_score",
            SLOW,
            When::InMidStream(Health::Dead),
            some_judged,
        ),
    ]
}

/// A run of `score` with an engine that falls ill.
#[derive(Debug)]
struct Ran {
    pid: u32,
    code: Option<i32>,
    /// The last line of what it printed.
    report: Value,
    events: Vec<String>,
    said: String,
}

impl Ran {
    fn of(source: &str, when: When) -> Result<Self, Failed> {
        let host = std::env::var("DOCKER_HOST").unwrap_or_default();
        let engine = host.strip_prefix("unix://").unwrap_or("/var/run/docker.sock").to_owned();
        let folder = tempfile::tempdir()?;
        let place = |name: &str| folder.path().join(name);
        fs::write(place("agent.py"), source)?;
        let (moment, health) = match when {
            When::At(moment) => (Some(moment), None),
            When::InMidStream(health) => (None, Some(health)),
        };
        let proxy = Proxy::start(&place("docker.sock"), engine, moment)?;
        let mut validator = Command::new(helper())
            .args(["score", "--sandbox", "docker", "--task", "reverse_string"])
            .args(["--format", "jsonl", "--jobs", "1", "--engine"])
            .arg(format!("unix://{}", place("docker.sock").display()))
            .arg(place("agent.py"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(place("said"))?)
            .spawn()?;
        let pid = validator.id();
        let out = validator.stdout.take().ok_or("no pipe")?;
        let (done, end) = mpsc::channel();
        let reader = thread::spawn(move || {
            let mut lines = Vec::new();
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if let Some(health) = health.filter(|_| line.contains("\"accepted\""))
                    && proxy.health() == Health::Well
                {
                    proxy.become_(health);
                }
                lines.push(line);
            }
            let _ = done.send(());
            lines
        });
        let hangs = end.recv_timeout(HANGS).is_err();
        if hangs {
            validator.kill()?;
        }
        let code = validator.wait()?.code();
        let mut lines = reader.join().map_err(|_| "the reader panicked")?;
        let said = fs::read_to_string(place("said"))?;
        if hangs {
            return Err(format!("it hangs; it printed {lines:#?} and said {said}").into());
        }
        let last = lines.pop().unwrap_or_default();
        let report = serde_json::from_str(&last).unwrap_or_default();
        Ok(Self { pid, code, report, events: lines, said })
    }

    fn verdicts(&self) -> Vec<&str> {
        let cases = self.report["unscored"][0]["tasks"][0]["cases"].as_array();
        cases.into_iter().flatten().filter_map(|case| case["verdict"].as_str()).collect()
    }

    /// We failed, and it is said once.
    fn says_once(&self) -> Result<(), Failed> {
        expect("exit status", &self.code, &Some(2))?;
        let errors = self.said.lines().filter(|line| line.starts_with("error: ")).count();
        expect("errors", &errors, &1)?;
        if self.said.contains("panicked") { Err("it panicked".into()) } else { Ok(()) }
    }

    /// No rank, no score, the fault named.
    fn ranks_nobody(&self) -> Result<(), Failed> {
        expect("ranked", &self.report["rankings"].as_array().map(Vec::len), &Some(0))?;
        expect("faults", &self.report["errors"].as_array().map(Vec::len), &Some(1))
    }

    /// The engine is well again: the next validator clears away what this one could not.
    fn is_cleared_away(&self) -> Result<(), Failed> {
        let runtime = tokio::runtime::Runtime::new()?;
        runtime
            .block_on(async { choose(Choice::Docker, &settings(), &|_| ()).await?.backend.sweep().await })?;
        leftovers::of_process(self.pid).map_err(|left| format!("left behind: {left}").into())
    }
}

fn refused(ran: &Ran) -> Result<(), Failed> {
    ran.says_once()?;
    expect("lines of data", &(ran.events.len(), &ran.report), &(0, &Value::Null))
}

fn nothing_judged(ran: &Ran) -> Result<(), Failed> {
    ran.says_once()?;
    ran.ranks_nobody()?;
    let is_right = !ran.verdicts().is_empty() && ran.verdicts().iter().all(|it| *it == "internal_error");
    if is_right { names_the_engine(ran) } else { Err("wrong verdicts".into()) }
}

fn some_judged(ran: &Ran) -> Result<(), Failed> {
    ran.says_once()?;
    ran.ranks_nobody()?;
    let verdicts = ran.verdicts();
    let is_right = verdicts.contains(&"accepted")
        && verdicts.contains(&"internal_error")
        && verdicts.iter().all(|verdict| ["accepted", "internal_error"].contains(verdict));
    if is_right { Ok(()) } else { Err("wrong verdicts".into()) }
}

fn names_the_engine(ran: &Ran) -> Result<(), Failed> {
    let message = ran.report["errors"][0]["message"].as_str().unwrap_or_default();
    if message.contains("has stopped answering") { Ok(()) } else { Err(message.into()) }
}

fn is_scored_in_full(ran: &Ran) -> Result<(), Failed> {
    expect("exit status", &ran.code, &Some(0))?;
    expect("score", &ran.report["rankings"][0]["score"].as_f64(), &Some(100.0))?;
    expect("faults", &ran.report["errors"].as_array().map(Vec::len), &Some(0))
}

/// What was judged before counts, and what is left is named.
fn all_judged(ran: &Ran) -> Result<(), Failed> {
    is_scored_in_full(ran)?;
    let is_named = ran.said.contains("could not clear away: container");
    if is_named { Ok(()) } else { Err("what is left is not named".into()) }
}

fn tried_again(ran: &Ran) -> Result<(), Failed> {
    is_scored_in_full(ran)?;
    let tries = ran.events.iter().filter(|line| line.contains("\"retrying\"")).count();
    expect("tries", &tries, &1)
}
