//! Places as well-known binary (OGC 06-103r4, section 8), which PostGIS reads and writes without loss.
//! Must not know tables.

use penstock_model::Position;

use crate::{Error, Result};

const POINT: u32 = 1;
const LINE: u32 = 2;
const POLYGON: u32 = 3;

/// A point at `position`.
pub(crate) fn point(position: Position) -> Vec<u8> {
    let mut bytes = head(POINT);
    corner(&mut bytes, position);
    bytes
}

/// A line along `course`.
pub(crate) fn line(course: &[Position]) -> Vec<u8> {
    let mut bytes = head(LINE);
    ring(&mut bytes, course.iter());
    bytes
}

/// A polygon inside `boundary`, a ring without the closing point.
pub(crate) fn polygon(boundary: &[Position]) -> Vec<u8> {
    let mut bytes = head(POLYGON);
    bytes.extend(1_u32.to_le_bytes());
    ring(&mut bytes, boundary.iter().chain(boundary.first()));
    bytes
}

/// The course of a line.
pub(crate) fn from_line(bytes: &[u8]) -> Result<Vec<Position>> {
    let mut reader = Reader(bytes);
    reader.expect_head(LINE)?;
    reader.ring()
}

/// The boundary of a polygon, without the closing point.
pub(crate) fn from_polygon(bytes: &[u8]) -> Result<Vec<Position>> {
    let mut reader = Reader(bytes);
    reader.expect_head(POLYGON)?;
    if reader.count()? == 0 {
        return Ok(Vec::new());
    }
    let mut boundary = reader.ring()?;
    boundary.pop();
    Ok(boundary)
}

fn head(kind: u32) -> Vec<u8> {
    let mut bytes = vec![1];
    bytes.extend(kind.to_le_bytes());
    bytes
}

fn ring<'a>(bytes: &mut Vec<u8>, positions: impl Iterator<Item = &'a Position> + Clone) {
    bytes.extend(u32::try_from(positions.clone().count()).unwrap_or(u32::MAX).to_le_bytes());
    for position in positions {
        corner(bytes, *position);
    }
}

fn corner(bytes: &mut Vec<u8>, position: Position) {
    bytes.extend(position.lon().to_le_bytes());
    bytes.extend(position.lat().to_le_bytes());
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or_else(|| broken("it ends early"))?;
        self.0 = rest;
        Ok(*taken)
    }

    fn expect_head(&mut self, kind: u32) -> Result<()> {
        let [order] = self.take()?;
        if order == 1 && self.count()? == kind { Ok(()) } else { Err(broken("it is of another kind")) }
    }

    fn count(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.take()?))
    }

    fn ring(&mut self) -> Result<Vec<Position>> {
        let count = self.count()?;
        (0..count)
            .map(|_| {
                let lon = f64::from_le_bytes(self.take()?);
                let lat = f64::from_le_bytes(self.take()?);
                Position::new(lat, lon).map_err(|error| broken(&error.to_string()))
            })
            .collect()
    }
}

fn broken(why: &str) -> Error {
    Error::Unreadable { what: "geometry", why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let course: Vec<Position> = [(20.5, 79.1), (20.6, 79.2), (20.7, 79.15)]
            .map(|(lat, lon)| Position::new(lat, lon).expect("on earth"))
            .into();
        assert_eq!(from_line(&line(&course)).expect("line"), course);
        assert_eq!(from_polygon(&polygon(&course)).expect("polygon"), course);
        assert!(from_line(&polygon(&course)).is_err());
        assert!(from_line(&line(&course)[..20]).is_err());
    }
}
