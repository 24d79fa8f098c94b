//! Whether something is still the same, without keeping it.

use serde_json::Value;
use uuid::Uuid;

/// The namespace of the digests (RFC 9562 version 5). Chosen once.
const NAMESPACE: Uuid = Uuid::from_u128(0x5e0c_7f19_42ab_5d83_9c16_e3b7_08d4_61fa);

/// The same for the same value, whatever the order of its members: 32 hexadecimal digits.
pub fn digest(value: &Value) -> String {
    digest_of(&value.to_string())
}

/// The same for the same text.
pub fn digest_of(text: &str) -> String {
    Uuid::new_v5(&NAMESPACE, text.as_bytes()).simple().to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_str};

    use super::digest;

    #[test]
    fn the_order_of_members_does_not_matter_and_all_else_does() {
        let of = |text: &str| digest(&from_str::<Value>(text).unwrap());
        assert_eq!(of(r#"{"a": 1, "b": [2]}"#), of(r#"{"b":[2],"a":1}"#));
        assert_ne!(of(r#"{"a": 1, "b": [2]}"#), of(r#"{"a": 1, "b": [3]}"#));
        assert_eq!(of("null").len(), 32);
    }
}
