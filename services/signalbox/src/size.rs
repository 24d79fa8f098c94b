//! Sizes as people write them: `64MiB`, `10GiB`.

use serde::Deserialize;
use thiserror::Error;

/// The text is no size.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no size: write a whole number and a unit, like 64MiB or 10GiB")]
pub struct NoSize(String);

/// A number of bytes in the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Size(pub u64);

impl TryFrom<String> for Size {
    type Error = NoSize;

    fn try_from(text: String) -> Result<Self, NoSize> {
        bytes(&text).map(Self).ok_or(NoSize(text))
    }
}

fn bytes(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok()?;
    let factor: u64 = match &text[digits..] {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return None,
    };
    number.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::Size;

    #[test]
    fn a_number_and_a_unit_are_a_size() {
        let sizes = [("0B", 0), ("64MiB", 64 << 20), ("10GiB", 10 << 30), ("1KiB", 1024), ("2TiB", 2 << 40)];
        for (text, bytes) in sizes {
            assert_eq!(Size::try_from(text.to_owned()), Ok(Size(bytes)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_not() {
        for text in ["", "GiB", "10", "10 GiB", "-1GiB", "1.5GiB", "10GB", "10gib", "ü", "99999999999TiB"] {
            let error = Size::try_from(text.to_owned()).expect_err(text);
            assert!(error.to_string().starts_with(&format!("`{text}` is no size")), "{error}");
        }
    }
}
