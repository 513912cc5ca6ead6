//! The demo town Nandipur as it is built: its areas, streets with mains under them, tanks, pumps and valves.
//! Must not know what flows in it.

use crate::geo::{Place, corner, course, ground, length};

/// A district metered area.
#[derive(Debug, Clone)]
pub(crate) struct AreaSpec {
    pub(crate) name: &'static str,
    /// Ring of corners around it.
    pub(crate) boundary: &'static [(f64, f64)],
    /// What its people use on average, m³/h.
    pub(crate) use_m3h: f64,
    /// What its mains lose at 3 bar, m³/h.
    pub(crate) leak_m3h: f64,
    /// Share of its use that follows working hours, 0 to 1.
    pub(crate) trade: f64,
    /// Tank it is fed from.
    pub(crate) tank: usize,
    /// Loss of its throttled inlet valve, m per (m³/s)².
    pub(crate) throttle: f64,
    /// How far its inlet valve is open, %.
    pub(crate) throttle_percent: f64,
    /// Node of its inlet, behind the valve, and before it.
    pub(crate) inlet: &'static str,
    pub(crate) before_inlet: &'static str,
    /// Node of its critical pressure.
    pub(crate) critical: &'static str,
}

/// The areas, DMA 1 first.
pub(crate) const AREAS: [AreaSpec; 5] = [
    AreaSpec {
        name: "DMA 1 Old Town",
        boundary: &[
            (-6.6, 4.4),
            (-1.0, 4.3),
            (5.0, 4.4),
            (6.7, 4.6),
            (6.6, 8.0),
            (6.6, 11.8),
            (0.0, 11.7),
            (-6.6, 11.7),
        ],
        use_m3h: 76.0,
        leak_m3h: 26.0,
        trade: 0.35,
        tank: 1,
        throttle: 1_900.0,
        throttle_percent: 74.0,
        inlet: "A0",
        before_inlet: "A",
        critical: "A2",
    },
    AreaSpec {
        name: "DMA 2 Station Road",
        boundary: &[
            (7.6, 4.4),
            (13.0, 4.3),
            (18.0, 4.3),
            (20.3, 4.5),
            (20.2, 9.0),
            (18.6, 13.0),
            (13.0, 13.1),
            (7.7, 12.8),
        ],
        use_m3h: 58.0,
        leak_m3h: 19.0,
        trade: 0.5,
        tank: 3,
        throttle: 5_200.0,
        throttle_percent: 58.0,
        inlet: "B0",
        before_inlet: "B",
        critical: "B8",
    },
    AreaSpec {
        name: "DMA 3 Riverside",
        boundary: &[
            (-9.2, -1.0),
            (-4.6, -1.1),
            (-0.8, 0.6),
            (0.8, 0.6),
            (6.4, -1.0),
            (6.6, -6.0),
            (6.3, -9.7),
            (-1.0, -9.9),
            (-9.1, -7.2),
        ],
        use_m3h: 50.0,
        leak_m3h: 20.0,
        trade: 0.2,
        tank: 1,
        throttle: 11_000.0,
        throttle_percent: 46.0,
        inlet: "C0",
        before_inlet: "C",
        critical: "C7",
    },
    AreaSpec {
        name: "DMA 4 Hill Colony",
        boundary: &[(-18.0, 7.3), (-12.0, 7.2), (-7.9, 7.3), (-7.8, 13.8), (-13.0, 14.0), (-18.1, 13.7)],
        use_m3h: 39.0,
        leak_m3h: 12.0,
        trade: 0.1,
        tank: 2,
        throttle: 8_200.0,
        throttle_percent: 62.0,
        inlet: "D0",
        before_inlet: "D",
        critical: "D3",
    },
    AreaSpec {
        name: "DMA 5 Mill Estate",
        boundary: &[
            (7.7, -2.9),
            (13.0, -3.0),
            (16.2, -2.2),
            (18.0, -2.2),
            (20.2, -3.0),
            (20.3, -8.6),
            (18.9, -10.7),
            (13.0, -10.9),
            (7.6, -9.4),
        ],
        use_m3h: 62.0,
        leak_m3h: 23.0,
        trade: 0.7,
        tank: 3,
        throttle: 8_600.0,
        throttle_percent: 48.0,
        inlet: "E0",
        before_inlet: "E",
        critical: "E4",
    },
];

/// A tank.
#[derive(Debug, Clone)]
pub(crate) struct TankSpec {
    pub(crate) name: &'static str,
    pub(crate) tag: &'static str,
    pub(crate) tower: bool,
    pub(crate) at: (f64, f64),
    /// Floor above the sea, m.
    pub(crate) floor_m: f64,
    /// Height of the overflow above the floor, m.
    pub(crate) height_m: f64,
    pub(crate) capacity_m3: f64,
    pub(crate) area: Option<usize>,
    /// Filling at the beginning, 0 to 1.
    pub(crate) first_filling: f64,
}

/// The tanks: Fort Hill, Clock Tower, Hill Colony, Mill Estate.
pub(crate) const TANKS: [TankSpec; 4] = [
    TankSpec {
        name: "Fort Hill",
        tag: "FHR",
        tower: false,
        at: (-12.0, 3.0),
        floor_m: 578.0,
        height_m: 5.0,
        capacity_m3: 6_000.0,
        area: None,
        first_filling: 0.68,
    },
    TankSpec {
        name: "Clock Tower",
        tag: "CLT",
        tower: true,
        at: (-6.0, 0.0),
        floor_m: 591.0,
        height_m: 5.0,
        capacity_m3: 1_100.0,
        area: None,
        first_filling: 0.72,
    },
    TankSpec {
        name: "Hill Colony",
        tag: "HCT",
        tower: true,
        at: (-13.0, 8.0),
        floor_m: 620.0,
        height_m: 5.0,
        capacity_m3: 800.0,
        area: Some(3),
        first_filling: 0.70,
    },
    TankSpec {
        name: "Mill Estate",
        tag: "MET",
        tower: true,
        at: (17.0, -1.0),
        floor_m: 590.0,
        height_m: 5.0,
        capacity_m3: 1_000.0,
        area: None,
        first_filling: 0.74,
    },
];

/// A pumping station with pumps of one kind.
#[derive(Debug, Clone)]
pub(crate) struct StationSpec {
    pub(crate) name: &'static str,
    pub(crate) tag: &'static str,
    pub(crate) at: (f64, f64),
    pub(crate) pumps: usize,
    /// Node it sucks from and node it delivers to.
    pub(crate) suction: &'static str,
    pub(crate) delivery: &'static str,
    /// Head of one pump: `shutoff_m` − `slope` × Q², Q in m³/s.
    pub(crate) shutoff_m: f64,
    pub(crate) slope: f64,
    /// Flow of best efficiency of one pump, m³/h, and that efficiency with its motor, 0 to 1.
    pub(crate) best_m3h: f64,
    pub(crate) best_efficiency: f64,
}

/// The pumping stations.
pub(crate) const STATIONS: [StationSpec; 3] = [
    StationSpec {
        name: "PS-1 River Intake",
        tag: "PS1",
        at: (-14.0, -9.0),
        pumps: 3,
        suction: "RIVER",
        delivery: "P1D",
        shutoff_m: 64.0,
        slope: 2_750.0,
        best_m3h: 270.0,
        best_efficiency: 0.71,
    },
    StationSpec {
        name: "PS-2 Station Road",
        tag: "PS2",
        at: (4.0, 3.0),
        pumps: 3,
        suction: "P2S",
        delivery: "P2D",
        shutoff_m: 42.0,
        slope: 4_150.0,
        best_m3h: 210.0,
        best_efficiency: 0.69,
    },
    StationSpec {
        name: "PS-3 Hill Road",
        tag: "PS3",
        at: (-11.0, 5.0),
        pumps: 2,
        suction: "P3S",
        delivery: "P3D",
        shutoff_m: 64.0,
        slope: 15_700.0,
        best_m3h: 115.0,
        best_efficiency: 0.64,
    },
];

/// Where the treatment works stand.
pub(crate) const WORKS: (f64, f64) = (-15.0, -5.0);

/// A node of the network, with the area it serves and its share of the area's use.
struct NodeSpec(&'static str, (f64, f64), Option<usize>, f64);

const NODES: &[NodeSpec] = &[
    NodeSpec("P1D", (-14.0, -9.0), None, 0.0),
    NodeSpec("WIN", (-15.0, -5.0), None, 0.0),
    NodeSpec("WOUT", (-15.0, -5.0), None, 0.0),
    NodeSpec("T1", (-7.0, 3.0), None, 0.0),
    NodeSpec("P2S", (4.0, 3.0), None, 0.0),
    NodeSpec("P2D", (4.0, 3.0), None, 0.0),
    NodeSpec("T2", (-1.0, 2.0), None, 0.0),
    NodeSpec("CV", (-6.0, 0.0), None, 0.0),
    NodeSpec("T3", (12.0, 3.0), None, 0.0),
    NodeSpec("T4", (12.0, -1.0), None, 0.0),
    NodeSpec("MV", (17.0, -1.0), None, 0.0),
    NodeSpec("P3S", (-11.0, 5.0), None, 0.0),
    NodeSpec("P3D", (-11.0, 5.0), None, 0.0),
    NodeSpec("HV", (-13.0, 8.0), None, 0.0),
    // DMA 1 Old Town
    NodeSpec("A", (-4.0, 5.0), Some(0), 0.0),
    NodeSpec("A0", (-4.0, 5.0), Some(0), 0.05),
    NodeSpec("A1", (-4.0, 8.0), Some(0), 0.14),
    NodeSpec("A2", (-4.0, 11.0), Some(0), 0.10),
    NodeSpec("A3", (0.0, 5.0), Some(0), 0.13),
    NodeSpec("A4", (0.0, 8.0), Some(0), 0.16),
    NodeSpec("A5", (0.0, 11.0), Some(0), 0.12),
    NodeSpec("A6", (4.0, 5.0), Some(0), 0.08),
    NodeSpec("A7", (4.0, 8.0), Some(0), 0.12),
    NodeSpec("A8", (4.0, 11.0), Some(0), 0.10),
    // DMA 2 Station Road
    NodeSpec("B", (17.0, 5.0), Some(1), 0.0),
    NodeSpec("B0", (17.0, 5.0), Some(1), 0.06),
    NodeSpec("B1", (13.0, 5.0), Some(1), 0.12),
    NodeSpec("B2", (9.0, 5.0), Some(1), 0.12),
    NodeSpec("B3", (9.0, 9.0), Some(1), 0.12),
    NodeSpec("B4", (13.0, 9.0), Some(1), 0.14),
    NodeSpec("B5", (17.0, 9.0), Some(1), 0.12),
    NodeSpec("B6", (17.0, 12.0), Some(1), 0.10),
    NodeSpec("B7", (13.0, 12.0), Some(1), 0.12),
    NodeSpec("B8", (9.0, 12.0), Some(1), 0.10),
    // DMA 3 Riverside
    NodeSpec("C", (0.0, 0.0), Some(2), 0.0),
    NodeSpec("C0", (0.0, 0.0), Some(2), 0.0),
    NodeSpec("C1", (0.0, -2.0), Some(2), 0.12),
    NodeSpec("C2", (-4.0, -2.0), Some(2), 0.11),
    NodeSpec("C3", (-8.0, -2.0), Some(2), 0.08),
    NodeSpec("C4", (-8.0, -6.0), Some(2), 0.10),
    NodeSpec("C5", (-4.0, -6.0), Some(2), 0.14),
    NodeSpec("C6", (0.0, -6.0), Some(2), 0.14),
    NodeSpec("C7", (0.0, -9.0), Some(2), 0.10),
    NodeSpec("C8", (5.0, -2.0), Some(2), 0.08),
    NodeSpec("C9", (5.0, -6.0), Some(2), 0.08),
    NodeSpec("C10", (5.0, -9.0), Some(2), 0.05),
    // DMA 4 Hill Colony
    NodeSpec("D", (-13.0, 9.0), Some(3), 0.0),
    NodeSpec("D0", (-13.0, 9.0), Some(3), 0.14),
    NodeSpec("D1", (-17.0, 9.0), Some(3), 0.18),
    NodeSpec("D2", (-17.0, 13.0), Some(3), 0.16),
    NodeSpec("D3", (-13.0, 13.0), Some(3), 0.18),
    NodeSpec("D4", (-9.0, 13.0), Some(3), 0.16),
    NodeSpec("D5", (-9.0, 9.0), Some(3), 0.18),
    // DMA 5 Mill Estate
    NodeSpec("E", (17.0, -3.0), Some(4), 0.0),
    NodeSpec("E0", (17.0, -3.0), Some(4), 0.0),
    NodeSpec("E1", (17.0, -4.0), Some(4), 0.12),
    NodeSpec("E2", (13.0, -4.0), Some(4), 0.15),
    NodeSpec("E3", (9.0, -4.0), Some(4), 0.12),
    NodeSpec("E4", (9.0, -8.0), Some(4), 0.12),
    NodeSpec("E5", (13.0, -8.0), Some(4), 0.16),
    NodeSpec("E6", (17.0, -8.0), Some(4), 0.15),
    NodeSpec("E7", (17.0, -10.0), Some(4), 0.08),
    NodeSpec("E8", (13.0, -10.0), Some(4), 0.10),
];

/// A main: from, to, inner diameter in mm, area, corners between, roughness (Hazen-Williams C), street.
struct MainSpec(&'static str, &'static str, f64, Option<usize>, &'static [(f64, f64)], f64, &'static str);

/// Mains of the rising and trunk system, then the areas'. `FHR.out` is the outlet of Fort Hill, `FHR.in` its inlet.
const MAINS: &[MainSpec] = &[
    MainSpec("P1D", "WIN", 450.0, None, &[(-14.0, -5.0)], 110.0, "Intake Road"),
    MainSpec("WOUT", "FHR.in", 450.0, None, &[(-15.0, -1.0), (-12.0, -1.0)], 110.0, "Fort Road"),
    MainSpec("FHR.out", "T1", 450.0, None, &[], 110.0, "Fort Road"),
    MainSpec("T1", "P2S", 450.0, None, &[], 110.0, "Station Road"),
    MainSpec("P2D", "T2", 300.0, None, &[(4.0, 2.0)], 115.0, "Tilak Road"),
    MainSpec("T2", "CV", 300.0, None, &[(-6.0, 2.0)], 115.0, "Tilak Road"),
    MainSpec("P2D", "T3", 350.0, None, &[], 115.0, "Station Road"),
    MainSpec("T3", "T4", 300.0, None, &[], 115.0, "Mill Road"),
    MainSpec("T4", "MV", 300.0, None, &[], 115.0, "Tower Lane"),
    MainSpec("FHR.out", "P3S", 250.0, None, &[(-11.0, 3.0)], 110.0, "Hill Road"),
    MainSpec("P3D", "HV", 250.0, None, &[(-11.0, 8.0)], 110.0, "Hill Road"),
    MainSpec("CLT.out", "A", 300.0, Some(0), &[(-4.0, 0.0)], 105.0, "Clock Tower Road"),
    MainSpec("A0", "A1", 250.0, Some(0), &[], 95.0, "Clock Tower Road"),
    MainSpec("A1", "A2", 160.0, Some(0), &[], 90.0, "Clock Tower Road"),
    MainSpec("A0", "A3", 250.0, Some(0), &[], 95.0, "Bazaar Peth"),
    MainSpec("A1", "A4", 200.0, Some(0), &[], 90.0, "Tambat Lane"),
    MainSpec("A3", "A4", 160.0, Some(0), &[], 90.0, "Ganesh Road"),
    MainSpec("A2", "A5", 160.0, Some(0), &[], 90.0, "Wada Street"),
    MainSpec("A4", "A5", 110.0, Some(0), &[], 90.0, "Ganesh Road"),
    MainSpec("A3", "A6", 160.0, Some(0), &[], 90.0, "Bazaar Peth"),
    MainSpec("A4", "A7", 160.0, Some(0), &[], 90.0, "Tambat Lane"),
    MainSpec("A6", "A7", 160.0, Some(0), &[], 90.0, "Court Road"),
    MainSpec("A7", "A8", 110.0, Some(0), &[], 90.0, "Court Road"),
    MainSpec("A5", "A8", 110.0, Some(0), &[], 90.0, "Wada Street"),
    MainSpec("MET.out", "B", 300.0, Some(1), &[], 110.0, "Depot Road"),
    MainSpec("B0", "B1", 250.0, Some(1), &[], 100.0, "Platform Road"),
    MainSpec("B1", "B2", 160.0, Some(1), &[], 100.0, "Platform Road"),
    MainSpec("B2", "B3", 160.0, Some(1), &[], 100.0, "Signal Lane"),
    MainSpec("B1", "B4", 200.0, Some(1), &[], 100.0, "College Road"),
    MainSpec("B3", "B4", 160.0, Some(1), &[], 100.0, "Market Yard Road"),
    MainSpec("B0", "B5", 200.0, Some(1), &[], 100.0, "Depot Road"),
    MainSpec("B4", "B5", 160.0, Some(1), &[], 100.0, "Market Yard Road"),
    MainSpec("B5", "B6", 160.0, Some(1), &[], 100.0, "Depot Road"),
    MainSpec("B6", "B7", 110.0, Some(1), &[], 100.0, "Canal Road"),
    MainSpec("B4", "B7", 160.0, Some(1), &[], 100.0, "College Road"),
    MainSpec("B7", "B8", 110.0, Some(1), &[], 100.0, "Canal Road"),
    MainSpec("B3", "B8", 110.0, Some(1), &[], 100.0, "Signal Lane"),
    MainSpec("CLT.out", "C", 300.0, Some(2), &[(-6.0, -1.0), (-1.0, -1.0), (-1.0, 0.0)], 105.0, "Clock Tower Road"),
    MainSpec("C0", "C1", 300.0, Some(2), &[], 95.0, "Temple Lane"),
    MainSpec("C1", "C2", 200.0, Some(2), &[], 85.0, "Potters Lane"),
    MainSpec("C2", "C3", 160.0, Some(2), &[], 85.0, "Potters Lane"),
    MainSpec("C3", "C4", 110.0, Some(2), &[], 85.0, "Mango Grove Road"),
    MainSpec("C2", "C5", 160.0, Some(2), &[], 85.0, "Weavers Lane"),
    MainSpec("C4", "C5", 110.0, Some(2), &[], 85.0, "Lower Ghat Street"),
    MainSpec("C1", "C6", 300.0, Some(2), &[], 85.0, "Ghat Road"),
    MainSpec("C5", "C6", 160.0, Some(2), &[], 85.0, "Lower Ghat Street"),
    MainSpec("C6", "C7", 160.0, Some(2), &[], 80.0, "Ghat Road"),
    MainSpec("C1", "C8", 200.0, Some(2), &[], 85.0, "Potters Lane"),
    MainSpec("C8", "C9", 160.0, Some(2), &[], 85.0, "Dhobi Road"),
    MainSpec("C6", "C9", 160.0, Some(2), &[], 85.0, "Lower Ghat Street"),
    MainSpec("C9", "C10", 110.0, Some(2), &[], 85.0, "Dhobi Road"),
    MainSpec("C7", "C10", 110.0, Some(2), &[], 80.0, "Sona Bank Road"),
    MainSpec("HCT.out", "D", 250.0, Some(3), &[], 110.0, "Tower Road"),
    MainSpec("D0", "D1", 160.0, Some(3), &[], 105.0, "Colony First Cross"),
    MainSpec("D1", "D2", 110.0, Some(3), &[], 105.0, "Teachers Colony Road"),
    MainSpec("D0", "D3", 160.0, Some(3), &[], 105.0, "Tower Road"),
    MainSpec("D2", "D3", 110.0, Some(3), &[], 105.0, "Ridge Road"),
    MainSpec("D0", "D5", 160.0, Some(3), &[], 105.0, "Colony First Cross"),
    MainSpec("D5", "D4", 110.0, Some(3), &[], 105.0, "Orchard Road"),
    MainSpec("D3", "D4", 110.0, Some(3), &[], 105.0, "Ridge Road"),
    MainSpec("MET.out", "E", 300.0, Some(4), &[], 110.0, "Depot Road"),
    MainSpec("E0", "E1", 300.0, Some(4), &[], 100.0, "Depot Road"),
    MainSpec("E1", "E2", 250.0, Some(4), &[], 95.0, "Spinning Mill Road"),
    MainSpec("E2", "E3", 160.0, Some(4), &[], 95.0, "Spinning Mill Road"),
    MainSpec("E3", "E4", 160.0, Some(4), &[], 95.0, "Gin Lane"),
    MainSpec("E2", "E5", 200.0, Some(4), &[], 90.0, "Mill Road"),
    MainSpec("E4", "E5", 160.0, Some(4), &[], 90.0, "Dyers Road"),
    MainSpec("E1", "E6", 200.0, Some(4), &[], 90.0, "Warehouse Road"),
    MainSpec("E5", "E6", 160.0, Some(4), &[], 90.0, "Dyers Road"),
    MainSpec("E6", "E7", 160.0, Some(4), &[], 90.0, "Warehouse Road"),
    MainSpec("E5", "E8", 110.0, Some(4), &[], 90.0, "Mill Road"),
    MainSpec("E7", "E8", 110.0, Some(4), &[], 90.0, "River View Road"),
];

/// A closed main between two areas, with its valve's tag: it carries nothing, and is there for emergencies.
pub(crate) struct TieSpec {
    pub(crate) valve: &'static str,
    pub(crate) corners: &'static [(f64, f64)],
    pub(crate) valve_at: (f64, f64),
    pub(crate) area: usize,
}

/// The closed ties.
pub(crate) const TIES: [TieSpec; 2] = [
    TieSpec { valve: "XV-34", corners: &[(5.0, -2.0), (5.0, 2.0), (4.0, 2.0)], valve_at: (5.0, 0.5), area: 2 },
    TieSpec { valve: "XV-35", corners: &[(5.0, -6.0), (9.0, -6.0)], valve_at: (7.2, -6.0), area: 2 },
];

/// A line valve that stands open: tag, corner, area.
pub(crate) const LINE_VALVES: [(&str, (f64, f64), Option<usize>); 8] = [
    ("XV-21", (0.0, -3.4), Some(2)),
    ("XV-22", (0.0, -7.0), Some(2)),
    ("XV-23", (-4.0, -4.0), Some(2)),
    ("XV-11", (-4.0, 6.4), Some(0)),
    ("XV-12", (2.0, 8.0), Some(0)),
    ("XV-41", (15.0, 5.0), Some(1)),
    ("XV-51", (12.0, 1.2), None),
    ("XV-52", (15.0, -4.0), Some(4)),
];

/// What a node of the network is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum NodeKind {
    /// Its head follows from the flows.
    Free,
    /// The river.
    River,
    /// The free outfall into a tank, above its overflow.
    TankInlet(usize),
    /// The outlet of a tank: the head is its level.
    TankOutlet(usize),
}

/// A node of the network.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) key: String,
    pub(crate) kind: NodeKind,
    pub(crate) at: Place,
    pub(crate) ground_m: f64,
    pub(crate) area: Option<usize>,
    /// Its share of its area's use, 0 to 1.
    pub(crate) share: f64,
}

/// What a link of the network is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum LinkKind {
    /// A main: loss in m is `resistance` × Q^1.852, Q in m³/s.
    Main { resistance: f64, volume_m3: f64 },
    /// All running pumps of a station.
    Pumps(usize),
    /// The filters of the works.
    Filters,
    /// The throttled inlet of an area.
    Throttle(usize),
    /// The modulating inlet valve of a tank.
    Float(usize),
}

/// A link of the network, in the usual direction of flow.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) kind: LinkKind,
    pub(crate) from: usize,
    pub(crate) to: usize,
}

/// A main as it is drawn.
#[derive(Debug, Clone)]
pub(crate) struct Main {
    pub(crate) name: String,
    pub(crate) street: &'static str,
    pub(crate) area: Option<usize>,
    pub(crate) diameter_mm: f64,
    pub(crate) course: Vec<Place>,
    /// The street corners that it runs by.
    pub(crate) corners: Vec<(f64, f64)>,
    /// Its link; none where it is shut for good.
    pub(crate) link: Option<usize>,
}

/// The town's network.
#[derive(Debug, Clone)]
pub(crate) struct Town {
    pub(crate) nodes: Vec<Node>,
    pub(crate) links: Vec<Link>,
    pub(crate) mains: Vec<Main>,
}

impl Town {
    /// Nandipur.
    pub(crate) fn nandipur() -> Self {
        let mut town = Self { nodes: Vec::new(), links: Vec::new(), mains: Vec::new() };
        town.place_nodes();
        town.lay_mains();
        town.fit_pumps_and_valves();
        town
    }

    /// The node called `key`.
    pub(crate) fn node(&self, key: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.key == key)
    }

    /// The link of the given kind.
    pub(crate) fn link(&self, kind: LinkKind) -> Option<usize> {
        self.links.iter().position(|link| link.kind == kind)
    }

    /// The link of the main between two nodes.
    pub(crate) fn main_between(&self, from: &str, to: &str) -> Option<usize> {
        let (from, to) = (self.node(from)?, self.node(to)?);
        self.mains
            .iter()
            .filter_map(|main| main.link)
            .find(|link| self.links.get(*link).is_some_and(|link| link.from == from && link.to == to))
    }

    fn place_nodes(&mut self) {
        let river = corner(-14.0, -9.6);
        self.nodes.push(Node {
            key: "RIVER".to_owned(),
            kind: NodeKind::River,
            at: river,
            ground_m: 546.0,
            area: None,
            share: 0.0,
        });
        for (tank, spec) in TANKS.iter().enumerate() {
            let ways = [("in", NodeKind::TankInlet(tank)), ("out", NodeKind::TankOutlet(tank))];
            for (way, kind) in ways {
                self.nodes.push(Node {
                    key: format!("{}.{way}", spec.tag),
                    kind,
                    at: corner(spec.at.0, spec.at.1),
                    ground_m: spec.floor_m,
                    area: None,
                    share: 0.0,
                });
            }
        }
        for NodeSpec(key, (i, j), area, share) in NODES {
            let at = corner(*i, *j);
            self.nodes.push(Node {
                key: (*key).to_owned(),
                kind: NodeKind::Free,
                at,
                ground_m: ground(at),
                area: *area,
                share: *share,
            });
        }
    }

    fn lay_mains(&mut self) {
        for MainSpec(from, to, diameter_mm, area, between, roughness, street) in MAINS {
            let (Some(from), Some(to)) = (self.node(from), self.node(to)) else { continue };
            let mut corners = vec![self.corner_of(from)];
            corners.extend_from_slice(between);
            corners.push(self.corner_of(to));
            let course = course(&corners);
            let metres = length(&course);
            let diameter = diameter_mm / 1e3;
            let resistance = 10.67 * metres / (roughness.powf(1.852) * diameter.powf(4.87));
            let volume_m3 = metres * std::f64::consts::FRAC_PI_4 * diameter.powi(2);
            self.links.push(Link { kind: LinkKind::Main { resistance, volume_m3 }, from, to });
            self.mains.push(Main {
                name: format!("M-{:02}", self.mains.len() + 1),
                street,
                area: *area,
                diameter_mm: *diameter_mm,
                course,
                corners,
                link: Some(self.links.len() - 1),
            });
        }
        for tie in &TIES {
            self.mains.push(Main {
                name: format!("M-{:02}", self.mains.len() + 1),
                street: "closed tie",
                area: Some(tie.area),
                diameter_mm: 110.0,
                course: course(tie.corners),
                corners: tie.corners.to_vec(),
                link: None,
            });
        }
    }

    fn fit_pumps_and_valves(&mut self) {
        let mut fit = |kind, from: &str, to: &str| {
            if let (Some(from), Some(to)) = (self.node(from), self.node(to)) {
                self.links.push(Link { kind, from, to });
            }
        };
        for (station, spec) in STATIONS.iter().enumerate() {
            fit(LinkKind::Pumps(station), spec.suction, spec.delivery);
        }
        fit(LinkKind::Filters, "WIN", "WOUT");
        for (area, spec) in AREAS.iter().enumerate() {
            fit(LinkKind::Throttle(area), spec.before_inlet, spec.inlet);
        }
        for (tank, from) in [(1, "CV"), (2, "HV"), (3, "MV")] {
            if let Some(spec) = TANKS.get(tank) {
                fit(LinkKind::Float(tank), from, &format!("{}.in", spec.tag));
            }
        }
    }

    /// The street corner that a node of the tables stands on.
    fn corner_of(&self, node: usize) -> (f64, f64) {
        let key = self.nodes.get(node).map_or("", |node| node.key.as_str());
        let tank = TANKS.iter().find(|tank| key.starts_with(tank.tag)).map(|tank| tank.at);
        let table = || NODES.iter().find(|spec| spec.0 == key).map(|spec| spec.1);
        tank.or_else(table).unwrap_or(WORKS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_main_joins_two_nodes_and_about_sixty_run_in_the_areas() {
        let town = Town::nandipur();
        assert_eq!(town.mains.len(), MAINS.len() + TIES.len());
        let in_areas = town.mains.iter().filter(|main| main.area.is_some()).count();
        assert!((55..=65).contains(&in_areas), "{in_areas}");
        for main in &town.mains {
            assert!((110.0..=450.0).contains(&main.diameter_mm));
            assert!(main.course.len() >= 2, "{}", main.name);
        }
    }

    #[test]
    fn the_whole_use_of_every_area_is_shared_out() {
        let town = Town::nandipur();
        for (area, spec) in AREAS.iter().enumerate() {
            let shares: f64 = town.nodes.iter().filter(|node| node.area == Some(area)).map(|node| node.share).sum();
            assert!((shares - 1.0).abs() < 1e-9, "{}: {shares}", spec.name);
        }
    }

    #[test]
    fn the_town_is_three_to_five_kilometres_across() {
        let town = Town::nandipur();
        let xs: Vec<f64> = town.nodes.iter().map(|node| node.at.x).collect();
        let span = xs.iter().copied().fold(f64::MIN, f64::max) - xs.iter().copied().fold(f64::MAX, f64::min);
        assert!((3_000.0..=5_000.0).contains(&span), "{span}");
    }
}
