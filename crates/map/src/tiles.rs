//! Map tiles that somebody else brings: what is wanted is listed, what is given is shown.

use std::collections::BTreeMap;

use walkers::sources::Attribution;
use walkers::{Tile, TileId, TilePiece, Tiles};

use crate::Error;

/// Deepest zoom that OpenStreetMap has tiles for.
const DEEPEST: u8 = 19;
/// Side of a tile in px.
const SIDE: u32 = 256;
/// Tiles kept; the least recently drawn go first. 256 take 64 MB.
const KEPT: usize = 256;

/// Tiles that are fed from outside, so that the map itself knows no network.
#[derive(Default)]
pub struct FedTiles {
    tiles: BTreeMap<Place, (Option<Tile>, u64)>,
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
    /// The tiles to fetch next; each is named once.
    pub fn take_wanted(&mut self) -> Vec<TileId> {
        std::mem::take(&mut self.wanted)
    }

    /// Gives the picture (PNG or JPEG) of a tile that was wanted.
    ///
    /// # Errors
    /// [`Error::Tile`] where it is no such picture; the tile is not asked for again.
    pub fn feed(&mut self, id: TileId, picture: &[u8], context: &egui::Context) -> Result<(), Error> {
        let tile = Tile::new(picture, &walkers::Style, id.zoom, SIDE, context)
            .map_err(|error| Error::Tile(error.to_string()))?;
        self.tiles.insert(place(id), (Some(tile), self.turn));
        Ok(())
    }

    /// Forgets that a tile was wanted, so that it is asked for again when it is next in view.
    pub fn forget(&mut self, id: TileId) {
        self.tiles.remove(&place(id));
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

    fn drop_unused(&mut self) {
        while self.tiles.len() > KEPT {
            let oldest = self.tiles.iter().min_by_key(|(_, (_, used))| *used).map(|(place, _)| *place);
            let Some(oldest) = oldest else { return };
            self.tiles.remove(&oldest);
        }
    }
}

impl Tiles for FedTiles {
    fn at(&mut self, id: TileId) -> Option<TilePiece> {
        self.turn += 1;
        let deep = id.zoom.saturating_sub(DEEPEST);
        let id_held = TileId { x: id.x >> deep, y: id.y >> deep, zoom: id.zoom - deep };
        if !self.tiles.contains_key(&place(id_held)) {
            self.drop_unused();
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
        assert_eq!(tiles.take_wanted(), [id]);
        assert!(tiles.at(id).is_none());
        assert_eq!(tiles.take_wanted(), []);
        assert!(tiles.feed(id, b"<html>", &egui::Context::default()).is_err());
    }

    #[test]
    fn beyond_the_deepest_zoom_the_tile_above_serves() {
        let mut tiles = FedTiles::default();
        assert!(tiles.at(TileId { x: 8, y: 9, zoom: 20 }).is_none());
        assert_eq!(tiles.take_wanted(), [TileId { x: 4, y: 4, zoom: 19 }]);
    }
}
