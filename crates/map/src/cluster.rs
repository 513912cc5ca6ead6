//! Which marks are drawn where there is no room for all: a grid of cells finds what lies close together in one pass.

use std::collections::BTreeMap;

use crate::{Alarm, Key, Mark, Px};

/// Marks that share a place on screen.
#[derive(Debug)]
pub(crate) struct Group<'a> {
    /// Where it is drawn.
    pub(crate) at: Px,
    /// The mark that came first in rank.
    pub(crate) first: &'a Mark,
    /// All others.
    pub(crate) others: Vec<&'a Mark>,
}

impl<'a> Group<'a> {
    /// All marks of it, the first in rank first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &'a Mark> + Clone + '_ {
        std::iter::once(self.first).chain(self.others.iter().copied())
    }

    /// The worst alarm in it.
    pub(crate) fn alarm(&self) -> Option<Alarm> {
        self.all().filter_map(|mark| mark.alarm).min()
    }

    /// Whether `key` is in it.
    pub(crate) fn holds(&self, key: Option<Key>) -> bool {
        self.all().any(|mark| Some(mark.key) == key)
    }

    /// The mark that stands for all others, where they belong to it.
    pub(crate) fn standing_for_all(&self) -> Option<&'a Mark> {
        self.all().find(|head| self.all().all(|mark| mark.key == head.key || mark.parent == Some(head.key)))
    }
}

/// Groups `marks`, best ranked first, so that no two groups are nearer than `reach` px.
pub(crate) fn group<'a>(marks: Vec<(Px, &'a Mark)>, reach: f32) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut cells: BTreeMap<(i32, i32), Vec<usize>> = BTreeMap::new();
    for (at, mark) in marks {
        let cell = ((at[0] / reach).floor() as i32, (at[1] / reach).floor() as i32);
        let near = (-1..=1)
            .flat_map(|dx| (-1..=1).map(move |dy| (cell.0 + dx, cell.1 + dy)))
            .filter_map(|neighbour| cells.get(&neighbour))
            .flatten()
            .copied()
            .filter_map(|index| {
                let other = groups.get(index)?;
                let distance = (other.at[0] - at[0]).hypot(other.at[1] - at[1]);
                (distance < reach).then_some((distance, index))
            })
            .min_by(|a, b| a.0.total_cmp(&b.0));
        match near.and_then(|(_, index)| groups.get_mut(index)) {
            Some(group) => group.others.push(mark),
            None => {
                cells.entry(cell).or_default().push(groups.len());
                groups.push(Group { at, first: mark, others: Vec::new() });
            }
        }
    }
    groups
}
