//! The flags of the format's default output validator become a checker and a tolerance.

use crate::judge::{Checker, Tolerance};

/// How answers are compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flags {
    pub(super) checker: Checker,
    pub(super) tolerance: Tolerance,
}

/// # Errors
/// What is wrong with the flags, as a sentence.
pub(super) fn parse(flags: &[String], left_out: &mut Vec<String>) -> Result<Flags, String> {
    let (mut case, mut space) = (false, false);
    let mut tolerance: Option<Tolerance> = None;
    let mut words = flags.iter();
    while let Some(flag) = words.next() {
        let mut bound = || -> Result<f64, String> {
            let value = words.next().and_then(|word| word.parse::<f64>().ok());
            match value {
                Some(value) if value.is_finite() && value >= 0.0 => Ok(value),
                Some(_) | None => Err(format!("the flag `{flag}` needs a number from 0")),
            }
        };
        match flag.as_str() {
            "case_sensitive" => case = true,
            "space_change_sensitive" => space = true,
            "float_tolerance" => {
                let bound = bound()?;
                tolerance = Some(Tolerance { absolute: bound, relative: bound });
            }
            "float_absolute_tolerance" => {
                tolerance = Some(Tolerance { absolute: bound()?, ..tolerance.unwrap_or_default() });
            }
            "float_relative_tolerance" => {
                tolerance = Some(Tolerance { relative: bound()?, ..tolerance.unwrap_or_default() });
            }
            other => return Err(format!("the default output validator has no flag `{other}`")),
        }
    }
    let checker = match (tolerance, space, case) {
        (Some(_), _, true) => Checker::Numbers,
        (Some(_), _, false) => Checker::NumbersIgnoreCase,
        (None, true, _) => Checker::Exact,
        (None, false, true) => Checker::Tokens,
        (None, false, false) => Checker::TokensIgnoreCase,
    };
    if tolerance.is_some() && space {
        left_out
            .push("`space_change_sensitive`: beside a tolerance white space is not compared here".to_owned());
    }
    if tolerance.is_none() && space && !case {
        left_out.push(
            "that case does not count: with `space_change_sensitive` answers are compared byte for byte"
                .to_owned(),
        );
    }
    Ok(Flags { checker, tolerance: tolerance.unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(flags: &str, checker: Checker, absolute: f64, relative: f64) {
        let words: Vec<String> = flags.split_whitespace().map(ToOwned::to_owned).collect();
        let parsed = parse(&words, &mut Vec::new()).expect("good flags");
        assert_eq!(
            (parsed.checker, parsed.tolerance),
            (checker, Tolerance { absolute, relative }),
            "{flags}"
        );
    }

    #[test]
    fn every_flag_of_the_default_validator_has_its_meaning() {
        check("", Checker::TokensIgnoreCase, 0.0, 0.0);
        check("case_sensitive", Checker::Tokens, 0.0, 0.0);
        check("space_change_sensitive case_sensitive", Checker::Exact, 0.0, 0.0);
        check("float_tolerance 1e-6", Checker::NumbersIgnoreCase, 1e-6, 1e-6);
        check(
            "float_absolute_tolerance 1e-4 float_relative_tolerance 0.5",
            Checker::NumbersIgnoreCase,
            1e-4,
            0.5,
        );
        check("float_relative_tolerance 1e-9 case_sensitive", Checker::Numbers, 0.0, 1e-9);
    }

    #[test]
    fn a_flag_that_is_not_understood_is_refused() {
        let refused = |flags: &str| {
            let words: Vec<String> = flags.split_whitespace().map(ToOwned::to_owned).collect();
            parse(&words, &mut Vec::new()).expect_err("bad flags")
        };
        assert_eq!(refused("float_tolerance"), "the flag `float_tolerance` needs a number from 0");
        assert_eq!(refused("float_tolerance nan"), "the flag `float_tolerance` needs a number from 0");
        assert_eq!(
            refused("ignore_everything"),
            "the default output validator has no flag `ignore_everything`"
        );
    }
}
