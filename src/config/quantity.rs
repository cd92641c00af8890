//! Durations and sizes as people write them: a number with its unit, `20s`, `1h30m`, `64MiB`.

/// Units of time in milliseconds, longest first.
const TIME: &[(&str, u64)] = &[("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
/// Units of size in bytes, largest first within each family; the binary ones are what we print.
const SIZE: &[(&str, u64)] = &[
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("kB", 1_000),
    ("B", 1),
];

/// Why a text is no quantity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    #[error("`{found}` is no duration: expected a number and a unit of d, h, m, s or ms, such as `20s`")]
    Duration { found: String },
    #[error("`{found}` is no size: expected a number and a unit of GiB, MiB, KiB, GB, MB, KB or B, such as `64MiB`")]
    Size { found: String },
    #[error("`{found}` is more than can be counted")]
    TooLarge { found: String },
}

/// Milliseconds of a duration such as `200ms`, `20s`, `1h30m` or `1h 30m`. A bare `0` needs no unit.
pub fn parse_duration(text: &str) -> Result<u64, QuantityError> {
    parse(text, TIME, || QuantityError::Duration { found: text.to_owned() })
}

/// Bytes of a size such as `64MiB`, `10MB` or `512B`. A bare `0` needs no unit.
pub fn parse_size(text: &str) -> Result<u64, QuantityError> {
    parse(text, SIZE, || QuantityError::Size { found: text.to_owned() })
}

/// The shortest text that [`parse_duration`] reads back as `ms`: one number, in the longest unit that divides it.
pub fn duration_text(ms: u64) -> String {
    text(ms, TIME, "ms")
}

/// The shortest text that [`parse_size`] reads back as `bytes`: one number, in the largest binary unit that divides it.
pub fn size_text(bytes: u64) -> String {
    text(bytes, &SIZE[..3], "B")
}

/// A sum of terms, each a whole number with its unit, each unit smaller than the one before.
fn parse(text: &str, units: &[(&str, u64)], bad: impl Fn() -> QuantityError) -> Result<u64, QuantityError> {
    let mut rest = text.trim();
    if rest == "0" {
        return Ok(0);
    }
    let too_large = || QuantityError::TooLarge { found: text.to_owned() };
    let mut total: u64 = 0;
    let mut smallest = u64::MAX;
    loop {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits == 0 {
            return Err(bad());
        }
        let count: u64 = rest[..digits].parse().map_err(|_| too_large())?;
        rest = rest[digits..].trim_start();
        let word = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let &(_, unit) = units.iter().find(|(name, _)| *name == &rest[..word]).ok_or_else(&bad)?;
        if unit >= smallest {
            return Err(bad());
        }
        smallest = unit;
        total = count.checked_mul(unit).and_then(|term| total.checked_add(term)).ok_or_else(too_large)?;
        rest = rest[word..].trim_start();
        if rest.is_empty() {
            return Ok(total);
        }
    }
}

fn text(amount: u64, units: &[(&str, u64)], smallest: &str) -> String {
    if amount == 0 {
        return "0".to_owned();
    }
    match units.iter().find(|(_, unit)| amount.is_multiple_of(*unit)) {
        Some((name, unit)) => format!("{}{name}", amount / unit),
        None => format!("{amount}{smallest}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_numbers_with_units() {
        let ms = |text| parse_duration(text).ok();
        assert_eq!(ms("200ms"), Some(200));
        assert_eq!(ms("20s"), Some(20_000));
        assert_eq!(ms("5m"), Some(300_000));
        assert_eq!(ms("1h"), Some(3_600_000));
        assert_eq!(ms("1d"), Some(86_400_000));
        assert_eq!(ms("1h30m"), Some(5_400_000));
        assert_eq!(ms(" 1h 30m "), Some(5_400_000));
        assert_eq!(ms("0"), Some(0));
        for bad in ["", "20", "s", "20 seconds", "-1s", "1.5h", "1m1h", "1s1s", "1S", "20s!", "٢s"] {
            assert_eq!(ms(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn sizes_are_numbers_with_units() {
        let bytes = |text| parse_size(text).ok();
        assert_eq!(bytes("64MiB"), Some(64 << 20));
        assert_eq!(bytes("1KiB"), Some(1024));
        assert_eq!(bytes("10MB"), Some(10_000_000));
        assert_eq!(bytes("512B"), Some(512));
        assert_eq!(bytes("0"), Some(0));
        for bad in ["", "64", "64mib", "64M", "MiB", "1.5GiB", "1KiB1MiB"] {
            assert_eq!(bytes(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn what_cannot_be_counted_is_refused_not_wrapped() {
        assert!(matches!(parse_duration("99999999999999999999s"), Err(QuantityError::TooLarge { .. })));
        assert!(matches!(parse_size("18446744073709551615GiB"), Err(QuantityError::TooLarge { .. })));
    }

    proptest! {
        #[test]
        fn a_printed_quantity_reads_back_as_itself(amount in any::<u64>()) {
            prop_assert_eq!(parse_duration(&duration_text(amount)), Ok(amount));
            prop_assert_eq!(parse_size(&size_text(amount)), Ok(amount));
        }
    }
}
