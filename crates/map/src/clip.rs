//! Cuts lines off at the edge of the view, so that what is far outside costs nothing.

use crate::Px;

/// A rectangle on screen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Box2 {
    pub(crate) min: Px,
    pub(crate) max: Px,
}

impl Box2 {
    pub(crate) fn around(at: Px, half_width: f32, half_height: f32) -> Self {
        Self { min: [at[0] - half_width, at[1] - half_height], max: [at[0] + half_width, at[1] + half_height] }
    }

    pub(crate) fn meets(&self, other: &Self) -> bool {
        self.min[0] < other.max[0]
            && other.min[0] < self.max[0]
            && self.min[1] < other.max[1]
            && other.min[1] < self.max[1]
    }

    pub(crate) fn holds(&self, [x, y]: Px) -> bool {
        (self.min[0]..=self.max[0]).contains(&x) && (self.min[1]..=self.max[1]).contains(&y)
    }

    /// The part of a stretch that lies inside (Liang and Barsky 1984).
    pub(crate) fn cut(&self, from: Px, to: Px) -> Option<(Px, Px)> {
        let step = [to[0] - from[0], to[1] - from[1]];
        let (mut enter, mut leave) = (0.0_f32, 1.0_f32);
        for axis in 0..2 {
            for (towards, room) in
                [(-step[axis], from[axis] - self.min[axis]), (step[axis], self.max[axis] - from[axis])]
            {
                if towards == 0.0 {
                    if room < 0.0 {
                        return None;
                    }
                } else if towards < 0.0 {
                    enter = enter.max(room / towards);
                } else {
                    leave = leave.min(room / towards);
                }
            }
        }
        let along = |share: f32| [from[0] + step[0] * share, from[1] + step[1] * share];
        (enter <= leave).then(|| (along(enter), along(leave)))
    }
}

/// The parts of a line that lie inside `frame`.
pub(crate) fn clip_line(points: &[Px], frame: &Box2) -> Vec<Vec<Px>> {
    let mut parts: Vec<Vec<Px>> = Vec::new();
    let mut open: Vec<Px> = Vec::new();
    for (from, to) in points.iter().zip(points.iter().skip(1)) {
        match frame.cut(*from, *to) {
            Some((enter, leave)) => {
                if open.last() != Some(&enter) {
                    flush(&mut parts, &mut open);
                    open.push(enter);
                }
                if leave != enter {
                    open.push(leave);
                }
            }
            None => flush(&mut parts, &mut open),
        }
    }
    flush(&mut parts, &mut open);
    parts
}

fn flush(parts: &mut Vec<Vec<Px>>, open: &mut Vec<Px>) {
    if open.len() > 1 {
        parts.push(std::mem::take(open));
    } else {
        open.clear();
    }
}

/// How far `at` is from a line, in px.
pub(crate) fn distance_to_line(at: Px, points: &[Px]) -> f32 {
    points
        .iter()
        .zip(points.iter().skip(1))
        .map(|(from, to)| {
            let step = [to[0] - from[0], to[1] - from[1]];
            let length = step[0] * step[0] + step[1] * step[1];
            let off = [at[0] - from[0], at[1] - from[1]];
            let share =
                if length > 0.0 { ((off[0] * step[0] + off[1] * step[1]) / length).clamp(0.0, 1.0) } else { 0.0 };
            (off[0] - step[0] * share).hypot(off[1] - step[1] * share)
        })
        .fold(f32::INFINITY, f32::min)
}

/// The place `share` (0 to 1) along a line, and the direction there as a unit vector.
pub(crate) fn along(points: &[Px], share: f32) -> Option<(Px, Px)> {
    let length = |from: &Px, to: &Px| (to[0] - from[0]).hypot(to[1] - from[1]);
    let mut left = line_length(points) * share;
    for (from, to) in points.iter().zip(points.iter().skip(1)) {
        let stretch = length(from, to);
        if stretch > 0.0 && left <= stretch {
            let direction = [(to[0] - from[0]) / stretch, (to[1] - from[1]) / stretch];
            return Some(([from[0] + direction[0] * left, from[1] + direction[1] * left], direction));
        }
        left -= stretch;
    }
    None
}

pub(crate) fn line_length(points: &[Px]) -> f32 {
    points.iter().zip(points.iter().skip(1)).map(|(from, to)| (to[0] - from[0]).hypot(to[1] - from[1])).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Box2 = Box2 { min: [0.0, 0.0], max: [100.0, 100.0] };

    #[test]
    fn lines_are_cut_at_the_edge() {
        let check = |points: &[Px], expect: Vec<Vec<Px>>| assert_eq!(clip_line(points, &FRAME), expect, "{points:?}");
        check(&[[10.0, 10.0], [20.0, 10.0]], vec![vec![[10.0, 10.0], [20.0, 10.0]]]);
        check(&[[-50.0, 50.0], [150.0, 50.0]], vec![vec![[0.0, 50.0], [100.0, 50.0]]]);
        check(&[[-50.0, -50.0], [-10.0, 150.0]], vec![]);
        check(
            &[[50.0, 50.0], [150.0, 50.0], [150.0, 80.0], [50.0, 80.0]],
            vec![vec![[50.0, 50.0], [100.0, 50.0]], vec![[100.0, 80.0], [50.0, 80.0]]],
        );
        check(&[[50.0, 50.0]], vec![]);
    }

    #[test]
    fn distances_are_to_the_stretch_not_the_straight() {
        let line = [[0.0, 0.0], [10.0, 0.0]];
        assert_eq!(distance_to_line([5.0, 3.0], &line), 3.0);
        assert_eq!(distance_to_line([13.0, 4.0], &line), 5.0);
        assert_eq!(along(&line, 0.5), Some(([5.0, 0.0], [1.0, 0.0])));
    }
}
