//! Scores and amounts as integers, so that every machine computes the same.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A score from 0 to 100 with two decimals, held in hundredths (0 to 10,000).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Score(u32);

impl Score {
    pub const ZERO: Self = Self(0);
    pub const FULL: Self = Self(10_000);

    /// The share `passed` ÷ `total` of 100, rounded down, so that 100 means that everything
    /// passed. Nothing to pass is 0.
    pub fn of_share(passed: u64, total: u64) -> Self {
        if total == 0 {
            return Self::ZERO;
        }
        let hundredths = u128::from(passed.min(total)) * 10_000 / u128::from(total);
        Self(u32::try_from(hundredths).unwrap_or(10_000))
    }

    /// `None` above 10,000 hundredths.
    pub const fn from_hundredths(hundredths: u32) -> Option<Self> {
        if hundredths > 10_000 { None } else { Some(Self(hundredths)) }
    }

    pub const fn hundredths(self) -> u32 {
        self.0
    }
}

/// Shortest form: `100`, `66.66`, `12.5`.
impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&decimal(u64::from(self.0), 2))
    }
}

impl Serialize for Score {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Hundredths up to 10,000 divide into the nearest double, which prints back as written.
        serializer.serialize_f64(f64::from(self.0) / 100.0)
    }
}

impl<'de> Deserialize<'de> for Score {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = f64::deserialize(deserializer)?;
        let hundredths = (value * 100.0).round();
        let exact = value.is_finite()
            && (0.0..=10_000.0).contains(&hundredths)
            && (hundredths / 100.0 - value).abs() < 1e-9;
        if !exact {
            return Err(serde::de::Error::custom(
                "a score is a number from 0 to 100 with at most two decimals",
            ));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked above: whole and 0 to 10,000"
        )]
        Ok(Self(hundredths as u32))
    }
}

/// An amount of a reward in millionths of its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RawAmount(u64);

impl RawAmount {
    pub const fn from_millionths(millionths: u64) -> Self {
        Self(millionths)
    }

    pub const fn millionths(self) -> u64 {
        self.0
    }
}

/// Shortest form: `50`, `16.666667`.
impl fmt::Display for RawAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&decimal(self.0, 6))
    }
}

impl Serialize for RawAmount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "shown to people; the integer is what is computed with"
        )]
        serializer.serialize_f64(self.0 as f64 / 1_000_000.0)
    }
}

fn decimal(value: u64, places: u32) -> String {
    let unit = 10_u64.pow(places);
    let (whole, rest) = (value / unit, value % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let digits = format!("{rest:0width$}", width = places as usize);
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_means_everything_passed() {
        assert_eq!(Score::of_share(9_999_999, 10_000_000).to_string(), "99.99");
        assert_eq!(Score::of_share(3, 3).to_string(), "100");
        assert_eq!(Score::of_share(2, 3).to_string(), "66.66");
        assert_eq!(Score::of_share(0, 0), Score::ZERO);
    }

    #[test]
    fn a_score_over_the_wire_is_finite_in_range_and_exact() {
        for wrong in ["-1", "100.01", "1e300", "33.333", "null"] {
            assert!(serde_json::from_str::<Score>(wrong).is_err(), "{wrong}");
        }
        for hundredths in 0..=10_000 {
            let score = Score(hundredths);
            let text = serde_json::to_string(&score).expect("a number");
            assert_eq!(serde_json::from_str::<Score>(&text).expect("a score"), score);
        }
    }
}
