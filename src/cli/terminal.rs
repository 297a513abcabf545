//! Where the commands print: data to stdout, talk to stderr, colour only where it is wanted.

use std::io::{self, IsTerminal as _, Write as _};

use anstyle::{AnsiColor, Style};

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    Always,
    Never,
}

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();

#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminal {
    color: anstream::ColorChoice,
    quiet: bool,
}

impl Terminal {
    pub(crate) fn new(color: ColorChoice, quiet: bool) -> Self {
        let color = match color {
            ColorChoice::Auto => anstream::ColorChoice::Auto,
            ColorChoice::Always => anstream::ColorChoice::Always,
            ColorChoice::Never => anstream::ColorChoice::Never,
        };
        Self { color, quiet }
    }

    /// Data, with a newline. Styles in the text are stripped where colour is not wanted. A reader
    /// that went away (`| head`) is not an error.
    pub(crate) fn data(&self, text: impl AsRef<str>) -> anyhow::Result<()> {
        let mut out = anstream::AutoStream::new(io::stdout().lock(), self.color);
        match writeln!(out, "{}", text.as_ref().trim_end_matches('\n')).and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(anyhow::Error::new(error).context("cannot write to stdout"))
            }
            _ => Ok(()),
        }
    }

    /// Empties the screen, where stdout is one.
    pub(crate) fn clear(&self) {
        let mut out = io::stdout().lock();
        if out.is_terminal() {
            // To the first line; erase the screen and what was scrolled away.
            let _ = out.write_all(b"\x1b[H\x1b[2J\x1b[3J").and_then(|()| out.flush());
        }
    }

    /// Talk: what we do and why. Silent with `--quiet`.
    pub(crate) fn say(&self, text: impl AsRef<str>) {
        if !self.quiet {
            self.to_stderr(text.as_ref());
        }
    }

    pub(crate) fn warn(&self, text: impl AsRef<str>) {
        if !self.quiet {
            self.to_stderr(&format!("{WARNING}warning{WARNING:#}: {}", text.as_ref()));
        }
    }

    /// Never silent.
    pub(crate) fn error(&self, error: &anyhow::Error) {
        self.to_stderr(&format!("{ERROR}error{ERROR:#}: {error:#}"));
    }

    /// Whether somebody watches stderr, so that a progress bar makes sense.
    pub(crate) fn is_watched(&self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }

    /// Whether data that goes to stdout may carry colour.
    pub(crate) fn colors_data(&self) -> bool {
        anstream::AutoStream::new(io::stdout().lock(), self.color).current_choice()
            != anstream::ColorChoice::Never
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Whether talk that goes to stderr may carry colour.
    pub(crate) fn colors_talk(&self) -> bool {
        anstream::AutoStream::new(io::stderr().lock(), self.color).current_choice()
            != anstream::ColorChoice::Never
    }

    fn to_stderr(self, text: &str) {
        let mut err = anstream::AutoStream::new(io::stderr().lock(), self.color);
        // Nobody is left to be told that stderr is gone.
        let _ = writeln!(err, "{text}");
    }
}
