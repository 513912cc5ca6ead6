//! What lies near a position, within a polygon and along a main.

use penstock_api::{ApiError, ListPlacesAlong, ListPlacesNear, ListPlacesWithin, PlacesFound};
use penstock_model::{Place, PlaceKind, Position};
use penstock_store::Found;

use super::Context;
use crate::configuration::store_error;

/// Places along a main at most.
const MOST_ALONG: u32 = 10_000;

impl Context<'_> {
    pub(super) async fn places_near(&self, call: ListPlacesNear) -> Result<Vec<Place>, ApiError> {
        let (position, kinds) = (on_earth(call.position)?, some(&call.kinds)?);
        self.shared.screens.places_near(kinds, position, call.limit).await.map_err(store_error)
    }

    pub(super) async fn places_within(&self, call: ListPlacesWithin) -> Result<PlacesFound, ApiError> {
        let ring = call.ring.into_iter().map(on_earth).collect::<Result<Vec<_>, _>>()?;
        let kinds = some(&call.kinds)?;
        self.shared.screens.places_within(kinds, &ring, call.limit).await.map(shown).map_err(store_error)
    }

    pub(super) async fn places_along(&self, call: ListPlacesAlong) -> Result<PlacesFound, ApiError> {
        let kinds = some(&call.kinds)?;
        let found = self.shared.screens.places_along(kinds, call.pipe, call.reach_m, MOST_ALONG).await;
        found.map(shown).map_err(store_error)
    }
}

fn shown(found: Found) -> PlacesFound {
    PlacesFound { places: found.places, is_cut: found.is_cut }
}

/// What comes as JSON has not been through [`Position::new`].
fn on_earth(position: Position) -> Result<Position, ApiError> {
    Position::new(position.lat(), position.lon()).map_err(|error| ApiError::invalid(error.to_string()))
}

fn some(kinds: &[PlaceKind]) -> Result<&[PlaceKind], ApiError> {
    if kinds.is_empty() {
        return Err(ApiError::invalid("name at least one kind of places: site, asset, point"));
    }
    Ok(kinds)
}
