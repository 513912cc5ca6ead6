//! Map tiles that somebody else brings: what is wanted is listed, what is given is shown.

use std::collections::BTreeMap;

use walkers::sources::Attribution;
use walkers::{Tile, TileId, TilePiece, Tiles};

use crate::Error;

/// Deepest zoom that OpenStreetMap has tiles for.
const DEEPEST: u8 = 19;
/// Side of a tile in px.
const SIDE: u32 = 256;
/// Tiles kept at most; the least recently drawn go first. 512 take 128 MiB, at four bytes a pixel. Between two zooms a
/// screen of 3840 × 2160 px shows up to 300: were there room for fewer, those in view would drive each other out and be
/// fetched over and over.
const KEPT: usize = 512;

/// Tiles that are fed from outside, so that the map itself knows no network.
#[derive(Default)]
pub struct FedTiles {
    /// With the turn of its last use each; none for one that has not come.
    tiles: BTreeMap<Place, (Option<Tile>, u64)>,
    /// Of those that have not come, the ones that nobody was told of.
    wanted: Vec<TileId>,
    turn: u64,
}

/// A tile's id in an order.
type Place = (u8, u32, u32);

impl std::fmt::Debug for FedTiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FedTiles").field("tiles", &self.tiles.len()).field("wanted", &self.wanted.len()).finish()
    }
}

impl FedTiles {
    /// At most so many tiles to fetch next, those that came into view last; each is named once.
    pub fn take_wanted(&mut self, most: usize) -> Vec<TileId> {
        let first = self.wanted.len().saturating_sub(most);
        self.wanted.split_off(first)
    }

    /// Gives the picture (PNG or JPEG) of a tile that was wanted; one that gave way to others meanwhile is left out.
    ///
    /// # Errors
    /// [`Error::Tile`] where it is no such picture; the tile is not asked for again while it is kept in mind.
    pub fn feed(&mut self, id: TileId, picture: &[u8], context: &egui::Context) -> Result<(), Error> {
        let Some((kept, _)) = self.tiles.get_mut(&place(id)) else { return Ok(()) };
        let tile = Tile::new(picture, &walkers::Style, id.zoom, SIDE, context);
        *kept = Some(tile.map_err(|error| Error::Tile(error.to_string()))?);
        Ok(())
    }

    /// The nearest tile at hand that shows `id`, which may be one of a lower zoom.
    fn nearest(&mut self, id: TileId) -> Option<TilePiece> {
        for up in 0..=id.zoom.min(6) {
            let above = TileId { x: id.x >> up, y: id.y >> up, zoom: id.zoom - up };
            if let Some((Some(tile), used)) = self.tiles.get_mut(&place(above)) {
                *used = self.turn;
                let parts = (1_u32 << up) as f32;
                let corner = egui::pos2((id.x % (1 << up)) as f32, (id.y % (1 << up)) as f32) / parts;
                let uv = egui::Rect::from_min_size(corner, egui::Vec2::splat(1.0 / parts));
                return Some(TilePiece::new(tile.clone(), uv));
            }
        }
        None
    }

    /// Has the least recently used give way until there is room for one more.
    fn make_room(&mut self) {
        while self.tiles.len() >= KEPT {
            let oldest = self.tiles.iter().min_by_key(|(_, (_, used))| *used).map(|(place, _)| *place);
            let Some(oldest) = oldest else { return };
            self.tiles.remove(&oldest);
            self.wanted.retain(|id| place(*id) != oldest);
        }
    }
}

impl Tiles for FedTiles {
    fn at(&mut self, id: TileId) -> Option<TilePiece> {
        self.turn += 1;
        let deep = id.zoom.saturating_sub(DEEPEST);
        let id_held = TileId { x: id.x >> deep, y: id.y >> deep, zoom: id.zoom - deep };
        if let Some((_, used)) = self.tiles.get_mut(&place(id_held)) {
            *used = self.turn;
        } else {
            self.make_room();
            self.tiles.insert(place(id_held), (None, self.turn));
            self.wanted.push(id_held);
        }
        self.nearest(id)
    }

    fn attribution(&self) -> Attribution {
        Attribution {
            text: "© OpenStreetMap contributors",
            url: "https://www.openstreetmap.org/copyright",
            logo_light: None,
            logo_dark: None,
        }
    }

    fn tile_size(&self) -> u32 {
        SIDE
    }
}

fn place(id: TileId) -> Place {
    (id.zoom, id.x, id.y)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_is_wanted_once_and_what_is_no_picture_is_refused() {
        let mut tiles = FedTiles::default();
        let id = TileId { x: 5, y: 6, zoom: 10 };
        assert!(tiles.at(id).is_none() && tiles.at(id).is_none());
        assert_eq!(tiles.take_wanted(usize::MAX), [id]);
        assert!(tiles.at(id).is_none());
        assert_eq!(tiles.take_wanted(usize::MAX), []);
        assert!(tiles.feed(id, b"<html>", &egui::Context::default()).is_err());
    }

    #[test]
    fn beyond_the_deepest_zoom_the_tile_above_serves() {
        let mut tiles = FedTiles::default();
        assert!(tiles.at(TileId { x: 8, y: 9, zoom: 20 }).is_none());
        assert_eq!(tiles.take_wanted(usize::MAX), [TileId { x: 4, y: 4, zoom: 19 }]);
    }

    fn in_a_row(count: usize) -> Vec<TileId> {
        (0..).map(|x| TileId { x, y: 0, zoom: 12 }).take(count).collect()
    }

    #[test]
    fn the_least_recently_used_gives_way_and_is_wanted_again() {
        let mut tiles = FedTiles::default();
        let row = in_a_row(KEPT + 1);
        let mut look_at = |index: usize| {
            assert!(tiles.at(row[index]).is_none());
            assert!(tiles.tiles.len() <= KEPT);
            tiles.take_wanted(usize::MAX)
        };
        for (index, id) in row.iter().enumerate().take(KEPT) {
            assert_eq!(look_at(index), [*id]);
        }
        assert_eq!(look_at(0), []);
        assert_eq!(look_at(KEPT), [row[KEPT]], "the second one gives way");
        assert_eq!(look_at(0), []);
        assert_eq!(look_at(2), []);
        assert_eq!(look_at(1), [row[1]]);
    }

    #[test]
    fn what_gave_way_before_it_came_is_neither_fetched_nor_taken() {
        let mut tiles = FedTiles::default();
        let row = in_a_row(KEPT + 10);
        assert!(row.iter().all(|id| tiles.at(*id).is_none()));
        assert_eq!(tiles.take_wanted(2), row[KEPT + 8..].to_vec());
        assert_eq!(tiles.take_wanted(usize::MAX), row[10..KEPT + 8].to_vec());
        let context = egui::Context::default();
        assert!(tiles.feed(row[9], b"<html>", &context).is_ok());
        assert!(tiles.feed(row[10], b"<html>", &context).is_err());
        assert_eq!(tiles.tiles.len(), KEPT);
    }
}
