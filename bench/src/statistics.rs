//! Times of the same thing, done many times.

use std::time::Duration;

/// The times that something took.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample(Vec<Duration>);

impl Sample {
    /// One more.
    pub(crate) fn add(&mut self, took: Duration) {
        let place = self.0.partition_point(|earlier| *earlier <= took);
        self.0.insert(place, took);
    }

    /// The one in the middle; zero when there is none.
    pub(crate) fn median(&self) -> Duration {
        self.0.get(self.0.len() / 2).copied().unwrap_or_default()
    }

    /// The shortest.
    pub(crate) fn shortest(&self) -> Duration {
        self.0.first().copied().unwrap_or_default()
    }

    /// The longest.
    pub(crate) fn longest(&self) -> Duration {
        self.0.last().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_in_the_middle_is_found_in_any_order() {
        let mut sample = Sample::default();
        assert_eq!(sample.median(), Duration::ZERO);
        for millis in [5, 1, 9, 3, 7] {
            sample.add(Duration::from_millis(millis));
        }
        assert_eq!(sample.median(), Duration::from_millis(5));
        assert_eq!(
            (sample.shortest(), sample.longest()),
            (Duration::from_millis(1), Duration::from_millis(9))
        );
    }
}
