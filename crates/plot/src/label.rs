//! Where words stand beside the lines they belong to, so that none covers another. Must not know what they say.

/// Places in `least` to `most`, at least `apart` from each other and as near as may be to those wanted (in order). Where
/// there is not room for all, the first go beyond `least`.
pub(crate) fn spread(wanted: &[f64], apart: f64, least: f64, most: f64) -> Vec<f64> {
    let mut placed: Vec<f64> = Vec::with_capacity(wanted.len());
    for place in wanted {
        let free = placed.last().map_or(least, |last| last + apart);
        placed.push(place.max(free));
    }
    let mut limit = most;
    for place in placed.iter_mut().rev() {
        *place = place.min(limit);
        limit = *place - apart;
    }
    placed
}

/// The same for places wanted in any order; each comes where its wish stood.
pub fn label_places(wanted: &[f64], apart: f64, least: f64, most: f64) -> Vec<f64> {
    let mut order: Vec<(usize, f64)> = wanted.iter().copied().enumerate().collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1));
    let sorted: Vec<f64> = order.iter().map(|(_, place)| *place).collect();
    let mut placed: Vec<(usize, f64)> =
        order.into_iter().map(|(at, _)| at).zip(spread(&sorted, apart, least, most)).collect();
    placed.sort_by_key(|(at, _)| *at);
    placed.into_iter().map(|(_, place)| place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_have_room_stand_where_they_are_wanted() {
        assert_eq!(label_places(&[80.0, 20.0, 50.0], 14.0, 3.0, 100.0), [80.0, 20.0, 50.0]);
        assert_eq!(label_places(&[], 14.0, 3.0, 100.0), Vec::<f64>::new());
    }

    #[test]
    fn no_label_covers_another() {
        let check = |wanted: &[f64]| {
            let mut placed = label_places(wanted, 14.0, 3.0, 100.0);
            assert_eq!(placed.len(), wanted.len());
            placed.sort_by(f64::total_cmp);
            assert!(placed.windows(2).all(|pair| pair[1] - pair[0] >= 14.0 - 1e-9), "{wanted:?}: {placed:?}");
            assert!(placed.iter().all(|place| (3.0..=100.0).contains(place)), "{wanted:?}: {placed:?}");
        };
        check(&[50.0, 52.0]);
        check(&[52.0, 50.0, 51.0, 49.0]);
        check(&[99.0, 100.0, 98.0]);
        check(&[3.0, 3.0, 3.0, 3.0, 100.0]);
    }

    #[test]
    fn the_upper_line_keeps_the_upper_label() {
        let placed = label_places(&[33.0, 30.0], 14.0, 3.0, 100.0);
        let [low, high] = placed.as_slice() else { panic!("two labels: {placed:?}") };
        assert!(high < low);
    }
}
