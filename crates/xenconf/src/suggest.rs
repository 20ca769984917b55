//! "Did you mean …?": the known word nearest to a misspelt one.

/// The candidate that is nearest to `word`, if one is near enough to be meant.
pub(crate) fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    nearest_within(word, 2, candidates)
}

/// The same, with at most this many slips.
pub(crate) fn nearest_within<'c>(
    word: &str,
    slips: usize,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    if word.len() > 64 {
        return None;
    }
    let most = match word.chars().count() {
        0 | 1 => return None,
        2 | 3 => slips.min(1),
        _ => slips,
    };
    candidates
        .into_iter()
        .filter(|candidate| !differs_in_digits(word, candidate))
        .filter_map(|candidate| {
            if begins_with(word, candidate) || begins_with(candidate, word) {
                return Some((most, candidate));
            }
            let near = candidate.len().abs_diff(word.len()) <= most;
            let distance = near.then(|| distance(word.as_bytes(), candidate.as_bytes()))?;
            (distance <= most).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `antispoofing` is a longer word for `antispoof`.
fn begins_with(long: &str, short: &str) -> bool {
    short.len() >= 5 && long.len() <= short.len() + 4 && long.starts_with(short) && long != short
}

/// `eth1` is no slip of the finger for `eth0`.
fn differs_in_digits(a: &str, b: &str) -> bool {
    let letters = |text: &'_ str| text.bytes().filter(|byte| !byte.is_ascii_digit()).collect::<Vec<u8>>();
    a.len() == b.len() && a.bytes().any(|byte| byte.is_ascii_digit()) && letters(a) == letters(b)
}

/// How many letters must be changed, added, left out or swapped with their neighbour. Capital and small letters
/// are the same.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut current = Vec::with_capacity(b.len() + 1);
        current.push(i + 1);
        for (j, y) in b.iter().enumerate() {
            let changed = usize::from(!x.eq_ignore_ascii_case(y));
            let mut cost = (previous[j] + changed).min(previous[j + 1] + 1).min(current[j] + 1);
            if i > 0 && j > 0 && x.eq_ignore_ascii_case(&b[j - 1]) && a[i - 1].eq_ignore_ascii_case(y) {
                cost = cost.min(before[j - 1] + 1);
            }
            current.push(cost);
        }
        before = std::mem::replace(&mut previous, current);
    }
    previous.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_of_the_finger_is_seen_through() {
        let keys = ["bridge", "mac", "ip", "vifname", "script"];
        assert_eq!(nearest("brigde", keys), Some("bridge"));
        assert_eq!(nearest("Bridge", keys), Some("bridge"));
        assert_eq!(nearest("mca", keys), Some("mac"));
        assert_eq!(nearest("vif_name", keys), Some("vifname"));
        assert_eq!(nearest("bridgename", keys), Some("bridge"));
        assert_eq!(nearest("bridge_of_guests", keys), None);
        assert_eq!(nearest("colour", keys), None);
        assert_eq!(nearest("x", keys), None);
        assert_eq!(nearest("", keys), None);
    }
}
