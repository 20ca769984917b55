//! Which form a guard has, and for which policy: what must be known of one that is in force, when its policy is not known
//! any more.

use std::borrow::Cow;

use super::compile::Chain;
use super::policy::{Mode, Policy};
use super::sound::Sound;

/// The form of what is noted. Another one must have another number.
const FORM: &str = "5";

/// What is [noted](super::ledger) of a guard: `5 9e8c3b0d5a1f7e62 locked 3l vif1.0`, and whether it has a chain for tagged frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// What tells one policy from another.
    fingerprint: String,
    /// The word for the policy's mode.
    pub(super) mode: String,
    /// Which variant of the shared chains it jumps to.
    pub(super) sound: String,
    /// The name that its device had when the guard was made: what its table's sets have of it stands by that.
    pub(super) device: String,
    /// What the names of the chains have behind that of the port and a dash. The base chain, which has nothing, is
    /// not among them.
    suffixes: Vec<String>,
}

impl Layout {
    /// The layout of these chains, the first of which is the base chain.
    pub(super) fn of(policy: &Policy, chains: &[Chain], device: &str) -> Self {
        let (base, others) = chains.split_first().unzip();
        let front = base.map_or(0, |base: &Chain| base.name.len() + 1);
        let suffix = |chain: &Chain| chain.name.get(front..).unwrap_or_default().to_owned();
        Self {
            fingerprint: fingerprint(policy),
            mode: policy.mode.word().to_owned(),
            sound: Sound::of(policy).word(),
            device: device.to_owned(),
            suffixes: others.unwrap_or_default().iter().map(suffix).collect(),
        }
    }

    /// The layout that a comment tells of; none if another version of the program wrote it.
    pub(super) fn read(comment: &str) -> Option<Self> {
        let mut words = comment.split(' ').map(str::to_owned);
        if words.next()? != FORM {
            return None;
        }
        Some(Self {
            fingerprint: words.next()?,
            mode: words.next()?,
            sound: words.next()?,
            device: words.next()?,
            suffixes: words.collect(),
        })
    }

    /// The word for the mode in such a comment.
    pub(super) fn mode_in(comment: &str) -> Option<Cow<'static, str>> {
        let mut words = comment.split(' ');
        if words.next()? != FORM {
            return None;
        }
        let [_fingerprint, mode, _sound, _device] =
            [words.next()?, words.next()?, words.next()?, words.next()?];
        Some(mode_word(mode))
    }

    /// The comment.
    pub(super) fn comment(&self) -> String {
        let mut comment = format!("{FORM} {} {} {} {}", self.fingerprint, self.mode, self.sound, self.device);
        for suffix in &self.suffixes {
            comment.push(' ');
            comment.push_str(suffix);
        }
        comment
    }

    /// The names of the chains but the base chain.
    pub(super) fn names(&self, base: &str) -> Vec<String> {
        self.suffixes.iter().map(|suffix| format!("{base}-{suffix}")).collect()
    }
}

/// The word for a mode, not copied if it is one that this version knows: thousands of guards have the same.
pub(super) fn mode_word(word: &str) -> Cow<'static, str> {
    let known = Mode::ALL.into_iter().map(Mode::word).find(|known| *known == word);
    known.map_or_else(|| word.to_owned().into(), Cow::Borrowed)
}

/// What tells a policy from any other: FNV-1a, which is enough against accidents. Who may change the rules needs no
/// collision.
fn fingerprint(policy: &Policy) -> String {
    hash(&format!("{policy:?}"))
}

/// The hash of a text, of this version of the program.
pub(super) fn hash(text: &str) -> String {
    hash_of(&format!("{} {text}", env!("CARGO_PKG_VERSION")))
}

/// The hash of a text.
pub(super) fn hash_of(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::super::compile::compile;
    use super::*;

    #[test]
    fn a_comment_tells_of_all_chains_and_fits() {
        let mac = "00:16:3e:00:00:01".parse().unwrap();
        let mut longest = Policy::locked(mac, ["10.0.0.1/32".parse().unwrap()]);
        longest.log = true;
        longest.vlans = super::super::Vlans::All;
        for policy in [longest, Policy::mac_only(mac), Policy::open(mac)] {
            let chains = compile(&policy, "vif1.0");
            let layout = Layout::of(&policy, &chains, "fifteen-letters");
            let comment = layout.comment();
            assert!(comment.len() < 127, "{comment}");
            let read = Layout::read(&comment).unwrap();
            assert_eq!(read, layout);
            assert_eq!(Layout::mode_in(&comment), Some(policy.mode.word().into()));
            let made: Vec<String> = chains[1..].iter().map(|chain| chain.name.clone()).collect();
            assert_eq!(read.names("vif1.0"), made);
        }
        for foreign in ["locked 1", &format!("{FORM} 0 locked 3l"), "3 0 locked 3l vif1.0"] {
            assert_eq!((Layout::read(foreign), Layout::mode_in(foreign)), (None, None), "{foreign}");
        }
    }

    #[test]
    fn policies_that_differ_have_different_fingerprints() {
        let mac = "00:16:3e:00:00:01".parse().unwrap();
        let one = fingerprint(&Policy::locked(mac, ["10.0.0.1/32".parse().unwrap()]));
        assert_ne!(one, fingerprint(&Policy::locked(mac, ["10.0.0.2/32".parse().unwrap()])));
        assert_eq!(one, fingerprint(&Policy::locked(mac, ["10.0.0.1/32".parse().unwrap()])));
    }
}
