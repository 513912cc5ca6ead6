//! Hosts of what is drawn on canvases: the map (egui) and trends (plotters). Must not know the network or the station.
