//! Memory on our side is bounded, whatever an agent writes: the peak of the whole `portcullis score`, as the
//! kernel tells it when the process is waited for.

use std::fs;
use std::process::{Command, Stdio};
use std::sync::Arc;

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::support::{BackendUnderTest, World, expect, helper, is_unprivileged, trial};

/// Starts a program, waits for it, and says its largest resident size in KiB on the last line.
const MEASURE: &str = "import os, sys\npid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)\n\
    _, status, usage = os.wait4(pid, 0)\nprint()\nprint(usage.ru_maxrss)\n\
    sys.exit(os.waitstatus_to_exitcode(status))";

/// 1 GiB on each stream.
const FLOOD: &str = "import sys\n\nchunk = 'x' * 1_000_000 + '\\n'\nfor _ in range(1074):\n    \
    sys.stdout.write(chunk)\n    sys.stderr.write(chunk)\n";
/// 100 MB without an end of line.
const ONE_LINE: &str =
    "import sys\n\nchunk = 'x' * 1_000_000\nfor _ in range(100):\n    sys.stdout.write(chunk)\n";
/// All that a task allows at most, and a little less than that.
const LARGE: u64 = 64 * 1024 * 1024;
const ALL_OF_IT: &str =
    "import sys\n\nchunk = 'x' * (1 << 20)\nfor _ in range(63):\n    sys.stdout.write(chunk)\n";

/// For floods, of which a task by default keeps 1 MiB: less than a sixth of one flood.
const MOST_FOR_FLOODS_KIB: u64 = 150 * 1024;
/// For eight cases that print 63 MiB each: less than these outputs together (504 MiB). The output of one case
/// is there several times while it is judged.
const MOST_FOR_LARGE_KIB: u64 = 448 * 1024;

pub(crate) fn trials(world: &Arc<World>, backend: BackendUnderTest) -> Vec<Trial> {
    if is_unprivileged() {
        return Vec::new();
    }
    vec![
        trial(world, backend, "memory_on_our_side_is_bounded_under_floods", async move |_| {
            let agents = [("flood", FLOOD), ("one_line", ONE_LINE)];
            let (peak, verdicts) = score(backend, "", &agents)?;
            expect("verdicts", &verdicts, &vec!["output_limit".to_owned(); 16])?;
            at_most(peak, MOST_FOR_FLOODS_KIB)
        }),
        trial(world, backend, "memory_on_our_side_is_bounded_when_a_task_asks_for_much", async move |_| {
            let limits = format!("[limits]\noutput_bytes = {LARGE}\n");
            let (peak, verdicts) = score(backend, &limits, &[("large", ALL_OF_IT)])?;
            expect("verdicts", &verdicts, &vec!["wrong_answer".to_owned(); 8])?;
            at_most(peak, MOST_FOR_LARGE_KIB)
        }),
    ]
}

fn at_most(peak_kib: u64, most_kib: u64) -> Result<(), Failed> {
    if peak_kib <= most_kib { Ok(()) } else { Err(format!("{peak_kib} KiB, more than {most_kib}").into()) }
}

/// The peak in KiB and the verdict of each of the eight cases of each agent.
fn score(
    backend: BackendUnderTest,
    limits: &str,
    agents: &[(&str, &str)],
) -> Result<(u64, Vec<String>), Failed> {
    let folder = tempfile::tempdir()?;
    let task = folder.path().join("tasks/quiet");
    fs::create_dir_all(&task)?;
    fs::write(task.join("statement.md"), "Say `ok`.\n\n```input\n```\n\n```output\nok\n```\n")?;
    fs::write(task.join("solution.py"), "print('ok')\n")?;
    let cases: String = (0..8)
        .map(|number| format!("[[case]]\nname = \"case-{number}\"\nstdin = \"\"\nexpected = \"ok\\n\"\n"))
        .collect();
    let head = "title = \"Quiet\"\ndifficulty = \"easy\"\nprompt = \"Say ok.\"\n";
    fs::write(task.join("task.toml"), format!("{head}{limits}{cases}"))?;
    let mut command = Command::new("python3");
    command.args(["-I", "-S", "-c", MEASURE]).arg(helper());
    command.args(["score", "--sandbox", &backend.to_string(), "--format", "json", "--jobs", "1", "--tasks"]);
    command.arg(folder.path().join("tasks"));
    for (name, source) in agents {
        let file = folder.path().join(format!("{name}.py"));
        fs::write(&file, source)?;
        command.arg(file);
    }
    let output = command.stdin(Stdio::null()).output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let printed = String::from_utf8(output.stdout)?;
    let (report, peak) = printed.trim_end().rsplit_once('\n').ok_or_else(|| format!("no peak: {said}"))?;
    let report: Value = serde_json::from_str(report).map_err(|why| format!("{why}: {said}"))?;
    let tasks = report["rankings"].as_array().into_iter().flatten().map(|agent| &agent["tasks"][0]);
    let cases = tasks.flat_map(|task| task["cases"].as_array().into_iter().flatten());
    let verdicts = cases.filter_map(|case| case["verdict"].as_str()).map(ToOwned::to_owned).collect();
    Ok((peak.trim().parse()?, verdicts))
}
