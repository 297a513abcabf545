//! The measuring of models against scripts that would rather write their own report, on one backend.
//! None of them has passed the gate.

use std::fs;
use std::sync::Arc;

use libtest_mimic::{Failed, Trial};
use portcullis::bundle::{self, Rules, pack};
use portcullis::model::{Ending, RunFacts};
use portcullis::sandbox::CaseSpec;
use portcullis::task::{self, Case, Kind, Metric, Task};

use crate::support::{BackendUnderTest, Under, World, close, expect, trial};

const TRAIN: &str = "abcdefgh";
const HELD_OUT: &str = "zyxwvuts";
/// Of a model that knows nothing.
const UNIFORM: u64 = 8_000_000;

/// Predicts nothing in particular; `%` is what it does first.
const BLIND: &str = "
import json, os, sys
def look(ctx):
%
class Model:
    def predict(self): return [1.0] * 256
    def update(self, byte): pass
    def state(self): return b'learned'
    def load(self, state): assert state == b'learned', state
def build_model(ctx):
    look(ctx)
    return Model()
";
const LOOP: &str = "
def train(ctx):
    while (byte := ctx.reveal(ctx.model.predict())) is not None:
        ctx.model.update(byte)
";
/// Learns the order of the stream.
const LEARNS: &str = "
import json
class Model:
    def __init__(self): self.after, self.last = {}, None
    def predict(self):
        weights = [0.01] * 256
        if self.last in self.after: weights[self.after[self.last]] = 100.0
        return weights
    def update(self, byte): self.after[self.last] = byte; self.last = byte
    def state(self): return json.dumps(list(self.after.items())).encode()
    def load(self, state): self.after = dict(json.loads(state))
def build_model(ctx): return Model()
";
/// Ends in words where something is open that must be closed.
const SPY: &str = "
    stop = lambda what: sys.exit('open: ' + what)
    if os.environ.get('PYTHONHASHSEED') != '7': stop('another seed')
    for pid in [name for name in os.listdir('/proc') if name.isdigit() and int(name) != os.getpid()]:
        for name in ('mem', 'environ', 'maps', 'fd/0', 'fd/1', 'fd/3', 'fd/4'):
            for mode in (os.O_RDONLY, os.O_WRONLY):
                try: os.close(os.open(f'/proc/{pid}/{name}', mode))
                except OSError: pass
                else: stop(f'{pid} {name}')
        try: stop(f'{pid} ' + str(os.listdir(f'/proc/{pid}/fd')))
        except OSError: pass
    os.set_blocking(3, False)
    try: stop('bytes that were not paid for: ' + repr(os.read(3, 1)))
    except BlockingIOError: pass
    os.set_blocking(3, True)
    if os.read(0, 1): stop('standard input')
";
/// Writes a report wherever it can.
const FORGER: &str = "
    report = json.dumps({'bytes': 256, 'microbits': 0, 'first_microbits': 6000000, 'curve': [], 'state': ''}) + '\\n'
    print(report, flush=True)
    for place in (1, 2):
        try: os.write(place, report.encode())
        except OSError: pass
    for place in ('/dev/stdout', '/proc/self/fd/1', '/proc/1/fd/1', f'/proc/{os.getppid()}/fd/1'):
        try: open(place, 'w').write(report)
        except OSError: pass
";

pub(crate) fn trials(world: &Arc<World>, backend: BackendUnderTest) -> Vec<Trial> {
    let named = |name: &str, architecture: String, training: &'static str, expected: Expected| {
        trial(world, backend, format!("metric::{name}"), async move |under| {
            check(&under, &architecture, training, expected).await
        })
    };
    let blind = |first: &str| BLIND.replace('%', first);
    let weights = |written: &str| blind("    pass").replace("[1.0] * 256", written);
    vec![
        named("a_model_that_learns_is_measured", LEARNS.to_owned(), LOOP, Expected::Learns),
        named("the_measuring_process_is_closed_to_the_scripts", blind(SPY), LOOP, Expected::Uniform),
        named("what_the_scripts_write_is_not_the_report", blind(FORGER), LOOP, Expected::Uniform),
        named("weights_have_any_sum", weights("[7e300] * 255 + [7e300]"), LOOP, Expected::Uniform),
        named("a_weight_that_is_no_number", weights("[float('nan')] * 256"), LOOP, Expected::Fails),
        named("an_infinite_weight", weights("[float('inf')] + [1.0] * 255"), LOOP, Expected::Fails),
        named("a_negative_weight", weights("[-1.0] + [9.0] * 255"), LOOP, Expected::Fails),
        named("no_weight_at_all", weights("[0.0] * 256"), LOOP, Expected::Fails),
        named("no_prediction_of_256", weights("[1.0] * 255"), LOOP, Expected::Fails),
        named(
            "a_message_that_does_not_exist",
            blind("    os.write(4, b'Q' + bytes(4))"),
            LOOP,
            Expected::Fails,
        ),
        named(
            "a_state_for_which_nothing_was_predicted",
            blind("    pass"),
            "def train(ctx): pass",
            Expected::Fails,
        ),
        named(
            "a_state_that_is_too_large",
            blind("    pass").replace("b'learned'", "bytes(2000)"),
            LOOP,
            Expected::Fails,
        ),
        named("the_scripts_kill_who_measures", blind("    os.kill(os.getppid(), 9)"), LOOP, Expected::Fails),
    ]
}

#[derive(Debug, Clone, Copy)]
enum Expected {
    Uniform,
    Learns,
    /// The training does not come to its end.
    Fails,
}

fn task() -> Result<Task, Failed> {
    let folder = tempfile::tempdir()?;
    let place = folder.path().join("m");
    fs::create_dir(&place)?;
    let manifest = "title = \"M\"\ndifficulty = \"easy\"\nkind = \"metric\"\nprompt = \"P\"\n[metric]\ntrain = \"t\"\n\
                    held_out = \"h\"\nbaseline = 3\nseed = 7\nstate_bytes = 1000\n";
    fs::write(place.join("task.toml"), manifest)?;
    fs::write(place.join("statement.md"), "# M\n")?;
    fs::write(place.join("t"), TRAIN.repeat(32))?;
    fs::write(place.join("h"), HELD_OUT.repeat(32))?;
    Ok(task::load(&place)?)
}

async fn check(under: &Under, architecture: &str, training: &str, expected: Expected) -> Result<(), Failed> {
    let task = task()?;
    let Kind::Metric(metric) = &task.kind else { return Err("another kind".into()) };
    let files = [("architecture.py", architecture.as_bytes()), ("training.py", training.as_bytes())];
    let bundle = bundle::read(&pack(files)?, &Rules::METRIC)?;
    let program = task.program_of_bundle(&bundle).ok_or("another kind")??;
    let [train, held_out] = &task.cases[..] else { return Err("two cases".into()) };
    let facts = run(under, &program, train).await?;
    let said = String::from_utf8_lossy(&facts.stderr.bytes).into_owned();
    if matches!(expected, Expected::Fails) {
        let is_measured = facts.ending == Ending::Exited { code: 0 };
        return if is_measured { Err(format!("measured: {said}").into()) } else { Ok(()) };
    }
    expect(&said, &facts.ending, &Ending::Exited { code: 0 })?;
    let measured = metric.training(&facts.stdout.bytes)?;
    costs("training", expected, measured.per_byte)?;
    let state = measured.state.ok_or("no state")?;
    evaluate(under, &program, metric, &metric.evaluation(held_out, &state), expected).await
}

async fn evaluate(
    under: &Under,
    program: &str,
    metric: &Metric,
    case: &Case,
    expected: Expected,
) -> Result<(), Failed> {
    let facts = run(under, program, case).await?;
    expect(&String::from_utf8_lossy(&facts.stderr.bytes), &facts.ending, &Ending::Exited { code: 0 })?;
    costs("held-out stream", expected, metric.held_out(&facts.stdout.bytes)?.per_byte)
}

/// In a sandbox of its own.
async fn run(under: &Under, program: &str, case: &Case) -> Result<RunFacts, Failed> {
    let mut session = under.open(program).await?;
    let (name, stdin) = (case.name.clone(), Arc::clone(&case.stdin));
    let facts = session.run(&CaseSpec { name, arguments: Vec::new(), stdin }).await;
    close(session).await?;
    Ok(facts?)
}

fn costs(what: &str, expected: Expected, per_byte: u64) -> Result<(), Failed> {
    let is_as_expected = match expected {
        Expected::Uniform => per_byte == UNIFORM,
        // Eight bytes that surprise, and then none.
        Expected::Learns => per_byte < 1_500_000,
        Expected::Fails => false,
    };
    if is_as_expected {
        Ok(())
    } else {
        Err(format!("the {what} costs {per_byte} millionths of a bit").into())
    }
}
