//! Integers of any length, exactly.

/// The value of an integer token of any length (`0xff`, `0b1`, decimal) as hexadecimal digits.
pub(super) fn hexadecimal(token: &str) -> String {
    let (digits, radix) = match token.get(..2) {
        Some("0x" | "0X") => (&token[2..], 16),
        Some("0o" | "0O") => (&token[2..], 8),
        Some("0b" | "0B") => (&token[2..], 2),
        _ => (token, 10),
    };
    if radix == 16 {
        return trimmed(&digits.replace('_', "").to_ascii_lowercase());
    }
    // Little-endian limbs of 32 bits.
    let mut limbs: Vec<u32> = vec![0];
    for digit in digits.chars().filter_map(|c| c.to_digit(radix)) {
        let mut carry = u64::from(digit);
        for limb in &mut limbs {
            let value = u64::from(*limb) * u64::from(radix) + carry;
            *limb = (value & u64::from(u32::MAX)) as u32;
            carry = value >> 32;
        }
        if carry > 0 {
            limbs.push(carry as u32);
        }
    }
    let digits: String = limbs.iter().rev().map(|limb| format!("{limb:08x}")).collect();
    trimmed(&digits)
}

fn trimmed(digits: &str) -> String {
    let trimmed = digits.trim_start_matches('0');
    if trimmed.is_empty() { "0".to_owned() } else { trimmed.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_any_length_and_radix_have_one_spelling() {
        assert_eq!(hexadecimal("340282366920938463463374607431768211456"), format!("1{}", "0".repeat(32)));
        assert_eq!(hexadecimal("0x1_0000_0000_0000_0000"), format!("1{}", "0".repeat(16)));
        assert_eq!(hexadecimal(&format!("0b1{}", "0".repeat(64))), format!("1{}", "0".repeat(16)));
        assert_eq!(hexadecimal("0o0"), "0");
    }
}
