//! Any text is a policy that can be applied, or an error in one sentence.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::lint::{Policy, check};

fuzz_target!(|text: &str| {
    match Policy::from_toml(text) {
        Ok(policy) => {
            let again = Policy::from_toml(text).expect("the same text");
            assert_eq!(policy.digest(), again.digest(), "the same text has the same digest");
            let report = check(b"import os\nprint(os.getcwd())\n", &policy);
            assert_eq!(report.policy, policy.digest());
        }
        Err(error) => {
            let message = error.to_string();
            assert!(!message.is_empty() && !message.ends_with('\n'));
        }
    }
});
