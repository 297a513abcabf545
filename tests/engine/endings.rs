//! How a program ended, told by the kernel: every exit code, every signal, and what was measured.

use std::sync::Arc;

use libtest_mimic::{Failed, Trial};
use portcullis::model::Ending;

use crate::support::{BackendUnderTest, Under, World, case, close, expect, trial};

pub(crate) fn trials(world: &Arc<World>, backend: BackendUnderTest) -> Vec<Trial> {
    vec![
        trial(world, backend, "every_exit_code_is_told_exactly", async move |under| exit_codes(&under).await),
        trial(world, backend, "death_by_each_signal_is_told", async move |under| signals(&under).await),
        trial(world, backend, "input_arrives_whole_and_arguments_unchanged", async move |under| {
            input(&under).await
        }),
        trial(world, backend, "what_is_left_unread_does_no_harm", async move |under| unread(&under).await),
        trial(world, backend, "output_up_to_the_limit_arrives_whole", async move |under| {
            output(&under).await
        }),
        trial(world, backend, "usage_is_measured_by_the_kernel", async move |under| usage(&under).await),
        trial(world, backend, "nothing_of_a_case_is_left_for_the_next", async move |under| {
            fresh(&under).await
        }),
    ]
}

async fn exit_codes(under: &Under) -> Result<(), Failed> {
    let mut session = under.open("import os, sys\nos._exit(int(sys.argv[1]))").await?;
    for code in 0..=255_u8 {
        let facts = session.run(&case(&[&code.to_string()], b"")).await?;
        expect("ending", &facts.ending, &Ending::Exited { code })?;
    }
    close(session).await
}

async fn signals(under: &Under) -> Result<(), Failed> {
    let source = "import os, signal, sys\nn = int(sys.argv[1])\n\
                  n in (9, 19) or signal.signal(n, signal.SIG_DFL)\nos.kill(os.getpid(), n)";
    let mut session = under.open(source).await?;
    // Without those that do nothing or stop: CHLD, CONT, STOP, TSTP, TTIN, TTOU, URG, WINCH.
    for signal in (1..=31_u8).filter(|number| !matches!(number, 17..=23 | 28)) {
        let facts = session.run(&case(&[&signal.to_string()], b"")).await?;
        expect("ending", &facts.ending, &Ending::Signalled { signal })?;
    }
    close(session).await
}

async fn input(under: &Under) -> Result<(), Failed> {
    let source = "import hashlib, sys\n\
                  print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest(), ascii(sys.argv[1:]))";
    let input: Vec<u8> =
        (0..3_000_000_u32).map(|number| number.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let mut session = under.open(source).await?;
    let facts = session.run(&case(&["--task", "a b\n\"'$x", "", "--", "ü"], &input)).await?;
    let digest = portcullis::model::Digest::of(&input);
    let expected = format!("{digest} ['--task', 'a b\\n\"\\'$x', '', '--', '\\xfc']\n");
    expect("output", &String::from_utf8_lossy(&facts.stdout.bytes).into_owned(), &expected)?;
    close(session).await
}

async fn unread(under: &Under) -> Result<(), Failed> {
    let mut session = under.open("print('ok')").await?;
    for _ in 0..3 {
        let facts = session.run(&case(&[], &vec![b'x'; 3_000_000])).await?;
        expect("ending", &facts.ending, &Ending::Exited { code: 0 })?;
        expect("output", &facts.stdout.bytes, &b"ok\n".to_vec())?;
    }
    close(session).await
}

async fn output(under: &Under) -> Result<(), Failed> {
    let limit = usize::try_from(under.limits.output_bytes)?;
    let source =
        "import sys\nn = int(sys.argv[1])\nsys.stdout.write('x' * (n - 7))\nsys.stderr.write('y' * 7)";
    let mut session = under.open(source).await?;
    let facts = session.run(&case(&[&limit.to_string()], b"")).await?;
    expect("ending at the limit", &facts.ending, &Ending::Exited { code: 0 })?;
    expect("output", &(facts.stdout.bytes.len(), facts.stderr.bytes.len()), &(limit - 7, 7))?;
    let facts = session.run(&case(&[&(limit + 1).to_string()], b"")).await?;
    expect("ending above it", &facts.ending, &Ending::OutputLimit)?;
    expect("output", &(facts.stdout.bytes.len() + facts.stderr.bytes.len()), &limit)?;
    close(session).await
}

async fn usage(under: &Under) -> Result<(), Failed> {
    let source = "import sys, time\nif sys.argv[1] == 'sleep':\n    time.sleep(0.3)\nelse:\n    \
                  hoard = b'x' * (50 << 20)\n    while time.process_time() < 0.3:\n        pass";
    let mut session = under.open(source).await?;
    let asleep = session.run(&case(&["sleep"], b"")).await?.usage;
    let busy = session.run(&case(&["work"], b"")).await?.usage;
    close(session).await?;
    let is_right = asleep.wall_ms >= 300
        && asleep.cpu_ms < 300
        && busy.cpu_ms >= 300
        && busy.wall_ms >= 300
        && busy.memory_kib >= 50 << 10
        && asleep.memory_kib < 50 << 10;
    if is_right { Ok(()) } else { Err(format!("asleep {asleep:?}, busy {busy:?}").into()) }
}

pub(crate) async fn fresh(under: &Under) -> Result<(), Failed> {
    let source = "import os, subprocess, sys, time\n\
        print(sorted(os.listdir('/tmp')), sorted(n for n in os.listdir('/proc') if n.isdigit() and n != '1' \
        and n != str(os.getpid())))\n\
        os.mkdir('/tmp/a')\nopen('/tmp/a/b', 'w').close()\nos.symlink('/', '/tmp/c')\nos.chmod('/tmp/a', 0)\n\
        sys.stdout.flush()\n\
        if os.fork() == 0:\n    os.setsid()\n    time.sleep(600)";
    let mut session = under.open(source).await?;
    for _ in 0..3 {
        let facts = session.run(&case(&[], b"")).await?;
        expect("ending", &facts.ending, &Ending::Exited { code: 0 })?;
        expect("seen", &String::from_utf8_lossy(&facts.stdout.bytes).into_owned(), &"[] []\n".to_owned())?;
    }
    close(session).await
}
