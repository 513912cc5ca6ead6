//! Steps that come again and again: a pump that starts, a valve that opens. Must not know what flagged them.

use serde::{Deserialize, Serialize};

const KEPT: usize = 12;

/// The newest lasting steps of a point, in SI.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Jumps {
    steps: [f64; KEPT],
    next: u8,
}

impl Jumps {
    /// How many of the kept steps are like this one: same direction, within a third of its size.
    pub(crate) fn like(&self, step: f64) -> usize {
        self.steps.iter().filter(|known| (**known - step).abs() <= step.abs() / 3.0).count()
    }

    /// Keeps a step that has lasted.
    pub(crate) fn keep(&mut self, step: f64) {
        if let Some(slot) = self.steps.get_mut(usize::from(self.next)) {
            *slot = step;
        }
        self.next = (self.next + 1) % KEPT as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn likeness_has_a_direction() {
        let mut jumps = Jumps::default();
        assert_eq!(jumps.like(5.0), 0);
        [5.0, -5.0, 5.5, 20.0].into_iter().for_each(|step| jumps.keep(step));
        assert_eq!(jumps.like(5.2), 2);
        assert_eq!(jumps.like(-5.2), 1);
        assert_eq!(jumps.like(10.0), 0);
    }
}
