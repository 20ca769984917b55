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
    // `eth1` is no slip of the finger for `eth0`.
    let letters = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
    let (lower, own_letters) = (word.to_lowercase(), letters(word));
    candidates
        .into_iter()
        .filter(|candidate| letters(candidate) != own_letters)
        .map(|candidate| (distance(&lower, &candidate.to_lowercase(), most), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many letters must be changed, added, left out or swapped with their neighbour; anything over `most`
/// when it is more than that.
fn distance(a: &str, b: &str, most: usize) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > most {
        return most + 1;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut current = Vec::with_capacity(b.len() + 1);
        current.push(i + 1);
        for (j, y) in b.iter().enumerate() {
            let mut cost = (previous[j] + usize::from(x != y)).min(previous[j + 1] + 1).min(current[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                cost = cost.min(before[j - 1] + 1);
            }
            current.push(cost);
        }
        before = std::mem::replace(&mut previous, current);
    }
    previous.last().copied().unwrap_or(most + 1)
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
        assert_eq!(nearest("colour", keys), None);
        assert_eq!(nearest("x", keys), None);
        assert_eq!(nearest("", keys), None);
    }
}
