//! The statement: Markdown as it is, TeX as far as problem statements use it. The samples become its
//! examples.

use super::data::{CaseFiles, Cases};
use super::problem::Problem;
use crate::task::TaskError;
use crate::task::folder::Folder;

const MOST_STATEMENT: u64 = 200 * 1024;
/// What goes to the agent whole; a prompt may hold 16 KiB.
const MOST_PROMPT: usize = 14 * 1024;
/// Of a sample that is shown.
const MOST_SAMPLE: usize = 4 * 1024;

#[derive(Debug)]
pub(super) struct Statement {
    pub(super) text: String,
    pub(super) prompt: String,
}

pub(super) fn read(
    folder: &Folder,
    problem: &Problem,
    cases: &Cases,
    left_out: &mut Vec<String>,
) -> Result<Statement, TaskError> {
    let body = match body(folder, left_out)? {
        Some(body) => body,
        None => {
            left_out.push("a statement: the package has none".to_owned());
            format!("{}.", problem.name)
        }
    };
    let prompt = if body.len() <= MOST_PROMPT {
        body.replace('\0', "")
    } else {
        left_out.push("the statement, for agents: it is too long to be a prompt".to_owned());
        format!("Solve the problem `{}`: read standard input, print the answer.", problem.name)
    };
    let mut text = format!("# {}\n\n{body}\n", problem.name);
    let mut unshown = 0;
    for sample in cases.cases.iter().filter(|case| !case.hidden) {
        match example(sample) {
            Some(example) => text.push_str(&example),
            None => unshown += 1,
        }
    }
    if unshown > 0 {
        left_out.push(format!(
            "{unshown} samples as examples of the statement: too long to be shown, or no text"
        ));
    }
    Ok(Statement { text, prompt })
}

fn example(sample: &CaseFiles) -> Option<String> {
    let input = std::str::from_utf8(&sample.input).ok()?;
    let fits = |text: &str| text.len() <= MOST_SAMPLE && text.ends_with('\n') && !text.contains("```");
    (fits(input) && fits(&sample.answer))
        .then(|| format!("\n```input\n{input}```\n\n```output\n{}```\n", sample.answer))
}

fn body(folder: &Folder, left_out: &mut Vec<String>) -> Result<Option<String>, TaskError> {
    let mut found: Option<String> = None;
    for place in ["statement", "problem_statement"] {
        let inner = folder.join(place);
        let Some(listing) = inner.list()? else { continue };
        let mut files: Vec<&String> = listing.files.iter().collect();
        // English first, Markdown before TeX.
        files.sort_by_key(|file| {
            let english = [".en.md", "problem.md", ".en.tex", "problem.tex"];
            (english.iter().position(|ending| file.ends_with(ending)).unwrap_or(9), *file)
        });
        for file in files {
            let is_statement =
                file.starts_with("problem.") && (file.ends_with(".md") || file.ends_with(".tex"));
            if !is_statement || found.is_some() {
                left_out.push(format!("`{place}/{file}`"));
                continue;
            }
            let text = inner.read_text(file, MOST_STATEMENT)?.unwrap_or_default();
            let text = if file.ends_with(".tex") { markdown(&text) } else { text };
            found = Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        }
        left_out.extend(listing.folders.iter().map(|inner| format!("`{place}/{inner}/`")));
    }
    Ok(found)
}

/// Commands whose argument stays, between these.
const AROUND: [(&str, &str, &str); 11] = [
    ("section*", "\n## ", "\n"),
    ("section", "\n## ", "\n"),
    ("subsection*", "\n### ", "\n"),
    ("subsection", "\n### ", "\n"),
    ("textbf", "**", "**"),
    ("emph", "*", "*"),
    ("textit", "*", "*"),
    ("texttt", "`", "`"),
    ("url", "", ""),
    ("verb", "`", "`"),
    ("paragraph", "\n**", "** "),
];

/// Commands that go with their argument.
const DROPPED: [&str; 6] = ["problemname", "begin", "end", "label", "includegraphics", "vspace"];

/// What people wrote, without the commands that Markdown says otherwise. Formulas stay as they are,
/// and so does every command that is not known.
fn markdown(tex: &str) -> String {
    let lines: Vec<&str> = tex.lines().map(without_comment).collect();
    let text = lines.join("\n");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    // What closes the braces that are open, innermost last; `None` for braces of the text's own.
    let mut closing: Vec<Option<&str>> = Vec::new();
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '\\' => {
                let length = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
                let starred = length + usize::from(length > 0 && rest[length..].starts_with('*'));
                let (name, after) = rest.split_at(starred);
                if name.is_empty() {
                    let mut chars = rest.chars();
                    match chars.next() {
                        Some('\\') => out.push('\n'),
                        Some(escaped @ ('%' | '_' | '&' | '#' | '$' | '{' | '}')) => out.push(escaped),
                        Some(other) => out.extend(['\\', other]),
                        None => out.push('\\'),
                    }
                    rest = chars.as_str();
                } else if let (Some((_, before, behind)), Some(inside)) =
                    (AROUND.iter().find(|(known, ..)| *known == name), after.strip_prefix('{'))
                {
                    out.push_str(before);
                    closing.push(Some(behind));
                    rest = inside;
                } else if DROPPED.contains(&name) {
                    rest = without_arguments(after);
                } else if name == "item" {
                    out.push_str("- ");
                    rest = after.trim_start();
                } else {
                    out.push('\\');
                    out.push_str(name);
                    rest = after;
                }
            }
            '$' => {
                // To its end without a change: what looks like a command in it is one for formulas.
                let end = rest.find('$').map_or(rest.len(), |end| end + 1);
                out.push('$');
                out.push_str(&rest[..end]);
                rest = &rest[end..];
            }
            '{' => {
                closing.push(None);
                out.push('{');
            }
            '}' => match closing.pop() {
                Some(Some(behind)) => out.push_str(behind),
                Some(None) | None => out.push('}'),
            },
            '~' => out.push(' '),
            c => out.push(c),
        }
    }
    let mut lines: Vec<&str> = out.lines().map(str::trim_end).collect();
    lines.dedup_by(|one, other| one.is_empty() && other.is_empty());
    lines.join("\n")
}

/// A `%` that is not escaped begins a comment.
fn without_comment(line: &str) -> &str {
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        match c {
            '%' if !escaped => return &line[..at],
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    line
}

/// Past `[…]` and `{…}` that follow a command at once.
fn without_arguments(mut rest: &str) -> &str {
    loop {
        let close = match rest.chars().next() {
            Some('[') => ']',
            Some('{') => '}',
            Some(_) | None => return rest,
        };
        match rest.find(close) {
            Some(end) => rest = &rest[end + 1..],
            None => return "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::markdown;

    #[test]
    fn tex_becomes_markdown_and_formulas_stay() {
        let tex = "\\problemname{X}\n\\section*{Input}\nA \\emph{line} with $n \\le 10^{5}$ % a remark\n\
                   \\begin{itemize}\n  \\item one \\textbf{big \\texttt{x\\_y}}\n\\end{itemize}\n50\\% of~it\\\\next {so}\n";
        insta::with_settings!({ omit_expression => true }, {
            insta::assert_snapshot!(markdown(tex), @r"
            ## Input

            A *line* with $n \le 10^{5}$

              - one **big `x_y`**

            50% of it
            next {so}
            ");
        });
    }

    #[test]
    fn odd_tex_neither_panics_nor_loops() {
        for tex in
            ["\\", "\\begin{", "$x", "}}}", "\\emph{\\emph{", "%", "\\%", "ü\\é{", "\\includegraphics[a]{b"]
        {
            let _ = markdown(tex);
        }
    }
}
